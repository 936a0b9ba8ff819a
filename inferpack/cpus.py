"""Runs images on every CPU model that QEMU emulates for them, and on this machine's own."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from inferpack import compatibility, console, emulation, ladder, pipeline, recipes
from inferpack.compatibility import Compatibility, Tried
from inferpack.emulation import TIMEOUT, Emulator
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.proof import Proof
from inferpack.rungs import CpuModel
from inferpack.store import locked
from inferpack.workshop import Workshop

AT_ONCE = 2  # containers, each with as many threads as leave the other its share
THREADS = max(1, pipeline.CPUS // AT_ONCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was tried; `path` is the record."""

    tried: tuple[Tried, ...]
    path: Path


def run(shop: Workshop, variant: Variant) -> Found:
    """Tries every CPU of the variant's architecture, and records what they showed, failures and
    all; what the image's proof has shown is not tried again.
    """
    proven = pipeline.image(shop, variant)
    made = emulation.emulator(shop, variant.arch)
    folder = shop.folder(variant)
    with locked(folder), made.engine.reporting():
        compatibility.path_of(folder).unlink(missing_ok=True)
        tried = tuple(results(shop, made, variant, proven))
        found = Compatibility(
            digest=proven.digest,
            variant=variant.id,
            qemu=made.version,
            measured=shop.now(),
            tried=tried,
        )
        return Found(tried=tried, path=compatibility.record(folder, found))


def results(shop: Workshop, made: Emulator, variant: Variant, proven: Proof) -> Iterator[Tried]:
    """In the order of recipes/cpus.toml, this machine's own CPU last."""
    models = [cpu for cpu in recipes.load_cpus(shop.recipes) if cpu.arch is variant.arch]
    known = proven.emulation.model if proven.emulation else None

    def tried(cpu: CpuModel) -> Tried:
        if cpu.model == known:
            return compatibility.proven(proven, cpu.name, cpu.model)
        return one(made, variant, proven.digest, cpu)

    with console.step(f"{len(models)} emulated CPUs"), ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(tried, models)
    if known is None:
        yield compatibility.proven(proven, f"this machine's {proven.report.cpu.model}", "")


def one(
    made: Emulator, variant: Variant, digest: str, cpu: CpuModel, *, timeout: float = TIMEOUT
) -> Tried:
    """selftest in the image on one emulated CPU."""
    start = time.monotonic()
    refused = compatibility.rung(variant, cpu).refused
    finished, seen = emulation.selftest(
        made, variant, digest, cpu.model, refused=refused, timeout=timeout, threads=THREADS
    )
    seconds = time.monotonic() - start
    return compatibility.judge(variant, cpu, finished, seen, timeout=timeout, seconds=seconds)


def told(found: Found, variant: Variant, root: Path) -> str:
    """Shows the table and gives the record's path; InferpackError where a CPU fails."""
    console.table(compatibility.HEADER, compatibility.table(found.tried))
    for line in ladder.failures([item.level for item in found.tried]):
        console.fail(line)
    path = str(found.path.relative_to(root))
    if wrong := compatibility.failing(found.tried):
        raise InferpackError(variant.id, f"fails on {', '.join(wrong)}", f"{path} holds them all")
    return path
