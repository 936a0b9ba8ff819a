"""The whole story: recipe → variant → lock → wheelhouse → context → image → proof."""

import os
import platform
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from inferpack import base, console, images, locks, program, proof, recipes, render, wheelhouse
from inferpack.base import BuiltBase
from inferpack.errors import InferpackError
from inferpack.layers import wheel_layer
from inferpack.model import Arch, Base, Compiler, Layer, LockedWheel, Origin, Variant
from inferpack.store import digest, file_digest, locked, tree_digest, write, write_record
from inferpack.workshop import Workshop

CPUS = len(os.sched_getaffinity(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Everything an image is made from; `key` changes when any of it does."""

    variant: Variant
    lock: locks.Lock
    root: render.Root
    base: BuiltBase
    compiler: Compiler
    key: str


def build_base(shop: Workshop, name: str, spec: Base, arch: Arch) -> BuiltBase:
    committed = shop.base_lock(name, arch)
    return base.ensure(name, spec, arch, cache=shop.cache, committed=committed)


def lock(shop: Workshop, glob: str, *, upgrade: bool) -> Iterator[Path]:
    """Writes the lock of each variant, and of each base that has none or is to be upgraded."""
    indexes, known = shop.indexes(), set[Path]()
    for variant in shop.variants(glob):
        name, spec = shop.base(variant)
        path = shop.lock_path(variant)
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
        if base_path not in known and (upgrade or not base_path.exists()):
            known.add(base_path)
            with console.step(f"resolve base {name} for {variant.arch}"):
                packages = base.resolve(spec, variant.arch, cache=shop.cache)
            yield write_record(base_path, packages)


def inputs(shop: Workshop, variant: Variant) -> Inputs:
    """Reads the lock and makes the base where it is not cached."""
    name, spec = shop.base(variant)
    lock = locks.load(shop.lock_path(variant), variant, spec.glibc)
    built = build_base(shop, name, spec, variant.arch)
    native = Arch.AMD64 if platform.machine() == Arch.AMD64.machine else Arch.ARM64
    own = built if native == variant.arch else build_base(shop, name, spec, native)
    compiler = Compiler(command=tuple(base.python_command(own)), digest=own.digest)
    if variant.recipe.base == name:
        root = render.Root(
            name=f"inferpack/base:{name}",
            digest=f"sha256:{built.digest}",
            environment=spec.environment,
            packages=built.packages,
        )
    else:
        image, _, sha256 = variant.recipe.base.partition("@")
        root = render.Root(name=image, digest=sha256, environment=spec.environment)
    code = [
        file_digest(Path(__file__).with_name(f"{stage}.py"))
        for stage in ("render", "layers", "tree", "unpack")
    ]
    key = digest(
        variant.id,
        variant.recipe,
        lock.digest,
        root.digest,
        compiler.digest,
        program.key(variant, shop.selftest),
        tree_digest(shop.templates),
        code,
    )
    return Inputs(variant=variant, lock=lock, root=root, base=built, compiler=compiler, key=key)


def ordered(lock: locks.Lock, variant: Variant) -> tuple[LockedWheel, ...]:
    """By name, the framework last: a new release of it then changes the least of an image."""
    framework = canonicalize_name(Requirement(variant.cell.requires[0]).name)
    return tuple(sorted(lock.wheels, key=lambda wheel: (wheel.name == framework, wheel.name)))


def layers(shop: Workshop, made: Inputs) -> tuple[Layer, ...]:
    """The base, one layer a wheel, and the selftest program."""
    variant, folder = made.variant, shop.folder(made.variant)
    wheels = ordered(made.lock, variant)
    paths = wheelhouse.ensure(wheels, shop.indexes, cache=shop.cache)

    def layer(wheel: LockedWheel) -> Layer:
        tar = wheel_layer(
            paths[wheel],
            wheel.file.sha256,
            prune=recipes.prune_of(variant.recipe, wheel.name),
            where=f"recipes/{variant.recipe.name}.toml",
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
    selftest = program.program_layer(
        variant,
        shop.selftest,
        compiler=made.compiler,
        cache=shop.cache,
        log=folder / "selftest.log",
    )
    root = (Layer(name=render.BASE_LAYER, tar=made.base.tar),) if made.root.packages else ()
    return (*root, *found, Layer(name="selftest", tar=selftest))


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


def build(shop: Workshop, made: Inputs) -> images.Image:
    """Builds, measures and records the image under its unproven name."""
    variant, start = made.variant, time.monotonic()
    origin, found = shop.origin(), layers(shop, made)
    folder = context(shop, made, found, origin)
    with console.step("docker buildx build"):
        sha256 = shop.engine.build(
            folder, name=images.unproven(variant), arch=variant.arch, created=origin.created
        )
    seconds = time.monotonic() - start
    try:
        unpacked, compressed = images.measure(variant, shop.engine, sha256, found)
    except InferpackError:
        shop.engine.remove(images.unproven(variant))
        raise
    image = images.Image(
        key=made.key,
        digest=sha256,
        unpacked=unpacked,
        compressed=compressed,
        seconds=round(seconds, 1),
        built=shop.now(),
        revision=origin.revision,
        created=origin.created,
        debian=made.root.packages,
        wheels=tuple(
            images.Wheel(name=wheel.name, version=wheel.version, sha256=wheel.file.sha256)
            for wheel in made.lock.wheels
        ),
    )
    return images.record(shop.folder(variant), image)


def prove(shop: Workshop, variant: Variant, image: images.Image) -> proof.Proof:
    """Proves an image; only then does it get its name."""
    start = time.monotonic()
    report = proof.prove(variant, shop.engine, image.digest)
    shop.engine.name(image.digest, variant.reference)
    shop.engine.remove(images.unproven(variant))
    return proof.record(
        shop.folder(variant),
        proof.Proof(
            digest=image.digest,
            machine=processor(),
            proven=shop.now(),
            seconds=round(time.monotonic() - start, 1),
            report=report,
        ),
    )


def image(shop: Workshop, variant: Variant, *, again: bool = False) -> proof.Proof:
    """A proven image; what has not changed since the last run is not done again.

    `again` asks for a new proof of an image that has one.
    """
    folder = shop.folder(variant)
    with locked(folder), shop.engine.reporting():
        made = inputs(shop, variant)
        built = images.current(folder, made.key, shop.engine) or build(shop, made)
        known = None if again else proof.current(folder, built.digest, processor())
        return known or prove(shop, variant, built)


def processor() -> str:
    """This machine's CPU model: a proof holds for the CPU it was made on."""
    text = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return models[0] if models else platform.machine()
