"""What the recipes ask for, resolved once and committed: wheels, packages of bases and tools."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from inferpack import archive, console, locks, matrix, recipes, tools
from inferpack.indexes import Indexes
from inferpack.model import Arch, Variant
from inferpack.store import write, write_record
from inferpack.wheel import Needed, Purpose, WheelVariant
from inferpack.workshop import Workshop


def lock_both(shop: Workshop, glob: str, *, upgrade: bool) -> Iterator[Path]:
    """Writes the locks of the images and of the wheels that a glob names."""
    known: tuple[Variant | WheelVariant, ...] = (*shop.variants(), *shop.wheel_variants())
    found = matrix.select(known, glob)
    images = [item.id for item in found if isinstance(item, Variant)]
    wheels = [item.id for item in found if isinstance(item, WheelVariant)]
    if images:
        yield from lock(shop, ",".join(images), upgrade=upgrade)
    if wheels:
        yield from lock_wheels(shop, ",".join(wheels), upgrade=upgrade)


def lock(shop: Workshop, glob: str, *, upgrade: bool) -> Iterator[Path]:
    """Writes the lock of each variant, and of each base that needs one or is to be upgraded."""
    indexes, known = shop.places(), set[Path]()
    for variant in shop.variants(glob):
        name, spec = shop.base(variant)
        path = shop.lock_path(variant)
        if path not in known:  # by another flavour
            known.add(path)
            yield lock_image(shop, variant, indexes, upgrade=upgrade)
        base_path = shop.base_lock_path(name, variant.arch)
        if base_path not in known and (
            upgrade or not archive.is_current(base_path, spec, variant.arch)
        ):
            with console.step(f"resolve base {name} for {variant.arch}"):
                yield write_record(base_path, archive.lock(spec, variant.arch, cache=shop.cache))
        known.add(base_path)
    yield from lock_tools(shop, upgrade=upgrade)


def lock_image(shop: Workshop, variant: Variant, indexes: Indexes, *, upgrade: bool) -> Path:
    """Writes the lock of a variant's wheels."""
    path = shop.lock_path(variant)
    with console.step(f"resolve {variant.id}"):
        resolved = locks.resolve(
            variant,
            shop.base(variant)[1].glibc,
            indexes,
            cache=shop.cache,
            log=shop.folder(variant) / "lock.log",
            previous=locks.read(path) if path.exists() else None,
            upgrade=upgrade,
        )
    return write(path, locks.render(resolved))


def lock_tools(shop: Workshop, *, upgrade: bool) -> Iterator[Path]:
    """The tools' own packages, for machines of either architecture; none needs the others that
    Debian installs beside it.
    """
    for name, tool in recipes.load_tools(shop.recipes).items():
        for arch in Arch:
            path = shop.tool_lock_path(name, arch)
            if upgrade or not archive.is_current(path, tool, arch):
                with console.step(f"resolve tool {name} for {arch}"):
                    found = archive.lock(tool, arch, cache=shop.cache)
                    own = tools.package_of(tool, found.packages)
                    yield write_record(path, replace(found, packages=(own,)))


def lock_wheels(shop: Workshop, glob: str, *, upgrade: bool) -> Iterator[Path]:
    """Writes what recipes of wheels need to be built and tested, where that is to be upgraded or
    has changed; for both architectures, for a build machine may be of either.
    """
    indexes, chosen = shop.indexes(), {item.recipe.name for item in shop.wheel_variants(glob)}
    known = {item.recipe.name: item.recipe for item in shop.wheel_variants()}
    for recipe in (known[name] for name in sorted(chosen)):
        for needed in (Needed(recipe=recipe, purpose=why, arch=a) for why in Purpose for a in Arch):
            path, glibc = shop.needed_path(needed), shop.needed_glibc(needed)
            previous = locks.read(path) if path.exists() else None
            if previous and not upgrade and previous.inputs == locks.inputs(needed, glibc):
                continue
            with console.step(f"resolve {needed.id}"):
                log = shop.cache / "logs" / f"lock-{needed.id}.log"
                # Without the versions of before: of one that is pinned too, uv asks only the
                # first index, even where that has no wheel for this platform.
                resolved = locks.resolve(
                    needed,
                    glibc,
                    indexes,
                    cache=shop.cache,
                    log=log,
                    previous=None,
                    upgrade=upgrade,
                )
                if previous and not upgrade:
                    locks.refuse_other_bytes(previous, resolved.wheels)
            yield write(path, locks.render(resolved))
    for variant in shop.wheel_variants(glob):
        asked, path = shop.sysroot(variant), shop.sysroot_path(variant)
        if upgrade or not archive.is_current(path, asked, variant.arch):
            with console.step(f"resolve sysroot of {variant.id}"):
                yield write_record(path, archive.lock(asked, variant.arch, cache=shop.cache))
    for name in sorted({known[name].builder for name in chosen}):
        spec = shop.bases[name]
        for arch in Arch:
            path = shop.base_lock_path(name, arch)
            if upgrade or not archive.is_current(path, spec, arch):
                with console.step(f"resolve base {name} for {arch}"):
                    yield write_record(path, archive.lock(spec, arch, cache=shop.cache))
