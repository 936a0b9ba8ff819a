"""Recipes and bases. Past this border there is no dict."""

import re
from difflib import get_close_matches
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name

from inferpack.allowed import Allow, Allowed
from inferpack.bases import Base, Described, expanded
from inferpack.errors import UsageError
from inferpack.expectation import TASKS
from inferpack.model import GENERIC, Arch, Cell, Flavour, Recipe, Variant
from inferpack.parsing import parse
from inferpack.prune import Prune
from inferpack.recipe_checks import check_cells, check_cpus, check_rows, check_targets
from inferpack.rungs import CpuModel, CpuModels, Rungs, Target, Tool
from inferpack.tables import Table

DIGEST_PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
BASES, SHARED, LADDER, TOOLS = "bases.toml", "shared.toml", "ladder.toml", "tools.toml"
TARGETS, CPUS, ALLOWED = "targets.toml", "cpus.toml", "allowed.toml"
# Files of the folder that are no recipes
OTHERS = (BASES, SHARED, LADDER, TOOLS, TARGETS, CPUS, ALLOWED)


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
    targets = parse(folder / TARGETS, dict[str, Target])
    check_targets(f"{folder.name}/{TARGETS}", targets)
    return targets


def load_ladder(folder: Path) -> Rungs:
    return parse(folder / LADDER, Rungs)


def load_cpus(folder: Path) -> tuple[CpuModel, ...]:
    cpus = parse(folder / CPUS, CpuModels).cpu
    check_cpus(f"{folder.name}/{CPUS}", cpus)
    return cpus


def load_allowed(folder: Path) -> tuple[Allow, ...]:
    """Vulnerabilities that may go out, for a time."""
    return parse(folder / ALLOWED, Allowed).allow


def load_tools(folder: Path) -> dict[str, Tool]:
    return parse(folder / TOOLS, dict[str, Tool])


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
    check_cells(where, recipe.matrix)
    for cell in recipe.matrix:
        if Flavour.DEV in cell.flavours and not recipe.dev_budget_mb:
            raise UsageError(where, "a dev flavour without dev-budget-mb", "add it")
        if Flavour.DEV in cell.flavours and f"{recipe.base}-{Flavour.DEV}" not in bases:
            wrong = f"base '{recipe.base}' has no dev flavour"
            raise UsageError(where, wrong, f"name one of {BASES} that has a dev table")
    check_rows(where, recipe.proof.rows, TASKS.get(recipe.name, ()))
    for cell in recipe.matrix:
        if not recipe.proof.judging(cell.backend, arm=cell.arch is Arch.ARM64):
            wrong = f"matrix: {cell.backend} on {cell.arch} has no [[proof.rows]]"
            raise UsageError(where, wrong, "add one, or remove the cell")
    if twice := sorted(set(recipe.prune) & set(shared)):
        raise UsageError(where, f"prune.{twice[0]} is in {SHARED} too", "keep one of them")
    return msgspec.structs.replace(recipe, prune={**shared, **recipe.prune})


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


def prune_of(variant: Variant, package: str) -> Prune:
    """The rules for one package, by its normalised name, in this variant.

    The framework's go by the recipe's name too: its wheel may have another on one architecture.
    """
    name, rules = canonicalize_name(package), variant.recipe.prune
    named = variant.recipe.name if name == variant.cell.framework else name
    prune = rules.get(name, rules.get(named, Prune()))
    return prune.on(variant.arch, development=variant.flavour is Flavour.DEV)
