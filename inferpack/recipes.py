"""Recipes and bases: TOML in, typed nouns out. Past this border there is no dict."""

import re
import tomllib
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from inferpack.bases import Base, Described, Development, expanded
from inferpack.errors import UsageError
from inferpack.expectation import (
    TASKS,
    Accuracy,
    Expectation,
    Feature,
    Least,
    Operator,
    Row,
    Task,
    Tolerance,
)
from inferpack.model import (
    GENERIC,
    Arch,
    Backend,
    Cell,
    Flavour,
    Need,
    Python,
    Recipe,
    Target,
    Variant,
)
from inferpack.prune import Prune
from inferpack.rungs import CpuModel, CpuModels, Emulated, Masked, Rungs, Tool
from inferpack.tables import Table

T = TypeVar("T")
TABLES: tuple[type[Table], ...] = (
    *(Recipe, Cell, Prune, Expectation, Accuracy, Row, Tolerance),
    *(Rungs, Masked, Emulated, CpuModels, CpuModel, Tool, Target, Described, Development),
)
KEYS = sorted({name for table in TABLES for name in table.__struct_encode_fields__})
ENUMS: dict[str, type[StrEnum]] = {
    "backend": Backend,
    "arch": Arch,
    "python": Python,
    "cpu": Feature,
    "needs": Need,
    "flavours": Flavour,
    "kernels": Least,
    "key in kernels": Operator,
    "key in speedups": Task,
}
PINNED = re.compile(r"^[^=<>~!;,]+==[^*=<>~!;,]+$")
DIGEST_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
BASES, SHARED, LADDER, TOOLS = "bases.toml", "shared.toml", "ladder.toml", "tools.toml"
TARGETS, CPUS = "targets.toml", "cpus.toml"
OTHERS = (BASES, SHARED, LADDER, TOOLS, TARGETS, CPUS)  # files of the folder that are no recipes


class Shared(Table, frozen=True):
    """Prune rules of packages that several recipes hold, one table a package."""

    prune: dict[str, Prune]


def load(folder: Path) -> tuple[Recipe, ...]:
    """Every recipe of the folder, sorted by name, with the shared prune rules filled in."""
    shared = parse(folder / SHARED, Shared).prune
    bases, targets = load_bases(folder), load_targets(folder)
    paths = sorted(path for path in folder.glob("*.toml") if path.name not in OTHERS)
    return tuple(
        aimed(path, check(path, parse(path, Recipe), bases, shared), targets) for path in paths
    )


def load_bases(folder: Path) -> dict[str, Base]:
    """Every base by name; the dev flavour's is NAME-dev."""
    return expanded(parse(folder / BASES, dict[str, Described]))


def load_targets(folder: Path) -> dict[str, Target]:
    return parse(folder / TARGETS, dict[str, Target])


def load_ladder(folder: Path) -> Rungs:
    return parse(folder / LADDER, Rungs)


def load_cpus(folder: Path) -> tuple[CpuModel, ...]:
    return parse(folder / CPUS, CpuModels).cpu


def load_tools(folder: Path) -> dict[str, Tool]:
    return parse(folder / TOOLS, dict[str, Tool])


def parse(path: Path, kind: type[T]) -> T:
    """Reads TOML strictly; an error names the file, the key and what would be right."""
    where = f"{path.parent.name}/{path.name}"
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise UsageError(where, f"is not valid TOML: {err}") from err
    except msgspec.ValidationError as err:
        raise UsageError(where, *explain(str(err))) from err


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
    if missing := re.search(r"missing required field `(.+)`", text):
        return f"{prefix}missing key '{missing[1]}'", "add it"
    return f"{prefix}{text[:1].lower()}{text[1:]}".replace("`", "'"), ""


def refuse_idle(folder: Path, recipe: Recipe, packages: set[str]) -> None:
    """A recipe's own prune table for a package that is not there is a typo, or a leftover."""
    shared = set(parse(folder / SHARED, Shared).prune)
    for name in sorted(set(recipe.prune) - shared - packages):
        near = get_close_matches(name, packages, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "remove it"
        where = f"recipes/{recipe.name}.toml"
        raise UsageError(where, f"prune.{name}: the lock has no such package", hint)


def check(path: Path, recipe: Recipe, bases: dict[str, Base], shared: dict[str, Prune]) -> Recipe:
    """What types cannot say: names that must exist, pairs that must be possible."""
    where = f"{path.parent.name}/{path.name}"
    if recipe.name != path.stem:
        raise UsageError(where, f"name is '{recipe.name}'", f"the file's name says '{path.stem}'")
    if recipe.base not in bases and not DIGEST_PINNED.fullmatch(recipe.base):
        hint = f"known bases: {', '.join(bases)}; or a registry image pinned by @sha256:"
        raise UsageError(where, f"unknown base '{recipe.base}'", hint)
    for key, rows in (("matrix", recipe.matrix), ("proof.rows", recipe.proof.rows)):
        if not rows:
            raise UsageError(where, f"{key} is empty", "give it at least one entry")
    for cell in recipe.matrix:
        check_cell(where, cell)
        if Flavour.DEV in cell.flavours and not recipe.dev_budget_mb:
            raise UsageError(where, "a dev flavour without dev-budget-mb", "add it")
        if Flavour.DEV in cell.flavours and f"{recipe.base}-{Flavour.DEV}" not in bases:
            wrong = f"base '{recipe.base}' has no dev flavour"
            raise UsageError(where, wrong, f"name one of {BASES} that has a dev table")
    for row in recipe.proof.rows:
        check_row(where, row, TASKS.get(recipe.name, ()))
    for cell in recipe.matrix:
        if not recipe.proof.judging(cell.backend, arm=cell.arch is Arch.ARM64):
            wrong = f"matrix: {cell.backend} on {cell.arch} has no [[proof.rows]]"
            raise UsageError(where, wrong, "add one, or remove the cell")
    if twice := sorted(set(recipe.prune) & set(shared)):
        raise UsageError(where, f"prune.{twice[0]} is in {SHARED} too", "keep one of them")
    return msgspec.structs.replace(recipe, prune={**shared, **recipe.prune})


def check_cell(where: str, cell: Cell) -> None:
    if cell.arch not in cell.backend.archs:
        right = ", ".join(cell.backend.archs)
        wrong = f"backend '{cell.backend}' does not exist on {cell.arch}"
        raise UsageError(where, wrong, f"it exists on {right}")
    for need in cell.needs:
        if need.arch is not cell.arch:
            raise UsageError(where, f"no {cell.arch} CPU has '{need}'", "remove it from needs")
    for text in cell.requires:
        try:
            Requirement(text)
        except InvalidRequirement as err:
            hint = "write it as in PEP 508: name==version"
            raise UsageError(where, f"'{text}' is not a requirement", hint) from err
    if not cell.requires or not PINNED.search(cell.requires[0]):
        wrong = "requires must begin with the framework, pinned to one version"
        raise UsageError(where, wrong, "write it as name==version")


def aimed(path: Path, recipe: Recipe, targets: dict[str, Target]) -> Recipe:
    """The recipe with what its cells' targets need and set filled in."""
    where = f"{path.parent.name}/{path.name}"
    return msgspec.structs.replace(
        recipe, matrix=tuple(aimed_cell(where, cell, targets) for cell in recipe.matrix)
    )


def aimed_cell(where: str, cell: Cell, targets: dict[str, Target]) -> Cell:
    if cell.target == GENERIC:
        return cell
    target = targets.get(cell.target)
    if target is None:
        near = get_close_matches(cell.target, targets, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {GENERIC}, {', '.join(targets)}"
        raise UsageError(where, f"unknown target '{cell.target}'", hint)
    if target.arch is not cell.arch:
        wrong = f"target '{cell.target}' is no {cell.arch} CPU"
        raise UsageError(where, wrong, f"it is for {target.arch}")
    return msgspec.structs.replace(
        cell,
        needs=tuple(dict.fromkeys((*cell.needs, *target.needs))),
        environment={**target.environment, **cell.environment},
    )


def check_row(where: str, row: Row, tasks: tuple[Task, ...]) -> None:
    if not row.kernels:
        wrong = f"the row of cpu {list(row.cpu)} names no kernels"
        raise UsageError(where, wrong, "give at least one operator and what it must be")
    if len({feature.is_arm for feature in row.cpu}) > 1:
        wrong = f"the row of cpu {list(row.cpu)} mixes architectures"
        raise UsageError(where, wrong, "give each architecture a row of its own")
    for backend in row.backends:
        if backend not in list(Backend):
            near = get_close_matches(backend, list(Backend), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(Backend)}"
            raise UsageError(where, f"proof.rows: unknown backend '{backend}'", hint)
    for task in row.speedups:
        if task not in tasks:
            wrong = f"proof.rows.speedups: this framework has no task '{task}'"
            raise UsageError(where, wrong, f"it has {', '.join(tasks) or 'none'}")


def prune_of(variant: Variant, package: str) -> Prune:
    """The rules for one package, by its normalised name, in this variant.

    The framework's go by the recipe's name too: its wheel may have another on one architecture.
    """
    name, rules = canonicalize_name(package), variant.recipe.prune
    named = variant.recipe.name if name == variant.cell.framework else name
    prune = rules.get(name, rules.get(named, Prune()))
    return prune.on(variant.arch, development=variant.flavour is Flavour.DEV)
