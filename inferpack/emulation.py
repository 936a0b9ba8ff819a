"""An image under QEMU: its selftest on a CPU that this machine is not, and what QEMU saw of it.

Speed is reported as emulated and never judged. In its place stands what QEMU translated: see
translation.py.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from typing import Any, Protocol

from inferpack import binfmt, console, hosts, process, program, proof, recipes, translation
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.expectation import Feature, Least
from inferpack.model import Arch, Variant
from inferpack.proof import Report
from inferpack.rungs import CpuModel
from inferpack.translation import Emulation, Translation
from inferpack.workshop import Workshop

TIMEOUT = 600.0  # seconds; a selftest takes under 90 on two idle cores
MOUNTED, LOG = "/qemu", "/qemu.log"  # in the container
PIPE = 1 << 20  # bytes; the most that the kernel grants a user
# As the first lines of these scripts have it.
START = ["/usr/bin/python3", "-IS", "/opt/inferpack/start"]
SELFTEST = ["/usr/bin/python3", "-sP", "/usr/local/bin/selftest"]
# Under QEMU, a process that dies of a signal as the first of its container hangs.
INIT = {"init": True}
TOLD = {"INFERPACK_EMULATED": "1"}  # so that selftest judges no speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """What runs images as if on another CPU; `path`: QEMU's static program, `handlers`: where the
    kernel says what it runs by which program.
    """

    engine: Engine
    path: Path
    version: str
    handlers: Path = binfmt.FOLDER


def emulator(shop: Workshop, arch: Arch, engine: Engine | None = None) -> Emulator:
    """Fetches QEMU where it is not in the cache; without an engine, for that of the images."""
    path = shop.emulator(arch)
    printed = process.run([path, "--version"], log=shop.cache / "logs/qemu.log", quiet=True)
    found = re.search(r"version (\S+)", printed)
    return Emulator(
        engine=engine or shop.engine_for(arch), path=path, version=found[1] if found else "unknown"
    )


class Guest(Protocol):
    """What runs on a CPU of its architecture: variants of images, and of wheels."""

    @property
    def id(self) -> str: ...
    @property
    def arch(self) -> Arch: ...


def is_needed(engine: Engine, variant: Guest) -> bool:
    """Whether the engine's machine runs what is the variant's only by emulation."""
    return variant.arch is not engine.arch


def machine(shop: Workshop, variant: Variant) -> str:
    """What a proof by emulation holds for, as a real one does for a CPU."""
    made = emulator(shop, variant.arch)
    return translation.machine(made.version, smoke(recipes.load_cpus(shop.recipes), variant).model)


def smoke(known: Iterable[CpuModel], variant: Variant) -> CpuModel:
    """The CPU an image is proven on: the one it is made for, or else its architecture's usual."""
    fitting = [cpu for cpu in known if cpu.arch is variant.arch]
    own = (cpu for cpu in fitting if variant.cell.target in (cpu.name, cpu.model))
    return next(own, None) or next(cpu for cpu in fitting if cpu.smoke)


def prove(shop: Workshop, variant: Variant, digest: str) -> tuple[Report, Emulation]:
    """Runs selftest in the image under QEMU; InferpackError unless it passes, and QEMU's log of
    translated code agrees.
    """
    made, cpu = emulator(shop, variant.arch), smoke(recipes.load_cpus(shop.recipes), variant)
    with console.step(f"selftest in the image, on {cpu.name} emulated by QEMU {made.version}"):
        finished, seen = selftest(made, variant, digest, cpu.model)
    return judge(variant, cpu, made.version, finished, seen)


def judge(
    variant: Variant, cpu: CpuModel, qemu: str, finished: Finished, seen: Translation | None
) -> tuple[Report, Emulation]:
    """The report of a selftest that passed and that nothing contradicts; else an error."""
    report = proof.judge(variant, finished, TIMEOUT, emulated=True)
    wrong = contradictions(variant, report, cpu, seen)
    if seen is None:
        wrong = (*wrong, f"selftest marks no phases in QEMU's log on {variant.arch}")
    if seen is None or wrong:
        hint = f"prove it on {variant.arch} hardware" if seen is None else ""
        raise InferpackError(variant.id, "INT8 is not proven: " + "; ".join(wrong), hint)
    return report, Emulation(qemu=qemu, model=cpu.model, translation=seen)


def contradictions(
    variant: Variant, report: Report, cpu: CpuModel, seen: Translation | None
) -> tuple[str, ...]:
    """What a passing report does not know: that it is of another CPU, and what QEMU translated."""
    return (
        *unlike(report, cpu),
        *(translation.problems(seen, demanded(variant, report)) if seen else ()),
    )


def unlike(report: Report, cpu: CpuModel) -> tuple[str, ...]:
    """Where the image sees another CPU than the one asked for."""
    wrong = sorted({*report.cpu.features} & {*Feature} ^ {*cpu.features})
    if not wrong:
        return ()
    return (
        f"selftest saw {report.cpu.model}, which differs from {cpu.name} in {', '.join(wrong)}",
    )


def demanded(variant: Variant, report: Report) -> tuple[Least, ...]:
    """What the row that judged asks of INT8's kernels; nothing without a row."""
    rows = (row for row in program.rows(variant) if tuple(row.cpu) == report.row)
    return tuple(least for row in rows for least in row.kernels.values())


def selftest(
    made: Emulator,
    variant: Variant,
    digest: str,
    model: str,
    *,
    refused: bool = False,
    timeout: float = TIMEOUT,
    threads: int = 0,
) -> tuple[Finished, Translation | None]:
    """selftest in an image on an emulated CPU, and on Arm what QEMU translated; `refused`: all
    that is asked is how the image refuses this CPU; `threads`: 0 for all the CPUs there are.
    """
    refuse_unreachable(made, variant, digest)
    command, options = (
        by_kernel(variant.arch)
        if is_needed(made.engine, variant)
        else by_path(made.path, model, refused=refused)
    )
    options["owner"] = f"{variant.id} on {model} in {made.engine.logs}"
    environment = {**TOLD, "QEMU_CPU": model}
    if threads:
        environment["INFERPACK_THREADS"] = str(threads)

    def run() -> Finished:
        return made.engine.run(digest, command, timeout=timeout, environment=environment, **options)

    if variant.arch is Arch.AMD64:  # where selftest marks no phases
        return run(), None
    with logged() as (fifo, translated):
        environment |= {"QEMU_LOG": "in_asm", "QEMU_LOG_FILENAME": LOG}
        options["volumes"] |= {str(fifo): {"bind": LOG, "mode": "ro"}}
        finished = run()
    return finished, translated.result()


def refuse_unreachable(made: Emulator, variant: Guest, digest: str) -> None:
    """Where the engine is elsewhere, or this kernel does not know our QEMU; `digest`: of an image
    that could tell.
    """
    if not hosts.is_here(made.engine, digest):
        wrong = f"the engine at {made.engine.endpoint.address} cannot hand over QEMU's log"
        hint = f"prove {variant.arch} images on the engine's own machine"
        raise InferpackError(variant.id, wrong, hint)
    if is_needed(made.engine, variant) and not binfmt.serves(made.path, made.handlers):
        wrong = f"this kernel does not run {variant.arch} programs by our QEMU {made.version}"
        raise InferpackError(variant.id, wrong, f"sudo ci/engine emulator {made.path}")


@contextmanager
def logged() -> Iterator[tuple[Path, Future[Translation]]]:
    """A pipe with a name, for QEMU's log, and what is read from it until the container has ended.

    Nothing of it is kept: a log has some hundred megabytes. Each program that a container's
    processes become opens it anew, so the log ends when we close our own end and they are gone.
    """
    with tempfile.TemporaryDirectory(prefix="inferpack-") as folder, ThreadPoolExecutor(1) as pool:
        fifo = Path(folder) / "log"
        os.mkfifo(fifo)
        fifo.chmod(0o666)  # an image must not depend on its own user
        source = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        end = os.open(fifo, os.O_WRONLY)
        with suppress(OSError):  # a user with many pipes may have no larger ones
            fcntl(source, F_SETPIPE_SZ, PIPE)
        os.set_blocking(source, True)
        translated = pool.submit(lambda: translation.read(pieces(source)))
        try:
            yield fifo, translated
        finally:
            os.close(end)


def pieces(source: int) -> Iterator[bytes]:
    try:
        while data := os.read(source, PIPE):
            yield data
    finally:
        os.close(source)


def by_path(path: Path, model: str, *, refused: bool) -> tuple[list[str], dict[str, Any]]:
    """Command and options of a container of this machine's own architecture: QEMU is its program.

    Programs that an emulated one starts would not be emulated, so selftest is the only one, and
    the entry point is run only for its refusal.
    """
    program = [*START, "selftest"] if refused else SELFTEST
    mounted = {str(path): {"bind": MOUNTED, "mode": "ro"}}
    return ["-cpu", model, *program, "--json"], {
        "entrypoint": [MOUNTED],
        "volumes": mounted,
        **INIT,
    }


def by_kernel(arch: Arch) -> tuple[list[str], dict[str, Any]]:
    """The same for another architecture: the kernel calls QEMU for each of its programs."""
    return ["selftest", "--json"], {"platform": f"linux/{arch}", "volumes": {}, **INIT}
