"""A finished wheel's own test: where its users run it, on this CPU and on the least it is for.

A wheel that asks more of the CPU than it says dies there of an illegal instruction.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferpack import (
    archive,
    base,
    console,
    emulation,
    hosts,
    recipes,
    render,
    store,
    tree,
    unpack,
    wheel_recipes,
    wheelhouse,
)
from inferpack.base import BuiltBase
from inferpack.engine import Finished
from inferpack.errors import InferpackError, UsageError
from inferpack.model import NAMESPACE, SITE, Arch, Layer
from inferpack.process import ending
from inferpack.wheel import Needed, Purpose, Tested, WheelVariant
from inferpack.workshop import Workshop

TIMEOUT = 900.0  # seconds; under QEMU a test takes ten times as long
PYTHON = ["/usr/bin/python3", "-IB"]  # nothing of the user's, nor the script's folder
SCRIPT, DATA = "opt/test.py", "opt/data"
DOCKERFILE = """\
FROM scratch
ADD layers/base.tar /
ADD layers/wheels.tar /
ENV LANG=C.UTF-8
"""
ROOMY = {"tmpfs": {"/tmp": "mode=1777"}}  # noqa: S108  in the container, where all else is read-only


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A CPU to test on: this machine's own, or (`model`) one that QEMU emulates."""

    cpu: str
    model: str = ""

    @property
    def title(self) -> str:
        return f"{self.cpu} emulated" if self.model else self.cpu


def places(shop: Workshop, variant: WheelVariant) -> tuple[Place, ...]:
    """Where a wheel is tested: the least CPU it is for last, for it takes longest."""
    least = wheel_recipes.baseline(variant.cell, recipes.load_cpus(shop.recipes))
    emulated = Place(cpu=least.name, model=least.model)
    if emulation.is_needed(shop.engine, variant):
        return (emulated,)
    return (Place(cpu=hosts.here()), emulated)


def run(shop: Workshop, variant: WheelVariant, wheel: Path) -> tuple[Tested, ...]:
    """Runs the recipe's test on every CPU; InferpackError for the first on which it fails."""
    folder = shop.wheel_folder(variant)
    digest = build(shop, variant, wheel)
    try:
        return tuple(
            one(shop, variant, digest, place, log=folder / f"test-{place.model or 'native'}.log")
            for place in places(shop, variant)
        )
    finally:
        shop.engine.remove(name(shop, variant))


def name(shop: Workshop, variant: WheelVariant) -> str:
    """This checkout's own: another one may test the same wheel at the same time."""
    return f"{NAMESPACE}/wheel-test:{variant.id}-{store.digest(str(shop.root))[:12]}"


def build(shop: Workshop, variant: WheelVariant, wheel: Path) -> str:
    """An image of the test's base with the wheel, what it needs, and the test; its digest."""
    folder = shop.wheel_folder(variant) / "test"
    layers = (
        Layer(name="base", tar=runtime(shop, variant).tar),
        Layer(name="wheels", tar=installed(shop, variant, wheel)),
    )
    with console.step(f"image to test {variant.id}"):
        context = render.write_context(folder / "context", DOCKERFILE, layers)
        made = shop.engine.build(
            context, name=name(shop, variant), arch=variant.arch, created=store.EPOCH
        )
    shutil.rmtree(context)
    return made.digest


def runtime(shop: Workshop, variant: WheelVariant) -> BuiltBase:
    """The base that the recipe's test names, for the wheel's architecture."""
    name = variant.recipe.test.base
    spec = shop.bases[name]

    def built(arch: Arch, compiler: BuiltBase | None = None) -> BuiltBase:
        path = shop.base_lock_path(name, arch)
        committed = archive.load(path, spec, arch, command="./inv lock")
        return base.ensure(
            name, spec, arch, cache=shop.cache, committed=committed, compiler=compiler
        )

    own = built(base.native())
    return built(variant.arch, own) if emulation.is_needed(shop.engine, variant) else own


def installed(shop: Workshop, variant: WheelVariant, wheel: Path) -> Path:
    """A tar with the wheels where Debian's Python finds them, the script and its data."""
    test = variant.recipe.test
    needed = shop.needed(Needed(recipe=variant.recipe, purpose=Purpose.TEST, arch=variant.arch))
    paths = wheelhouse.ensure(needed, shop.indexes, cache=shop.cache)
    tar = shop.wheel_folder(variant) / "test" / "wheels.tar"
    with store.whole_folder(tar.with_suffix("")) as root:
        for path in (*paths.values(), wheel):
            unpack.install(path, root, site=SITE, remove=())
        (root / SCRIPT).parent.mkdir()
        shutil.copyfile(shop.wheels / wheel_recipes.TESTS / test.script, root / SCRIPT)
        if test.data:
            copy_data(shop.root / test.data, root / DATA, f"wheels/{variant.recipe.name}.toml")
        tree.pack(root, tar)
    shutil.rmtree(tar.with_suffix(""))
    return tar


def copy_data(source: Path, target: Path, where: str) -> None:
    if not source.is_dir():
        raise UsageError(where, f"test.data: there is no folder {source}", "make it, or restore it")
    shutil.copytree(source, target)


def one(
    shop: Workshop,
    variant: WheelVariant,
    digest: str,
    place: Place,
    *,
    log: Path,
    timeout: float = TIMEOUT,
) -> Tested:
    """The test on one CPU; InferpackError where it fails."""
    command, options = call(shop, variant, digest, place)
    start = time.monotonic()
    with console.step(f"test {variant.id} on {place.title}"):
        finished = shop.engine.run(digest, command, timeout=timeout, **options)
        seconds = time.monotonic() - start
        store.write(log, f"{finished.stdout}{finished.stderr}")
        judge(variant, place, finished, log=log, timeout=timeout)
    for line in finished.stdout.strip().splitlines()[-1:]:
        console.note(f"    {line}")
    return Tested(cpu=place.cpu, model=place.model, seconds=round(seconds, 1))


def call(
    shop: Workshop, variant: WheelVariant, digest: str, place: Place
) -> tuple[list[str], dict[str, Any]]:
    """Command and options of the container."""
    command = [*PYTHON, f"/{SCRIPT}", *([f"/{DATA}"] if variant.recipe.test.data else [])]
    options: dict[str, Any] = {**ROOMY, "owner": f"test of {variant.id} in {shop.root}"}
    if not place.model:
        return command, options
    made = emulation.emulator(shop, variant.arch, shop.engine)
    emulation.refuse_unreachable(made, variant, digest)
    options |= {**emulation.INIT, "environment": {"QEMU_CPU": place.model}}
    if emulation.is_needed(shop.engine, variant):
        return command, {**options, "platform": f"linux/{variant.arch}"}
    mounted = {str(made.path): {"bind": emulation.MOUNTED, "mode": "ro"}}
    return command, {**options, "entrypoint": [emulation.MOUNTED], "volumes": mounted}


def judge(
    variant: WheelVariant, place: Place, finished: Finished, *, log: Path, timeout: float
) -> None:
    if finished.code == 0:
        return
    how = f"did not end within {timeout:.0f} s" if finished.code is None else ending(finished.code)
    said = (finished.stderr.strip() or finished.stdout.strip()).splitlines()[-1:]
    hint = f"full log: {log}"
    if "SIGILL" in how:
        said, hint = [], f"it has an instruction that this CPU does not know; {hint}"
    wrong = ": ".join((f"its test on {place.title} {how}", *said))
    raise InferpackError(variant.id, wrong, hint)
