from pathlib import Path

import pytest

from inferpack import matrix, recipes
from inferpack.errors import UsageError
from inferpack.expectation import Task
from inferpack.model import Variant
from inferpack.prune import Prune

RECIPE = """
name = "toy"
title = "Toy"
licenses = "MIT"
source = "https://example.org/toy"
base = "plain"
python = "3.11"
budget-mb = 10

[[matrix]]
backend = "mlas"
arch = "amd64"
requires = ["toy==1.0"]

[prune.toy]
remove = ["toy/tests/*"]

[proof.accuracy]
fp32-min = 0.9
drop-max = 0.1
agreement-min = 0.9

[[proof.rows]]
cpu = ["avx2"]
kernels = { convolution = "avx2" }
speedup = 1.0
"""
BASES = '[plain]\nsuite = "bookworm"\nglibc = "2.36"\npython = "3.11"\npackages = ["libc6"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "recipes"
    place.mkdir()
    (place / "bases.toml").write_text(BASES)
    (place / "shared.toml").write_text('[prune.numpy]\nremove = ["*.pyi"]\n')
    (place / "targets.toml").write_text('[neoverse-n1]\narch = "arm64"\nneeds = ["dotprod"]\n')
    (place / "toy.toml").write_text(RECIPE)
    return place


def broken(folder: Path, old: str, new: str) -> str:
    """The message of loading the toy recipe with `old` replaced."""
    assert old in RECIPE
    (folder / "toy.toml").write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(UsageError) as err:
        recipes.load(folder)
    assert err.value.exit_code == 2
    return str(err.value)


def test_a_recipe_loads_with_the_shared_prune_rules(folder: Path) -> None:
    (recipe,) = recipes.load(folder)
    assert recipe.prune == {
        "numpy": Prune(remove=("*.pyi",)),
        "toy": Prune(remove=("toy/tests/*",)),
    }


def test_an_unknown_key_names_the_nearest_one(folder: Path) -> None:
    assert broken(folder, 'python = "3.11"', 'pyhton = "3.11"') == (
        "recipes/toy.toml: unknown key 'pyhton'; did you mean 'python'?"
    )


def test_an_unknown_key_in_a_table_says_which_table(folder: Path) -> None:
    assert broken(folder, 'arch = "amd64"', 'arhc = "amd64"') == (
        "recipes/toy.toml: matrix[0]: unknown key 'arhc'; did you mean 'arch'?"
    )


def test_a_wrong_type_names_the_key_and_both_types(folder: Path) -> None:
    assert broken(folder, "budget-mb = 10", 'budget-mb = "10"') == (
        "recipes/toy.toml: budget-mb: expected 'int', got 'str'"
    )


def test_a_missing_key_is_named(folder: Path) -> None:
    assert broken(folder, 'title = "Toy"\n', "") == "recipes/toy.toml: missing key 'title'; add it"


def test_a_backend_that_an_architecture_does_not_have_is_refused(folder: Path) -> None:
    assert broken(folder, 'backend = "mlas"', 'backend = "onednn-acl"') == (
        "recipes/toy.toml: backend 'onednn-acl' does not exist on amd64; it exists on arm64"
    )


def test_what_a_cpu_needs_is_something_that_its_architecture_may_have(folder: Path) -> None:
    assert broken(folder, 'arch = "amd64"', 'arch = "arm64"\nneeds = ["x86-64-v2"]') == (
        "recipes/toy.toml: no arm64 CPU has 'x86-64-v2'; remove it from needs"
    )
    assert broken(folder, 'arch = "amd64"', 'arch = "amd64"\nneeds = ["x86-64-v9"]') == (
        "recipes/toy.toml: matrix[0].needs[0]: unknown value 'x86-64-v9'; did you mean 'x86-64-v4'?"
    )


def test_an_unknown_backend_lists_no_traceback_but_the_value(folder: Path) -> None:
    assert broken(folder, 'backend = "mlas"', 'backend = "mlsa"') == (
        "recipes/toy.toml: matrix[0].backend: unknown value 'mlsa'; did you mean 'mlas'?"
    )


def test_a_base_must_be_known_or_pinned_by_digest(folder: Path) -> None:
    assert broken(folder, 'base = "plain"', 'base = "python:3.11"') == (
        "recipes/toy.toml: unknown base 'python:3.11'; known bases: plain;"
        " or a registry image pinned by @sha256:"
    )


def test_a_dev_flavour_needs_a_budget_and_a_base_that_has_one(folder: Path) -> None:
    asked = 'arch = "amd64"\nflavours = ["runtime", "dev"]'
    assert broken(folder, 'arch = "amd64"', asked) == (
        "recipes/toy.toml: a dev flavour without dev-budget-mb; add it"
    )
    budget = "budget-mb = 10\ndev-budget-mb = 20"
    recipe = RECIPE.replace('arch = "amd64"', asked).replace("budget-mb = 10", budget)
    (folder / "toy.toml").write_text(recipe)
    with pytest.raises(UsageError) as err:
        recipes.load(folder)
    assert str(err.value) == (
        "recipes/toy.toml: base 'plain' has no dev flavour;"
        " name one of bases.toml that has a dev table"
    )
    bases = folder / "bases.toml"
    bases.write_text(bases.read_text() + '[plain.dev]\npackages = ["gcc"]\n')
    assert [cell.flavours for cell in recipes.load(folder)[0].matrix] == [("runtime", "dev")]


def test_a_registry_base_pinned_by_digest_is_accepted(folder: Path) -> None:
    pinned = "registry.example.org/python@sha256:" + "a" * 64
    (folder / "toy.toml").write_text(RECIPE.replace('"plain"', f'"{pinned}"'))
    assert recipes.load(folder)[0].base == pinned


def test_a_kernel_must_be_of_a_known_instruction_set(folder: Path) -> None:
    assert broken(folder, '= "avx2"', '= "avx512vnni"') == (
        "recipes/toy.toml: proof.rows[0].kernels: unknown value 'avx512vnni';"
        " did you mean 'avx512_vnni'?"
    )


def test_an_operator_must_be_known(folder: Path) -> None:
    assert broken(folder, "convolution =", "convolutoin =") == (
        "recipes/toy.toml: proof.rows[0].kernels: unknown value 'convolutoin';"
        " did you mean 'convolution'?"
    )


def test_a_speedup_is_of_a_task_that_selftest_knows(folder: Path) -> None:
    assert broken(folder, "speedup = 1.0", "speedup = 1.0\nspeedups = { encodr = 1.2 }") == (
        "recipes/toy.toml: proof.rows[0].speedups: unknown value 'encodr'; did you mean 'encoder'?"
    )


def test_a_speedup_is_of_a_task_that_this_framework_has(folder: Path) -> None:
    """The toy, under the name of one that has."""
    (folder / "toy.toml").unlink()
    recipe = RECIPE.replace('"toy"', '"tensorflow"') + "[proof.rows.speedups]\n"
    (folder / "tensorflow.toml").write_text(recipe + "digits = 1.2\n")
    (loaded,) = recipes.load(folder)
    assert [row.speedups for row in loaded.proof.rows] == [{Task.DIGITS: 1.2}]
    (folder / "tensorflow.toml").write_text(recipe + "encoder = 1.2\n")
    with pytest.raises(UsageError) as err:
        recipes.load(folder)
    assert str(err.value) == (
        "recipes/tensorflow.toml: proof.rows.speedups: this framework has no task 'encoder';"
        " it has digits"
    )


def test_a_cell_by_which_no_row_could_ever_judge_is_refused(folder: Path) -> None:
    assert broken(folder, 'arch = "amd64"', 'arch = "arm64"') == (
        "recipes/toy.toml: matrix: mlas on arm64 has no [[proof.rows]]; add one, or remove the cell"
    )
    assert broken(folder, 'cpu = ["avx2"]', 'cpu = ["avx2"]\nbackends = ["onednn"]') == (
        "recipes/toy.toml: matrix: mlas on amd64 has no [[proof.rows]]; add one, or remove the cell"
    )


def test_a_row_without_kernels_is_refused(folder: Path) -> None:
    assert broken(folder, '{ convolution = "avx2" }', "{}") == (
        "recipes/toy.toml: the row of cpu avx2 names no kernels;"
        " give at least one operator and what it must be"
    )


def test_a_requirement_must_be_one(folder: Path) -> None:
    assert broken(folder, '["toy==1.0"]', '["toy=1.0"]') == (
        "recipes/toy.toml: 'toy=1.0' is not a requirement; write it as in PEP 508: name==version"
    )


def test_broken_toml_is_one_line(folder: Path) -> None:
    assert broken(folder, 'name = "toy"', "name = toy").startswith(
        "recipes/toy.toml: is not valid TOML: "
    )


def test_a_recipe_is_named_as_its_file(folder: Path) -> None:
    assert broken(folder, 'name = "toy"', 'name = "boy"') == (
        "recipes/toy.toml: name is 'boy'; the file's name says 'toy'"
    )


def test_prune_rules_have_one_place(folder: Path) -> None:
    assert broken(folder, "[prune.toy]", "[prune.numpy]") == (
        "recipes/toy.toml: prune.numpy is in shared.toml too; keep one of them"
    )


def test_a_local_version_label_stays_out_of_the_image_name(variants: tuple[Variant, ...]) -> None:
    (torch,) = matrix.select(variants, "pytorch-onednn-py311-amd64")
    assert torch.cell.version.endswith("+cpu")
    assert "+" not in torch.reference


def test_a_feature_that_no_cpu_reports_is_a_typo(folder: Path) -> None:
    assert broken(folder, 'cpu = ["avx2"]', 'cpu = ["avx512vnni"]') == (
        "recipes/toy.toml: proof.rows[0].cpu[0]: unknown value 'avx512vnni';"
        " did you mean 'avx512_vnni'?"
    )


def test_prune_rules_for_a_package_that_is_not_locked_are_a_typo(folder: Path) -> None:
    (recipe,) = recipes.load(folder)
    recipes.refuse_idle(folder, recipe, {"toy"})  # numpy's are shared: it may be absent
    with pytest.raises(UsageError) as err:
        recipes.refuse_idle(folder, recipe, {"toys", "numpy"})
    assert str(err.value) == (
        "recipes/toy.toml: prune.toy: the lock has no such package; did you mean 'toys'?"
    )


def test_a_frameworks_wheel_is_pruned_alike_under_any_name(variants: tuple[Variant, ...]) -> None:
    (x86,) = matrix.select(variants, "tensorflow-onednn-py311-amd64")
    (arm,) = matrix.select(variants, "tensorflow-onednn-acl-py311-arm64")
    rules = recipes.prune_of(arm, "tensorflow")
    assert rules.remove
    assert recipes.prune_of(x86, "tensorflow-cpu") == rules
    assert recipes.prune_of(x86, "tensorflow-io") == Prune()
