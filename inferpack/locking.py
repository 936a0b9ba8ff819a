"""What the recipes ask for, resolved once and committed: wheels, packages of bases and tools."""

from collections.abc import Iterator
from pathlib import Path

from inferpack import archive, console, locks, recipes
from inferpack.model import Arch
from inferpack.store import write, write_record
from inferpack.workshop import Workshop


def lock(shop: Workshop, glob: str, *, upgrade: bool) -> Iterator[Path]:
    """Writes the lock of each variant, and of each base that needs one or is to be upgraded."""
    indexes, known = shop.indexes(), set[Path]()
    for variant in shop.variants(glob):
        name, spec = shop.base(variant)
        path = shop.lock_path(variant)
        if path not in known:  # by another flavour
            known.add(path)
            with console.step(f"resolve {variant.id}"):
                resolved = locks.resolve(
                    variant,
                    spec.glibc,
                    indexes,
                    cache=shop.cache,
                    log=shop.folder(variant) / "lock.log",
                    previous=locks.read(path) if path.exists() else None,
                    upgrade=upgrade,
                )
            yield write(path, locks.render(resolved))
        base_path = shop.base_lock_path(name, variant.arch)
        if base_path not in known and (
            upgrade or not archive.is_current(base_path, spec, variant.arch)
        ):
            with console.step(f"resolve base {name} for {variant.arch}"):
                yield write_record(base_path, archive.lock(spec, variant.arch, cache=shop.cache))
        known.add(base_path)
    yield from lock_tools(shop, upgrade=upgrade)


def lock_tools(shop: Workshop, *, upgrade: bool) -> Iterator[Path]:
    """The packages of the tools that run on a machine of either architecture."""
    for name, tool in recipes.load_tools(shop.recipes).items():
        for arch in Arch:
            path = shop.tool_lock_path(name, arch)
            if upgrade or not archive.is_current(path, tool, arch):
                with console.step(f"resolve tool {name} for {arch}"):
                    yield write_record(path, archive.lock(tool, arch, cache=shop.cache))
