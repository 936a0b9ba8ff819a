"""Our own image, measured in a workshop apart: same recipes, wheels and base, empty layer cache."""

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.clock import settle, timed
from bench.figures import Build, Edit
from bench.names import Apart
from inferpack import images, pipeline, wheelhouse
from inferpack.model import Variant
from inferpack.store import locked
from inferpack.workshop import Workshop

# Of the user's cache: filled where something is missing, else only read.
SHARED = ("wheels", "base", "debs", "partial", "bench")


@contextmanager
def apart(user: Workshop) -> Iterator[Workshop]:
    """A workshop for one measurement; whatever images it made are gone in the end."""
    folder = user.root / "build/bench"
    with locked(folder), tempfile.TemporaryDirectory(prefix="run-", dir=folder) as scratch:
        engine = Apart(logs=Path(scratch) / "logs")
        engine.clear()
        try:
            yield workshop(user, Path(scratch), engine)
        finally:
            engine.clear()


def workshop(shop: Workshop, scratch: Path, engine: Apart) -> Workshop:
    """Like `shop`, below `scratch`; its selftest folder is a copy that may be edited."""
    for source in (shop.recipes, shop.templates):
        (scratch / source.name).symlink_to(source)
    shutil.copytree(
        shop.selftest, scratch / "selftest", ignore=shutil.ignore_patterns("__pycache__")
    )
    (scratch / ".cache").mkdir()
    for name in SHARED:
        (shop.cache / name).mkdir(parents=True, exist_ok=True)
        (scratch / ".cache" / name).symlink_to(shop.cache / name)
    return dataclasses.replace(shop, root=scratch, engine=engine)


def fill(shop: Workshop, variant: Variant) -> None:
    """The base and the wheels, which no measurement pays for."""
    made = pipeline.inputs(shop, variant)
    wheelhouse.ensure(made.lock.wheels, shop.indexes, cache=shop.cache)


def cold(shop: Workshop, variant: Variant, name: str) -> Build:
    """From verified wheels to an image in the engine, with every layer made anew."""
    shutil.rmtree(shop.cache / "layers", ignore_errors=True)
    shutil.rmtree(shop.folder(variant), ignore_errors=True)
    shop.engine.remove(name)
    load = settle()
    (made, origin), read = timed(lambda: (pipeline.inputs(shop, variant), shop.origin()))
    found, layered = timed(lambda: pipeline.layers(shop, made))
    folder, rendered = timed(lambda: pipeline.context(shop, made, found, origin))
    _, built = timed(
        lambda: shop.engine.build(
            folder, name=name, arch=variant.arch, created=origin.created, cached=False
        )
    )
    phases = {"inputs": read, "layers": layered, "context": rendered, "buildx": built}
    return Build(seconds=round(sum(phases.values()), 3), load=load, phases=phases)


def edits(shop: Workshop, variant: Variant, times: int) -> tuple[Edit, ...]:
    """What one changed byte of selftest costs, after a build that only fills the caches."""
    pipeline.build(shop, pipeline.inputs(shop, variant))
    return tuple(edit(shop, variant) for _ in range(times))


def edit(shop: Workshop, variant: Variant) -> Edit:
    with (shop.selftest / "__init__.py").open("a") as source:
        source.write("#\n")
    shop.engine.remove(images.unproven(variant))
    shop.engine.remove(variant.reference)
    settle()
    made = pipeline.inputs(shop, variant)
    image, built = timed(lambda: pipeline.build(shop, made))
    _, proven = timed(lambda: pipeline.prove(shop, variant, image))
    return Edit(build=built, proof=proven)
