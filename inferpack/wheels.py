"""The whole story of a wheel: recipe → source → builder → raw wheel → finished → tested."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inferpack import (
    archive,
    backends,
    base,
    builder,
    building,
    console,
    finish,
    keys,
    recipes,
    sources,
    stages,
    store,
    sysroot,
    wheel_checks,
    wheel_recipes,
    wheel_tests,
    wheelhouse,
)
from inferpack.base import BuiltBase
from inferpack.builder import VOLUME, Builder
from inferpack.building import RawWheel
from inferpack.keys import Keys
from inferpack.model import File, LockedWheel
from inferpack.store import digest, file_digest, locked
from inferpack.sysroot import BuiltSysroot
from inferpack.wheel import BuiltWheel, Needed, Purpose, WheelRecipe, WheelVariant
from inferpack.workshop import Workshop


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Everything a wheel is made from; `raw` changes with what the compiler sees, `decided` with
    all. `licences` are of code that is compiled in, by their names in the wheel.
    """

    variant: WheelVariant
    builder: Builder
    sysroot: BuiltSysroot
    licences: Mapping[str, bytes]
    raw: str
    decided: keys.Inputs


def inputs(shop: Workshop, variant: WheelVariant) -> Inputs:
    """Reads the locks and makes the base and the sysroot where they are not cached."""
    recipe, folder = variant.recipe, shop.wheel_folder(variant)
    target = headers(shop, variant)
    python = tools(shop, recipe.test.base)
    needed = shop.needed(Needed(recipe=recipe, purpose=Purpose.BUILD, arch=python.arch))
    paths = wheelhouse.ensure(needed, shop.indexes, cache=shop.cache)
    planned = builder.planned(
        variant,
        tools=tools(shop, recipe.builder, python),
        backends=backends.layers(paths, python, cache=shop.cache, logs=folder / "builder"),
        sysroot=target,
        templates=shop.templates,
        folder=folder / "builder",
    )
    raw = digest(
        planned.key,
        sources.key(recipe, shop.wheels),
        building.command(variant),
        keys.code("building", "job"),
    )
    return Inputs(
        variant=variant,
        builder=planned,
        sysroot=target,
        licences=dict(licences(paths, recipe)),
        raw=raw,
        decided=Keys(shop=shop).wheel_here(variant),
    )


def headers(shop: Workshop, variant: WheelVariant) -> BuiltSysroot:
    """What it is compiled against; tells where Debian has moved on from what is committed."""
    committed = shop.sysroot_lock(variant)
    found = sysroot.ensure(
        shop.sysroot(variant), variant.arch, cache=shop.cache, committed=committed
    )
    for line in base.changes(committed, found.packages):
        console.warn(f"sysroot of {variant.id}: {line}; ./inv lock --upgrade records it")
    return found


def licences(paths: Mapping[LockedWheel, Path], recipe: WheelRecipe) -> Iterator[tuple[str, bytes]]:
    """Of the wheels whose headers are compiled in."""
    where = f"wheels/{recipe.name}.toml"
    for path in backends.compiled_in(paths, recipe.compiled_in, where):
        yield from finish.licences_in(path).items()


def tools(shop: Workshop, name: str, compiler: BuiltBase | None = None) -> BuiltBase:
    """A base for this machine."""
    arch, spec = base.native(), shop.bases[name]
    committed = archive.load(shop.base_lock_path(name, arch), spec, arch, command="./inv lock")
    return base.ensure(name, spec, arch, cache=shop.cache, committed=committed, compiler=compiler)


def wheel(shop: Workshop, variant: WheelVariant, *, volume: str = VOLUME) -> BuiltWheel:
    """A finished wheel that passed its checks and tests; what has not changed is not done again.

    `volume` keeps what the compiler made; without one nothing is known of earlier runs.
    """
    folder = shop.wheel_folder(variant)
    with locked(folder), shop.engine.reporting():
        known = read(folder)
        if known and not stages.wheel(known, Keys(shop=shop).wheel_here(variant)):
            return known
        made = inputs(shop, variant)
        path, raw = compiled(shop, made, volume)
        return finished(shop, made, path, raw)


def read(folder: Path) -> BuiltWheel | None:
    """The wheel on record, where its file is what it was."""
    known = store.read_record(folder / "wheel.json", BuiltWheel)
    return known if known and building.is_whole(folder, known.file) else None


def compiled(shop: Workshop, made: Inputs, volume: str) -> tuple[Path, RawWheel]:
    """The wheel as its build backend leaves it."""
    variant, folder = made.variant, shop.wheel_folder(made.variant)
    if known := building.current(folder, made.raw):
        return known
    source = sources.ensure(variant.recipe, shop.indexes, wheels=shop.wheels, cache=shop.cache)
    image = builder.ensure(made.builder, folder / "builder", shop.engine)
    return building.build(
        variant,
        image,
        source,
        key=made.raw,
        engine=shop.engine,
        folder=folder,
        volume=volume,
    )


def finished(shop: Workshop, made: Inputs, raw: Path, compiled: RawWheel) -> BuiltWheel:
    """Finishes, checks and tests a wheel; only then does it lie where users look for it."""
    variant, folder = made.variant, shop.wheel_folder(made.variant)
    shutil.rmtree(folder / "finished", ignore_errors=True)
    with console.step(f"finish and check {variant.id}"):
        path = finish.finish(
            variant,
            raw,
            folder / "finished",
            libraries=made.sysroot,
            licences=made.licences,
            log=folder / "finish.log",
        )
        least = wheel_recipes.baseline(variant.cell, recipes.load_cpus(shop.recipes))
        examined = wheel_checks.examine(
            path, variant, baseline=least.name, log=folder / "checks.log"
        )
    tested = wheel_tests.run(shop, variant, path)
    for older in folder.glob("*.whl"):
        older.unlink()
    final = path.replace(folder / path.name)
    record = BuiltWheel(
        key=keys.key(made.decided),
        inputs=dict(made.decided),
        variant=variant.id,
        file=described(final),
        version=variant.version,
        tags=examined.tags,
        glibc=examined.glibc,
        seconds=compiled.seconds,
        built=shop.now(),
        source=variant.archives,
        patches=tuple(map(described, sources.patches_of(variant.recipe, shop.wheels))),
        project=tuple(
            described(path, name)
            for name, path in sources.own_files(variant.recipe, shop.wheels).items()
        ),
        checks=examined.checks,
        tested=tested,
    )
    store.write_record(folder / "wheel.json", record)
    return record


def described(path: Path, name: str = "") -> File:
    return File(name=name or path.name, size=path.stat().st_size, sha256=file_digest(path))
