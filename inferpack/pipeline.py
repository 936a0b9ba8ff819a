"""The whole story: recipe → variant → lock → wheelhouse → context → image → proof."""

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from inferpack import (
    base,
    console,
    due,
    emulation,
    hosts,
    images,
    keys,
    locks,
    multiarch,
    program,
    proof,
    recipes,
    render,
    stages,
    summary,
    wheelhouse,
)
from inferpack.base import BuiltBase
from inferpack.errors import InferpackError
from inferpack.keys import Keys
from inferpack.layers import wheel_layer
from inferpack.model import Arch, Compiler, Flavour, Layer, LockedWheel, Origin, Recipe, Variant
from inferpack.store import locked
from inferpack.workshop import Workshop

CPUS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Everything an image is made from; `decided` names it, and changes when any of it does."""

    variant: Variant
    lock: locks.Lock
    root: render.Root
    base: BuiltBase
    compiler: Compiler
    decided: keys.Inputs


def build_base(
    shop: Workshop, variant: Variant, arch: Arch, compiler: BuiltBase | None = None
) -> BuiltBase:
    name, spec = shop.base(variant)
    committed = shop.base_lock(variant, arch)
    return base.ensure(name, spec, arch, cache=shop.cache, committed=committed, compiler=compiler)


def inputs(shop: Workshop, variant: Variant) -> Inputs:
    """Reads the lock and makes the base where it is not cached."""
    name, spec = shop.base(variant)
    lock = locks.load(shop.lock_path(variant), variant, spec.glibc)
    # The runtime's Python compiles every flavour's files: they are the same files, and layers
    own = build_base(shop, replace(variant, flavour=Flavour.RUNTIME), base.native())
    built = build_base(shop, variant, variant.arch, compiler=own)
    compiler = Compiler(
        command=tuple(base.python_command(own)), digest=base.python_digest(own.packages)
    )
    root = render.root_of(variant, name, spec, f"sha256:{built.digest}", built.packages)
    return Inputs(
        variant=variant,
        lock=lock,
        root=root,
        base=built,
        compiler=compiler,
        decided=Keys(shop=shop).here(variant),
    )


def ordered(lock: locks.Lock, variant: Variant) -> tuple[LockedWheel, ...]:
    """By name, the framework last: a new release of it then changes the least of an image."""
    framework = variant.cell.framework
    return tuple(sorted(lock.wheels, key=lambda wheel: (wheel.name == framework, wheel.name)))


def layers(shop: Workshop, made: Inputs) -> tuple[Layer, ...]:
    """The base, one layer a wheel, the selftest program's data and its code."""
    variant, folder = made.variant, shop.folder(made.variant)
    wheels = ordered(made.lock, variant)
    base.check(made.base)
    recipes.refuse_idle(shop.recipes, variant.recipe, packages(shop, variant.recipe))
    paths = wheelhouse.ensure(wheels, shop.places, cache=shop.cache)

    def layer(wheel: LockedWheel) -> Layer:
        tar = wheel_layer(
            paths[wheel],
            wheel.file.sha256,
            prune=recipes.prune_of(variant, wheel.name),
            arch=variant.arch,
            compiler=made.compiler,
            cache=shop.cache,
            log=folder / f"{wheel.name}.log",
        )
        return Layer(name=f"{wheel.name}-{wheel.version}", tar=tar)

    with console.step(f"{len(wheels)} wheels as layers"), ThreadPoolExecutor(CPUS) as pool:
        jobs = {wheel: pool.submit(layer, wheel) for wheel in by_size(wheels)}
        try:
            found = tuple(jobs[wheel].result() for wheel in wheels)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what has begun still ends
            raise
    selftest = program.program_layers(
        variant,
        shop.selftest,
        compiler=made.compiler,
        cache=shop.cache,
        log=folder / "selftest.log",
    )
    root = (Layer(name=render.BASE_LAYER, tar=made.base.tar),) if made.root.packages else ()
    return (*root, *found, *selftest)


def packages(shop: Workshop, recipe: Recipe) -> set[str]:
    """What the locks of a recipe hold, on all architectures."""
    paths = {shop.lock_path(item) for item in shop.variants(recipe.name)}
    return {wheel.name for path in paths if path.exists() for wheel in locks.read(path).wheels}


def by_size(wheels: Iterable[LockedWheel]) -> list[LockedWheel]:
    """The longest work first."""
    return sorted(wheels, key=lambda wheel: -wheel.file.size)


def context(shop: Workshop, made: Inputs, found: tuple[Layer, ...], origin: Origin) -> Path:
    """Renders build/<id>/context."""
    text = render.dockerfile(
        made.variant,
        root=made.root,
        layers=tuple(layer.name for layer in found),
        lock=f"sha256:{made.lock.digest}",
        origin=origin,
        templates=shop.templates,
    )
    return render.write_context(shop.folder(made.variant) / "context", text, found)


def rendered(shop: Workshop, variant: Variant) -> Path:
    """build/<id>/context, for anyone to build."""
    with locked(shop.folder(variant)):
        made = inputs(shop, variant)
        return context(shop, made, layers(shop, made), shop.origin())


def build(shop: Workshop, made: Inputs) -> images.Image:
    """Builds, measures and records the image under its unproven name."""
    variant, start = made.variant, time.monotonic()
    origin, engine = shop.origin(), shop.engine_for(variant.arch)
    folder = context(shop, made, layers(shop, made), origin)
    with console.step("docker buildx build"):
        manifest = engine.build(
            folder, name=images.unproven(variant), arch=variant.arch, created=origin.created
        )
    seconds = time.monotonic() - start
    try:
        if not made.root.packages:
            images.check_python(variant, engine, manifest.digest)
        unpacked, compressed = images.measure(variant, engine, manifest.digest, folder)
    except InferpackError:
        engine.remove(images.unproven(variant))
        raise
    image = images.Image(
        key=keys.key(made.decided),
        inputs=dict(made.decided),
        digest=manifest.digest,
        manifest_size=manifest.size,
        unpacked=unpacked,
        compressed=compressed,
        seconds=round(seconds, 1),
        built=shop.now(),
        revision=origin.revision,
        created=origin.created,
        base=f"{made.root.name}@{made.root.digest}",
        debian=made.root.packages,
        wheels=made.lock.wheels,
    )
    return images.record(shop.folder(variant), image)


def prove(shop: Workshop, variant: Variant, image: images.Image) -> proof.Proof:
    """Proves an image; only then does it get its name. A proof of before no longer counts."""
    start, engine = time.monotonic(), shop.engine_for(variant.arch)
    proof.forget(shop.folder(variant))
    if emulation.is_needed(engine, variant):
        report, emulated = emulation.prove(shop, variant, image.digest)
        emulated = structs.replace(emulated, judge=Keys(shop=shop).judge(variant))
    else:
        report, emulated = proof.prove(variant, engine, image.digest), None
    return proof.record(
        shop.folder(variant),
        proof.Proof(
            digest=image.digest,
            machine=machine(shop, variant, image.digest),
            proven=shop.now(),
            seconds=round(time.monotonic() - start, 1),
            report=report,
            emulation=emulated,
        ),
    )


def image(shop: Workshop, variant: Variant, *, again: bool = False) -> proof.Proof:
    """A proven image; what has not changed since the last run is not done again.

    `again` asks for a new proof of an image that has one.
    """
    folder, engine = shop.folder(variant), shop.engine_for(variant.arch)
    with locked(folder), engine.reporting():
        built = images.read(folder)
        if built is None or due.image(shop, Keys(shop=shop), variant, built):
            built = build(shop, inputs(shop, variant))
        images.check_budget(variant, built.unpacked, folder / "context")
        proven = proof.read(folder)
        place, judge = machine(shop, variant, built.digest), Keys(shop=shop).judge(variant)
        if proven is None or again or stages.proof(proven, built.digest, place, judge):
            proven = prove(shop, variant, built)
        if engine.digest(variant.reference) != built.digest:
            engine.name(built.digest, variant.reference)
        console.note(summary.told(proven))
        for name in multiarch.update(shop, variant):
            console.note(f"  {name}")
        engine.remove(images.unproven(variant))  # last: see due.names
        return proven


def machine(shop: Workshop, variant: Variant, digest: str) -> str:
    """A proof holds for the CPU it was made on, real or emulated; `digest`: the image's."""
    engine = shop.engine_for(variant.arch)
    if emulation.is_needed(engine, variant):
        return emulation.machine(shop, variant)
    return hosts.processor(engine, digest)
