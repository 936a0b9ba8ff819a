"""A recipe's pinned versions, replaced in its text: whatever else is written there stays."""

import re
from pathlib import Path

from inferpack import recipes
from inferpack.errors import InferpackError
from inferpack.model import Cell, Recipe

CELL = re.compile(r"^(?=[ \t]*\[\[[ \t]*matrix[ \t]*\]\])", re.MULTILINE)


def pinned(requirement: str, version: str) -> str:
    """The same requirement of another version.

    >>> pinned("torch[opt] == 2.10.0", "2.11.0")
    'torch[opt] == 2.11.0'
    """
    name, pin = requirement.split("==")
    return f"{name}=={pin[: len(pin) - len(pin.lstrip())]}{version}"


def replaced(text: str, cells: tuple[Cell, ...], versions: tuple[str, ...]) -> str:
    """The recipe's text where each cell's framework has another version, cell by cell."""
    head, *tables = CELL.split(text)
    if len(tables) != len(cells):
        return text
    return head + "".join(
        replaced_once(table, cell.requires[0], pinned(cell.requires[0], version))
        for table, cell, version in zip(tables, cells, versions, strict=True)
    )


def replaced_once(text: str, old: str, new: str) -> str:
    """The first string that is `old` becomes `new`."""
    found = re.compile(rf"(?P<quote>[\"']){re.escape(old)}(?P=quote)")
    return found.sub(lambda match: match["quote"] + new + match["quote"], text, count=1)


def write(folder: Path, recipe: Recipe, versions: tuple[str, ...]) -> None:
    """Moves the cells of the recipe in this folder to these versions; InferpackError where its text
    does not let them be found.
    """
    path = folder / f"{recipe.name}.toml"
    path.write_text(replaced(path.read_text(), recipe.matrix, versions))
    (made,) = (item for item in recipes.load(folder) if item.name == recipe.name)
    if tuple(cell.version for cell in made.matrix) != versions:
        wrong = "its pinned versions are not where they can be replaced"
        hint = "write each cell as a [[matrix]] table, with the framework's version in one string"
        raise InferpackError(f"{folder.name}/{path.name}", wrong, hint)
