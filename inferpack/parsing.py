"""TOML in, typed nouns out: strictly, and with the nearest names for what nobody knows."""

import re
import tomllib
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from inferpack.allowed import Allow, Allowed
from inferpack.bases import Described, Development
from inferpack.errors import UsageError
from inferpack.expectation import (
    Accuracy,
    Expectation,
    Feature,
    Least,
    Operator,
    Row,
    Task,
    Tolerance,
)
from inferpack.model import Arch, Backend, Cell, Flavour, Need, Python, Recipe
from inferpack.prune import Prune
from inferpack.rungs import CpuModel, CpuModels, Emulated, Masked, Rungs, Target, Tool
from inferpack.tables import Table
from inferpack.wheel import BuildSystem, Kind, Source, WheelCell, WheelRecipe, WheelTest

T = TypeVar("T")
TABLES: tuple[type[Table], ...] = (
    *(WheelRecipe, WheelCell, WheelTest, Source),
    *(Recipe, Cell, Prune, Expectation, Accuracy, Row, Tolerance),
    *(Rungs, Masked, Emulated, CpuModels, CpuModel, Tool, Target, Described, Development),
    *(Allowed, Allow),
)
KEYS = sorted({name for table in TABLES for name in table.__struct_encode_fields__})
ENUMS: dict[str, type[StrEnum]] = {
    "backend": Backend,
    "build-system": BuildSystem,
    "kind": Kind,
    "arch": Arch,
    "python": Python,
    "cpu": Feature,
    "features": Feature,
    "needs": Need,
    "flavours": Flavour,
    "kernels": Least,
    "key in kernels": Operator,
    "key in speedups": Task,
}


def parse(path: Path, kind: type[T]) -> T:
    """Reads TOML strictly; an error names the file, the key and what would be right."""
    where = f"{path.parent.name}/{path.name}"
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError as err:
        raise UsageError(where, "is missing", "restore it from git") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise UsageError(where, f"is not valid TOML: {err}") from err
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as err:
        raise UsageError(where, *explain(named(str(err), document, kind))) from err


def named(message: str, document: dict[str, object], kind: type) -> str:
    """msgspec calls every table of a dict `[...]`: the same, by the name of the one it is in."""
    if "`$[...]" not in message:
        return message
    for name, table in document.items():
        try:
            msgspec.convert({name: table}, kind)
        except msgspec.ValidationError as err:
            return str(err).replace("`$[...]", f"`$.{name}")
    return message


def explain(message: str) -> tuple[str, str]:
    """Rewords msgspec: the key first, and the nearest known key for an unknown one.

    >>> explain("Object contains unknown field `pyhton` - at `$.matrix[0]`")
    ("matrix[0]: unknown key 'pyhton'", "did you mean 'python'?")
    """
    text, _, at = message.partition(" - at ")
    role, _, at = at.replace("`", "").rpartition("$")
    at = at.removeprefix(".").removesuffix("[...]")
    key = role + re.sub(r"\[\d+\]$", "", at).rpartition(".")[2]
    prefix = f"{at}: " if at else ""
    if unknown := re.search(r"unknown field `(.+)`", text):
        nearest = get_close_matches(unknown[1], KEYS, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"known keys: {', '.join(KEYS)}"
        return f"{prefix}unknown key '{unknown[1]}'", hint
    if (wrong := re.search(r"Invalid enum value '(.+)'", text)) and key in ENUMS:
        nearest = get_close_matches(wrong[1], list(ENUMS[key]), n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"known: {', '.join(ENUMS[key])}"
        return f"{prefix}unknown value '{wrong[1]}'", hint
    if text.endswith("of length >= 1"):
        hint = "write it" if "`str`" in text else "give it at least one entry"
        return f"{at} is empty", hint
    if missing := re.search(r"missing required field `(.+)`", text):
        return f"{prefix}missing key '{missing[1]}'", "add it"
    return f"{prefix}{text[:1].lower()}{text[1:]}".replace("`", "'"), ""
