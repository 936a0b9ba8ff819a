"""What the recipes, locks and records of a checkout refer to; nothing is made or fetched, and of
programs only strip is asked, for its version.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from inferpack import (
    base,
    images,
    layers,
    locks,
    program,
    recipes,
    sources,
    store,
    sysroot,
    tools,
    wheelhouse,
)
from inferpack.archive import BaseLock
from inferpack.base import BaseRecord
from inferpack.budget import Needs
from inferpack.model import Arch, File, Flavour, LockedWheel, Package, Variant
from inferpack.prune import Prune
from inferpack.sysroot import SysrootRecord
from inferpack.wheel import BuiltWheel, Kind, Needed, Purpose, WheelVariant
from inferpack.workshop import Workshop

OF_DEBIAN = "a lock or record names it, and Debian's archive has one version of each"
COMPILED = "it was compiled here, and build/wheels has it no more"
FOR_GOOD = (OF_DEBIAN, COMPILED)


def of(shop: Workshop) -> Needs:
    """UsageError where a recipe or lock cannot be read: then nobody knows."""
    variants, wheels = shop.variants(), shop.wheel_variants()
    own = {*locked(shop)}
    return Needs(
        names=frozenset(
            (
                *(variant.id for variant in variants),
                *(wheel.id for wheel in wheels),
                *(wheel.file.sha256 for wheel in own),
                *(wheel.file.sha256 for wheel in recorded(shop, variants)),
                *bases(shop),
                *(layer for variant in variants for layer in layers_of(shop, variant)),
                *(name for wheel in wheels for name in of_wheel(shop, wheel)),
                *programs(shop),
            )
        ),
        kept={
            **{package.file.sha256: OF_DEBIAN for package in debian(shop, variants)},
            **{file.sha256: OF_DEBIAN for wheel in wheels for file in debian_sources(wheel)},
            **dict.fromkeys(compiled(shop, own), COMPILED),
        },
    )


def locked(shop: Workshop) -> Iterator[LockedWheel]:
    for folder in (shop.locks, shop.wheels / "locks"):
        for path in sorted(folder.glob("pylock.*.toml")):
            yield from locks.read(path).wheels


def recorded(shop: Workshop, variants: Iterable[Variant]) -> Iterator[LockedWheel]:
    """What SBOMs of images on record are read from."""
    for variant in variants:
        if image := images.read(shop.folder(variant)):
            yield from image.wheels


def debian(shop: Workshop, variants: Iterable[Variant]) -> Iterator[Package]:
    """Packages of locks and records: Debian's archive keeps one version of each."""
    for path in (*shop.locks.glob("*.json"), *(shop.wheels / "locks").glob("*.json")):
        yield from packages(path, BaseLock)
    for path in shop.cache.glob("base/*/base.json"):
        yield from packages(path, BaseRecord)
    for path in shop.cache.glob("sysroot/*/sysroot.json"):
        yield from packages(path, SysrootRecord)
    for variant in variants:
        if image := images.read(shop.folder(variant)):
            yield from image.debian


def packages(
    path: Path, kind: type[BaseLock] | type[BaseRecord] | type[SysrootRecord]
) -> tuple[Package, ...]:
    record = store.read_record(path, kind)
    return record.packages if record else ()


def bases(shop: Workshop) -> Iterator[str]:
    """Every base of today, from the locked packages or from Debian's newest."""
    for name, spec in shop.bases.items():
        for arch in Arch:
            lock = packages(shop.base_lock_path(name, arch), BaseLock)
            yield from (base.key(spec, arch, committed) for committed in (lock, ()))


def layers_of(shop: Workshop, variant: Variant) -> Iterator[str]:
    name, _ = shop.base(replace(variant, flavour=Flavour.RUNTIME))
    python, path = compiler(shop, name), shop.lock_path(variant)
    yield from program.keys(variant, shop.selftest, python)
    for wheel in locks.read(path).wheels if path.exists() else ():
        prune = recipes.prune_of(variant, wheel.name)
        strip = layers.stripper(prune, variant.arch, Path(os.devnull))
        yield layers.key(wheel.file.sha256, prune, variant.arch, python, strip)


def compiler(shop: Workshop, name: str) -> str:
    """The digest of the Python that compiles here: the base's, as it was made or is locked."""
    spec, arch = shop.bases[name], base.native()
    committed = packages(shop.base_lock_path(name, arch), BaseLock)
    record = shop.cache / "base" / base.key(spec, arch, committed) / "base.json"
    return base.python_digest(packages(record, BaseRecord) or committed)


def of_wheel(shop: Workshop, variant: WheelVariant) -> Iterator[str]:
    """Its source and archives, what it is compiled against, and what builds it."""
    yield sources.key(variant.recipe, shop.wheels)
    yield from (file.sha256 for file in variant.archives)
    committed = packages(shop.sysroot_path(variant), BaseLock)
    yield sysroot.key(shop.sysroot(variant), variant.arch, committed)
    needed = Needed(recipe=variant.recipe, purpose=Purpose.BUILD, arch=base.native())
    path, python = shop.needed_path(needed), compiler(shop, variant.recipe.test.base)
    for wheel in locks.read(path).wheels if path.exists() else ():
        yield layers.key(wheel.file.sha256, Prune(), base.native(), python, "")


def debian_sources(variant: WheelVariant) -> Iterator[File]:
    for source in variant.recipe.sources:
        if source.kind is Kind.DEBIAN:
            yield from source.files


def programs(shop: Workshop) -> Iterator[str]:
    """Packages that programs were taken from, where others were locked too."""
    for path in shop.locks.glob("tool-*.json"):
        for package in packages(path, BaseLock):
            used = store.read_record(tools.note(shop.cache / "tools", package), Package)
            yield from (item.file.sha256 for item in (package, used) if item)


def compiled(shop: Workshop, wheels: Iterable[LockedWheel]) -> Iterator[str]:
    """Wheels built here that no folder of build/wheels has any more: that takes minutes."""
    found = (
        (path.parent, store.read_record(path, BuiltWheel))
        for path in shop.built_wheels.glob("*/wheel.json")
    )
    there = {
        record.file.sha256
        for folder, record in found
        if record and (folder / record.file.name).is_file()
    }
    for wheel in wheels:
        if wheelhouse.is_ours(wheel) and wheel.file.sha256 not in there:
            yield wheel.file.sha256
