"""Recipes expanded to variants, and variants chosen by glob."""

from collections.abc import Callable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from inferpack.errors import UsageError
from inferpack.model import GENERIC, Arch, Flavour, Recipe, Variant


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Chosen(Protocol):
    """What globs choose from: variants of images, and of wheels."""

    @property
    def id(self) -> str: ...
    @property
    def recipe(self) -> Named: ...
    @property
    def arch(self) -> Arch: ...


T = TypeVar("T", bound=Chosen)
# Mean all even where there is nothing: not everybody has recipes of wheels, or dev images.
ALL = ("*", f"*-{Flavour.DEV}")


def variants(recipes: tuple[Recipe, ...]) -> tuple[Variant, ...]:
    """Every flavour of every cell of every recipe, in the recipes' order."""
    return tuple(
        Variant(recipe=recipe, cell=cell, flavour=flavour)
        for recipe in recipes
        for cell in recipe.matrix
        for flavour in cell.flavours
    )


def usual(known: tuple[Variant, ...], globs: str, arch: Arch | None) -> tuple[Variant, ...]:
    """`select` for work that takes long: what a glob leaves open is decided as most people mean.

    Of what each glob matches: this architecture's (None: all), the runtime flavour's, the generic
    target's; a glob that matches none of these means what it matches.
    """
    wanted = {
        variant.id for glob in globs.split(",") for variant in meant(matching(known, glob), arch)
    }
    return tuple(variant for variant in known if variant.id in wanted)


def meant(found: tuple[Variant, ...], arch: Arch | None) -> tuple[Variant, ...]:
    likely: tuple[Callable[[Variant], bool], ...] = (
        lambda variant: arch in (None, variant.arch),
        lambda variant: variant.flavour is Flavour.RUNTIME,
        lambda variant: variant.cell.target == GENERIC,
    )
    for is_likely in likely:
        found = tuple(filter(is_likely, found)) or found
    return found


def select(known: tuple[T, ...], globs: str) -> tuple[T, ...]:
    """The variants whose id or recipe name matches any of the comma-separated globs.

    UsageError with the nearest names where one of them matches nothing, unless it is one of ALL.
    """
    wanted = {variant.id for glob in globs.split(",") for variant in matching(known, glob)}
    return tuple(variant for variant in known if variant.id in wanted)


def only(known: tuple[T, ...], globs: str, arch: str) -> tuple[T, ...]:
    """All of one architecture; UsageError where a glob matches variants of another alone."""
    own = tuple(variant for variant in known if variant.arch == arch)
    for glob in globs.split(","):
        if (found := fitting(known, glob)) and not fitting(own, glob):
            other = found[0].arch
            raise UsageError(glob, f"is for {other}", f"leave out --arch, or: --arch {other}")
    return own


def fitting(known: tuple[T, ...], glob: str) -> tuple[T, ...]:
    return tuple(
        variant
        for variant in known
        if fnmatchcase(variant.id, glob) or fnmatchcase(variant.recipe.name, glob)
    )


def matching(known: tuple[T, ...], glob: str) -> tuple[T, ...]:
    if (chosen := fitting(known, glob)) or glob in ALL:
        return chosen
    names = sorted({name for variant in known for name in (variant.id, variant.recipe.name)})
    near = get_close_matches(glob, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise UsageError(glob, "matches no variant", hint)
