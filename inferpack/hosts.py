"""The machine that an engine runs on: whether it is this one, and its CPU."""

import platform
from pathlib import Path

from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.images import PYTHON

BOOT = Path("/proc/sys/kernel/random/boot_id")  # random; another one at each start of a kernel
CPUINFO = Path("/proc/cpuinfo")
ARM = "CPU implementer", "CPU part"  # in /proc/cpuinfo


def is_here(engine: Engine, digest: str) -> bool:
    """Whether it shares this kernel, and so this machine's files; `digest`: of an image of ours."""
    return engine.endpoint.is_local or told(engine, digest, BOOT) == BOOT.read_text()


def processor(engine: Engine, digest: str) -> str:
    """The CPU model of the engine's machine; `digest`: of an image of ours that runs there."""
    if engine.endpoint.is_local:
        return here()
    return model(told(engine, digest, CPUINFO), engine.arch.machine)


def here() -> str:
    """This machine's CPU model."""
    return model(CPUINFO.read_text(), platform.machine())


def model(text: str, otherwise: str) -> str:
    """By a text of /proc/cpuinfo, which on Arm tells the numbers of its designs instead."""
    said = [[part.strip() for part in line.split(":", 1)] for line in text.splitlines()]

    def values(key: str) -> list[str]:
        return [rest[0] for name, *rest in said if name == key and rest]

    if models := values("model name"):
        return models[0]
    kinds = sorted({f"{maker}/{part}" for maker, part in zip(*map(values, ARM), strict=False)})
    return f"{otherwise} {', '.join(kinds)}" if kinds else otherwise


def told(engine: Engine, digest: str, path: Path) -> str:
    """What a file of its kernel's says, as an image sees it: asked once of an engine, in whatever
    image; empty where that cannot be run.
    """
    if (name := str(path)) not in engine.probed:
        show = [PYTHON, "-c", f"print(open('{path}').read(), end='')"]
        try:
            engine.probed[name] = engine.run(digest, show, timeout=60).stdout
        except InferpackError:  # it has no emulator, for one
            return ""
    return engine.probed[name]
