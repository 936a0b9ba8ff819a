"""What the Arm CPU that runs this program says of itself: its features and its name.

The features are those that the kernel grants, in the auxiliary vector: there without /proc, and
those of the emulated CPU under QEMU's user mode.
https://docs.kernel.org/arch/arm64/elf_hwcaps.html
"""

from __future__ import annotations

import os

from selftest import machinecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Identity = tuple[str, tuple[str, ...], bool]
    """Model, features, and whether it is emulated."""

    Vector = Callable[[int], int]
    """A type of the auxiliary vector (AT_…) to its value, 0 where there is none."""

    Part = tuple[int, int]

HWCAP, HWCAP2 = 16, 26
CPUID = 11
"""Bit of AT_HWCAP: MIDR_EL1 may be read."""

BITS = {
    "neon": (HWCAP, 1),
    "crc32": (HWCAP, 7),
    "lse": (HWCAP, 8),
    "fp16": (HWCAP, 10),
    "rdm": (HWCAP, 12),
    "dotprod": (HWCAP, 20),
    "bf16": (HWCAP2, 14),
    "i8mm": (HWCAP2, 13),
    "sve": (HWCAP, 22),
    "sve2": (HWCAP2, 1),
}
"""A feature to AT_HWCAP or AT_HWCAP2, and the bit."""

CPUINFO = {
    "neon": "asimd",
    "lse": "atomics",
    "fp16": "asimdhp",
    "rdm": "asimdrdm",
    "dotprod": "asimddp",
}
"""Features that the kernel calls otherwise."""

QEMU_MAX = (0x00, 0x051)
"""QEMU's CPU `max`, where it emulates one; implementer 0 is for software."""

PARTS = {
    QEMU_MAX: "QEMU's max",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse N1",
    (0x41, 0xD40): "Neoverse V1",
    (0x41, 0xD49): "Neoverse N2",
    (0x41, 0xD4F): "Neoverse V2",
    (0x46, 0x001): "A64FX",
    (0xC0, 0xAC3): "Ampere-1",
}
"""Implementer and part number, of MIDR_EL1 (Arm's) and as /proc/cpuinfo shows them."""

READ_MIDR = bytes.fromhex("000038d5 c0035fd6")  # mrs x0, midr_el1; ret
MIDR_FILE = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1"


def identify(
    cpuinfo: Callable[[], Mapping[str, str]],
    read: Callable[[str], str | None],
    vector: Vector | None,
) -> Identity | None:
    """By the auxiliary vector, or by /proc/cpuinfo's fields where it cannot be read (None); None
    where neither tells.
    """
    if vector is None:
        flags = cpuinfo().get("Features", "").split()
        found = tuple(name for name in BITS if CPUINFO.get(name, name) in flags)
    else:
        found = features(vector)
    midr = executed_midr() if vector and vector(HWCAP) >> CPUID & 1 else None
    part = _of_midr(midr or _number(read(MIDR_FILE))) or _of_cpuinfo(cpuinfo())
    emulated = part == QEMU_MAX or is_translated(os.readlink)
    return (model(part), found, emulated) if found else None


def auxiliary_vector() -> Vector | None:
    """None where memory may not be executed: ctypes itself needs such memory on Python 3.11."""
    try:
        import ctypes  # noqa: PLC0415
    except MemoryError:
        return None
    function = ctypes.CDLL(None).getauxval
    function.restype, function.argtypes = ctypes.c_ulong, (ctypes.c_ulong,)
    return lambda kind: int(function(kind))


def features(vector: Vector) -> tuple[str, ...]:
    """In the order of BITS."""
    return tuple(name for name, (kind, bit) in BITS.items() if vector(kind) >> bit & 1)


def executed_midr() -> int | None:
    """MIDR_EL1, which the kernel answers; None where memory may not be executed."""
    try:
        address = machinecode.place(READ_MIDR)
    except OSError:
        return None
    import ctypes  # noqa: PLC0415 - place has imported it

    return int(ctypes.CFUNCTYPE(ctypes.c_uint64)(address)())


def model(part: Part | None) -> str:
    """The usual name, or the numbers of one that we do not know; empty where nothing tells."""
    if part is None:
        return ""
    implementer, number = part
    return PARTS.get(part, f"Arm {implementer:#04x}/{number:#05x}")


def _of_midr(midr: int | None) -> Part | None:
    return (midr >> 24 & 0xFF, midr >> 4 & 0xFFF) if midr else None


def _of_cpuinfo(cpuinfo: Mapping[str, str]) -> Part | None:
    implementer, part = (_number(cpuinfo.get(f"CPU {key}")) for key in ("implementer", "part"))
    return None if implementer is None or part is None else (implementer, part)


def _number(text: str | None) -> int | None:
    try:
        return int(text or "", 16)
    except ValueError:
        return None


def is_translated(readlink: Callable[[str], str]) -> bool:
    """Whether the kernel runs another program than this one: QEMU's user mode, which shows us our
    own in /proc/self/exe, but itself in what it does not think of.
    """
    links = ("/proc/self/exe", f"/proc/self/task/{os.getpid()}/exe", "/proc/thread-self/exe")
    return len({target for link in links if (target := _target(link, readlink))}) > 1


def _target(link: str, readlink: Callable[[str], str]) -> str:
    try:
        return readlink(link)
    except OSError:
        return ""
