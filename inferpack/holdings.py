"""What is locked of pip's indexes: in locks of images and wheels, and as sources of wheels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name

from inferpack import locks, target
from inferpack.errors import InferpackError
from inferpack.model import Arch, File, LockedWheel, Python, Variant
from inferpack.upstream import Place
from inferpack.wheel import Kind, Needed, Purpose, WheelRecipe
from inferpack.wheelhouse import is_ours
from inferpack.workshop import Workshop


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """A project's release that something is made from.

    `owner`: the id of the lock that says so, or the name of a wheel's recipe; `files`: those that
    an index must have; `held`: why it stays.
    """

    owner: str
    name: str
    version: str
    files: tuple[File, ...]
    place: Place
    held: str = ""


def of_images(shop: Workshop, variants: Iterable[Variant]) -> Iterator[Holding | InferpackError]:
    """What the variants' locks hold, or why one cannot be read."""
    for path, variant in by_lock(shop, variants).items():
        glibc = shop.base(variant)[1].glibc
        try:
            wheels = locks.load(path, variant, glibc).wheels
        except InferpackError as err:
            yield err
            continue
        where = place(variant.python, variant.arch, glibc)
        yield from of_lock(
            owner(variant), wheels, where, {variant.cell.framework: variant.cell.held}
        )


def by_lock(shop: Workshop, variants: Iterable[Variant]) -> dict[Path, Variant]:
    """One variant for each lock, which flavours share."""
    known: dict[Path, Variant] = {}
    for variant in variants:
        known.setdefault(shop.lock_path(variant), variant)
    return known


def owner(variant: Variant) -> str:
    """As a variant's lock is called."""
    return variant.id.removesuffix(variant.suffix)


def of_wheels(shop: Workshop, made: Iterable[WheelRecipe]) -> Iterator[Holding | InferpackError]:
    """The recipes' sources that an index has, and what their locks hold."""
    for recipe in made:
        for source in recipe.sources:
            if source.kind is Kind.SDIST:
                yield Holding(
                    owner=recipe.name,
                    name=canonicalize_name(source.name),
                    version=source.version,
                    files=source.files,
                    place=Place(python=recipe.python),
                )
        for needed in (Needed(recipe=recipe, purpose=why, arch=a) for why in Purpose for a in Arch):
            try:
                wheels = shop.needed(needed)
            except InferpackError as err:
                yield err
                continue
            where = place(needed.python, needed.arch, shop.needed_glibc(needed))
            yield from of_lock(needed.id, wheels, where, {})


def of_lock(
    owner: str, wheels: Iterable[LockedWheel], where: Place, held: Mapping[str, str]
) -> Iterator[Holding]:
    """A wheel that is built here is on no index; its source is its recipe's."""
    for wheel in wheels:
        yield Holding(
            owner=owner,
            name=wheel.name,
            version=wheel.version,
            files=() if is_ours(wheel) else (wheel.file,),
            place=where,
            held=held.get(wheel.name, ""),
        )


@cache
def place(python: Python, arch: Arch, glibc: str) -> Place:
    return Place(python=python, tags=frozenset(target.tags(python, arch, glibc)))
