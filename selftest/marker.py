"""Where a phase begins, for whoever reads QEMU's log of the code that it translates (in_asm).

QEMU logs a piece of code once, when it first runs. So each mark is code at an address that never
ran before; it does nothing but name the phase.
"""

from __future__ import annotations

import ctypes
import platform
import struct

from selftest import machinecode

OTHER, FP32, INT8 = 0, 1, 2
PHASES = (OTHER, FP32, INT8)

MAGIC = 0x5E1F
MOVZ_X16, MOVZ_X17, RET = 0xD2800010, 0xD2800011, 0xD65F03C0
"""Arm Architecture Reference Manual (DDI 0487), MOVZ: the number is in bits 5 to 20."""

TIMES = 100
FREE: dict[int, list[int]] = {phase: [] for phase in PHASES}
"""Addresses that never ran."""


def mark(phase: int) -> None:
    """Says that a phase begins; nothing where there is no such log to write into (x86-64), or
    where memory may not be executed.
    """
    if platform.machine() != "aarch64":
        return
    try:
        address = unused(phase)
    except OSError:
        return
    ctypes.CFUNCTYPE(None)(address)()


def code(phase: int) -> bytes:
    """movz x16, #0x5e1f; movz x17, #phase; ret"""
    return struct.pack("<3I", MOVZ_X16 | MAGIC << 5, MOVZ_X17 | phase << 5, RET)


def unused(phase: int) -> int:
    """An address of a mark's code, each only once."""
    if not FREE[phase]:
        one = code(phase)
        start = machinecode.place(one * TIMES)
        FREE[phase] = list(range(start, start + TIMES * len(one), len(one)))
    return FREE[phase].pop(0)
