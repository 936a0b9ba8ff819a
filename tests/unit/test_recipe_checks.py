"""Recipes, targets and CPUs that types accept and that mean nothing, or something else."""

from pathlib import Path

import pytest

from inferpack import recipes
from inferpack.errors import UsageError
from tests.unit.test_recipes import RECIPE, broken, folder

__all__ = ["folder"]  # a fixture of another file

AVX2 = 'cpu = ["avx2"]\nkernels = { convolution = "avx2" }'
ROW = RECIPE[RECIPE.index("[[proof.rows]]") :]
CELL = RECIPE[RECIPE.index("[[matrix]]") : RECIPE.index("[prune")]
FASTER = ROW.replace('["avx2"]', '["avx2", "fma"]')
CPUS = """
[[cpu]]
name = "A"
arch = "amd64"
model = "a"
features = ["avx2"]
smoke = true

[[cpu]]
name = "B"
arch = "arm64"
model = "b"
features = ["neon"]
smoke = true
"""


def refused(folder: Path, name: str, text: str) -> str:
    """The message of loading this file of CPUs or targets."""
    (folder / f"{name}.toml").write_text(text)
    load = {"cpus": recipes.load_cpus, "targets": recipes.load_targets}[name]
    with pytest.raises(UsageError) as err:
        load(folder)
    return str(err.value)


def test_a_row_asks_for_instructions_of_its_own_architecture(folder: Path) -> None:
    arm = AVX2.replace("avx2", "neon").replace('= "neon"', '= "amx"')
    assert broken(folder, AVX2, arm) == (
        "recipes/toy.toml: the row of cpu neon asks 'amx' of convolution;"
        " no CPU has both: name its own architecture's"
    )
    assert "asks 'i8mm' of convolution" in broken(folder, '= "avx2"', '= "i8mm"')


@pytest.mark.parametrize("least", ["some", "slow"])
def test_what_names_no_instructions_is_of_both_architectures(folder: Path, least: str) -> None:
    x86 = RECIPE.replace('= "avx2"', f'= "{least}"')
    arm = ROW.replace('["avx2"]', '["neon"]').replace('= "avx2"', f'= "{least}"')
    (folder / "toy.toml").write_text(x86 + arm)
    assert len(recipes.load(folder)[0].proof.rows) == 2


@pytest.mark.parametrize(
    ("later", "name"),
    [(ROW, "avx2"), (FASTER, "avx2+fma"), (FASTER + 'backends = ["mlas"]', "avx2+fma")],
)
def test_a_row_that_an_earlier_one_hides_is_refused(folder: Path, later: str, name: str) -> None:
    assert broken(folder, ROW, ROW + later) == (
        f"recipes/toy.toml: the row of cpu {name} never applies: that of avx2 is first;"
        " put the strictest first, and each once"
    )


def test_a_row_of_the_same_backends_hides_too(folder: Path) -> None:
    first, later = ROW + 'backends = ["onednn", "mlas"]\n', FASTER + 'backends = ["mlas"]\n'
    assert "the row of cpu avx2+fma never applies" in broken(folder, ROW, first + later)


@pytest.mark.parametrize("later", [ROW, ROW + 'backends = ["mlas", "ggml"]\n'])
def test_a_row_for_backends_hides_none_for_more(folder: Path, later: str) -> None:
    (folder / "toy.toml").write_text(RECIPE + 'backends = ["mlas"]\n' + later)
    assert len(recipes.load(folder)[0].proof.rows) == 2


def test_a_row_says_in_words_that_it_mixes_architectures(folder: Path) -> None:
    assert broken(folder, 'cpu = ["avx2"]', 'cpu = ["avx2", "i8mm"]') == (
        "recipes/toy.toml: the row of cpu avx2+i8mm mixes architectures;"
        " give each architecture a row of its own"
    )


def test_a_cell_has_one_place(folder: Path) -> None:
    assert broken(folder, CELL, CELL + CELL) == (
        "recipes/toy.toml: matrix has mlas on amd64 for target 'generic' twice; keep one of them"
    )


def test_a_flavour_is_named_once(folder: Path) -> None:
    twice = 'arch = "amd64"\nflavours = ["runtime", "runtime"]'
    assert broken(folder, 'arch = "amd64"', twice) == (
        "recipes/toy.toml: matrix: mlas on amd64 has a flavour twice; name each once"
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('arch = "amd64"', 'arch = "amd64"\nflavours = []', "matrix[0].flavours"),
        ('cpu = ["avx2"]', "cpu = []", "proof.rows[0].cpu"),
        (CELL, "matrix = []\n", "matrix"),
        (ROW, "[proof]\nrows = []\n", "proof.rows"),
    ],
)
def test_what_must_have_entries_is_not_empty(folder: Path, old: str, new: str, key: str) -> None:
    assert broken(folder, old, new) == (
        f"recipes/toy.toml: {key} is empty; give it at least one entry"
    )


ROWS, ACCURACY = "proof.rows[0]", "proof.accuracy"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("speedup = 1.0", "speedup = -1", f"{ROWS}.speedup: expected 'float' > 0.0"),
        ("speedup = 1.0", "speedup = nan", f"{ROWS}.speedup: expected 'float' > 0.0"),
        (
            "speedup = 1.0",
            "speedup = 1.0\nspeedups = { digits = 0 }",
            f"{ROWS}.speedups: expected 'float' > 0.0",
        ),
        ("fp32-min = 0.9", "fp32-min = 98", f"{ACCURACY}.fp32-min: expected 'float' <= 1.0"),
        ("drop-max = 0.1", "drop-max = -1", f"{ACCURACY}.drop-max: expected 'float' >= 0.0"),
        (
            "agreement-min = 0.9",
            "agreement-min = 90",
            f"{ACCURACY}.agreement-min: expected 'float' <= 1.0",
        ),
        ("budget-mb = 10", "budget-mb = 0", "budget-mb: expected 'int' >= 1"),
        (
            "budget-mb = 10",
            "budget-mb = 10\ndev-budget-mb = -3",
            "dev-budget-mb: expected 'int' >= 0",
        ),
        (
            "[proof.accuracy]",
            "[proof.tolerance]\nsize = 5\n[proof.accuracy]",
            "proof.tolerance.size: expected 'float' <= 1.0",
        ),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert broken(folder, old, new) == f"recipes/toy.toml: {message}"


def test_a_missing_file_is_one_line(folder: Path) -> None:
    with pytest.raises(UsageError) as err:
        recipes.load_cpus(folder)
    assert str(err.value) == "recipes/cpus.toml: is missing; restore it from git"


def test_each_architecture_has_one_cpu_to_prove_images_by(folder: Path) -> None:
    (folder / "cpus.toml").write_text(CPUS)
    assert [cpu.name for cpu in recipes.load_cpus(folder)] == ["A", "B"]
    assert refused(folder, "cpus", CPUS.removesuffix("smoke = true\n")) == (
        "recipes/cpus.toml: no CPU of arm64 has smoke = true; give it to one"
    )
    third = CPUS[CPUS.rindex("[[cpu]]") :].replace('"B"', '"C"')
    assert refused(folder, "cpus", CPUS + third) == (
        "recipes/cpus.toml: B and C of arm64 have smoke = true; keep one of them"
    )


def test_a_feature_of_a_cpu_may_be_a_typo(folder: Path) -> None:
    assert refused(folder, "cpus", CPUS.replace('"avx2"', '"avx22"')) == (
        "recipes/cpus.toml: cpu[0].features[0]: unknown value 'avx22'; did you mean 'avx2'?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[n1]\narch = "arm64"\nneeds = ["avx"]', "n1: no arm64 CPU has 'avx'; remove it"),
        ('[generic]\narch = "arm64"', "'generic' is the name of no target; choose another"),
        (
            '["Bad Name/x"]\narch = "arm64"',
            "'Bad Name/x' cannot be part of a tag; use letters, digits, '.', '_' and '-'",
        ),
        (
            '[n1]\narch = "arm64"\n[v1]\narch = "amr64"',
            "v1.arch: unknown value 'amr64'; did you mean 'arm64'?",
        ),
        (
            '[n1]\narch = "arm64"\nneeds = ["dotprdo"]',
            "n1.needs[0]: unknown value 'dotprdo'; did you mean 'dotprod'?",
        ),
        ('[n1]\narhc = "arm64"', "n1: unknown key 'arhc'; did you mean 'arch'?"),
        ("[n1]", "n1: missing key 'arch'; add it"),
    ],
)
def test_a_target_that_makes_no_sense_is_named(folder: Path, text: str, message: str) -> None:
    assert refused(folder, "targets", text) == f"recipes/targets.toml: {message}"
