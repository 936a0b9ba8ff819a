"""What a backend adds to its framework is in its images, and in no others."""

from importlib import metadata
from pathlib import Path

from inferpack import matrix, program, recipes
from inferpack.model import SITE, Variant

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = matrix.variants(recipes.load(ROOT / "recipes"))


def variant(name: str) -> Variant:
    (found,) = matrix.select(VARIANTS, name)
    return found


def test_torch_finds_the_plugin_of_the_openblas_backend(tmp_path: Path) -> None:
    program.fill(tmp_path, variant("pytorch-openblas-py311-arm64"), ROOT / "selftest")
    (found,) = metadata.distributions(path=[str(tmp_path / SITE)])
    (point,) = found.entry_points
    assert (point.group, point.value) == ("torch.backends", "inferpack_openblas:start")
    assert "def start(" in (tmp_path / SITE / f"{point.module}.py").read_text()


def test_other_backends_have_none(tmp_path: Path) -> None:
    program.fill(tmp_path, variant("pytorch-onednn-acl-py311-arm64"), ROOT / "selftest")
    assert not (tmp_path / SITE).exists()


def test_every_plugin_belongs_to_a_backend_of_a_recipe() -> None:
    folders = {path.name for path in (ROOT / "plugins").iterdir()}
    assert folders <= {f"{variant.recipe.name}-{variant.backend}" for variant in VARIANTS}


def test_a_changed_plugin_makes_a_new_layer(tmp_path: Path) -> None:
    source = tmp_path / "selftest"
    source.mkdir()
    chosen = variant("pytorch-openblas-py311-arm64")
    before = program.code_key(chosen, source)
    added = tmp_path / "plugins/pytorch-openblas/more.py"
    added.parent.mkdir(parents=True)
    added.write_text("")
    assert program.code_key(chosen, source) != before
