"""Pinned versions are replaced in a recipe's text, and nothing else is."""

import shutil
from pathlib import Path

import pytest

from inferpack import pins, recipes
from inferpack.errors import InferpackError
from inferpack.model import Recipe

NAMES = ("onnxruntime", "pytorch", "tensorflow", "openvino", "ctranslate2", "llama-cpp")


@pytest.fixture
def folder(tmp_path: Path, root: Path) -> Path:
    made = tmp_path / "recipes"
    shutil.copytree(root / "recipes", made, ignore=shutil.ignore_patterns("locks"))
    return made


def recipe(folder: Path, name: str) -> Recipe:
    (found,) = (item for item in recipes.load(folder) if item.name == name)
    return found


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(old, new) for old, new in pairs if old != new]


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_s_pins_can_be_moved_alone(folder: Path, name: str) -> None:
    """One line a cell, and of it the version."""
    path, known = folder / f"{name}.toml", recipe(folder, name)
    versions = tuple(f"99.{place}" for place in range(len(known.matrix)))
    before = path.read_text()
    pins.write(folder, known, versions)
    changes = changed_lines(before, path.read_text())
    assert [new for _, new in changes] == [
        old.replace(f"=={cell.version}", f"=={version}")
        for (old, _), cell, version in zip(changes, known.matrix, versions, strict=True)
    ]


def test_a_cell_that_stays_keeps_its_line_though_another_has_the_same(folder: Path) -> None:
    known, path = recipe(folder, "pytorch"), folder / "pytorch.toml"
    before = path.read_text()
    pins.write(folder, known, ("2.13.0+cpu", "2.10.0", "2.11.0"))
    assert changed_lines(before, path.read_text()) == [
        ('requires = ["torch==2.10.0", "numpy>=2"]', 'requires = ["torch==2.11.0", "numpy>=2"]')
    ]


def test_other_ways_to_write_a_recipe_are_read_too(folder: Path) -> None:
    path = folder / "ctranslate2.toml"
    text = path.read_text().replace('["ctranslate2==4.8.5", ', "[\n  'ctranslate2 == 4.8.5',\n  ")
    path.write_text(
        text.replace("[[matrix]]", "  [[ matrix ]]  # a cell") + "# not 'ctranslate2 == 4.8.5'\n"
    )
    pins.write(folder, recipe(folder, "ctranslate2"), ("5.0", "5.0"))
    assert path.read_text().count("\n  'ctranslate2 == 5.0',\n") == 2
    assert path.read_text().endswith("# not 'ctranslate2 == 4.8.5'\n")


def test_a_recipe_whose_pins_cannot_be_told_apart_is_one_line(folder: Path) -> None:
    path = folder / "onnxruntime.toml"
    head, _, tail = path.read_text().partition("[[matrix]]")
    _, _, tail = tail.partition("[environment]")
    cells = (
        f'{{ backend = "mlas", arch = "{arch}", requires = ["onnxruntime==1"] }}'
        for arch in ("amd64", "arm64")
    )
    path.write_text(f"{head}matrix = [{', '.join(cells)}]\n\n[environment]{tail}")
    with pytest.raises(InferpackError) as caught:
        pins.write(folder, recipe(folder, "onnxruntime"), ("2", "2"))
    assert str(caught.value) == (
        "recipes/onnxruntime.toml: its pinned versions are not where they can be replaced; "
        "write each cell as a [[matrix]] table, with the framework's version in one string"
    )
