"""Recipes expanded to variants, and variants chosen by glob."""

from difflib import get_close_matches
from fnmatch import fnmatchcase

from inferpack.errors import UsageError
from inferpack.model import Recipe, Variant


def variants(recipes: tuple[Recipe, ...]) -> tuple[Variant, ...]:
    """Every cell of every recipe, in the recipes' order."""
    return tuple(Variant(recipe=recipe, cell=cell) for recipe in recipes for cell in recipe.matrix)


def select(known: tuple[Variant, ...], globs: str) -> tuple[Variant, ...]:
    """The variants whose id or recipe name matches any of the comma-separated globs.

    UsageError with the nearest names where one of them matches nothing.
    """
    wanted = {variant.id for glob in globs.split(",") for variant in matching(known, glob)}
    return tuple(variant for variant in known if variant.id in wanted)


def matching(known: tuple[Variant, ...], glob: str) -> tuple[Variant, ...]:
    chosen = tuple(
        variant
        for variant in known
        if fnmatchcase(variant.id, glob) or fnmatchcase(variant.recipe.name, glob)
    )
    if chosen:
        return chosen
    names = sorted({name for variant in known for name in (variant.id, variant.recipe.name)})
    near = get_close_matches(glob, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise UsageError(glob, "matches no variant", hint)
