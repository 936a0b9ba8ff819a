"""Which instructions multiply: x86-64 machine code read around where a program was seen running.

Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (EVEX and VEX
prefixes in chapter 2; VPDPBUSD, VPMADDUBSW, PMADDWD, TDPBUSD, VFMADD231PS and their kin).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

NO_PREFIX, P66 = 0, 1
MAP_0F, MAP_0F38 = 1, 2
LEAST = 0.05
"""Of the samples: what a kernel that computes shows many times over, and chance never."""

SYSCALL, PAUSE, NEAR = b"\x0f\x05", b"\xf3\x90", 16


class Unsampled(Exception):
    """Why nothing could be seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Machine code before and behind the place where a thread was."""

    before: bytes
    behind: bytes

    @property
    def waits(self) -> bool:
        """In a system call, or spinning: not computing."""
        near = self.before[-NEAR:] + self.behind[:NEAR]
        return self.before.endswith(SYSCALL) or PAUSE in near


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """`isa`: the INT8 instruction set it belongs to, None for a floating-point one."""

    name: str
    isa: str | None
    pattern: re.Pattern[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Instructions:
    """`seen`: the share of samples of computing threads with each instruction in the code there."""

    samples: int
    seen: Mapping[str, float]

    @property
    def isas(self) -> Mapping[str, float]:
        """The INT8 instruction sets that really computed, and the summed shares of each."""
        shares: dict[str, float] = {}
        for known in INSTRUCTIONS:
            if known.isa and self._often(known.name):
                shares[known.isa] = shares.get(known.isa, 0.0) + self.seen[known.name]
        return shares

    @property
    def int8(self) -> tuple[str, ...]:
        """The INT8 instructions that really computed, best first."""
        return tuple(known.name for known in INSTRUCTIONS if known.isa and self._often(known.name))

    def _often(self, name: str) -> bool:
        return self.seen.get(name, 0.0) >= LEAST


def count(windows: Iterable[Window]) -> Instructions:
    """Of the threads that compute."""
    codes = [window.before + window.behind for window in windows if not window.waits]
    found = {
        known.name: sum(1 for code in codes if known.pattern.search(code)) for known in INSTRUCTIONS
    }
    shares = {name: round(times / len(codes), 4) for name, times in found.items() if times}
    return Instructions(samples=len(codes), seen=shares)


def _one_of(fits: Callable[[int], bool]) -> bytes:
    """A regular expression for one byte."""
    return b"[" + b"".join(rb"\x%02x" % value for value in range(256) if fits(value)) + b"]"


def _evex(table: int, opcodes: bytes, *, any_width: bool = False) -> bytes:
    """62 P0 P1 P2 opcode, with the prefix 66; W = 0 unless the instruction ignores W."""
    return (
        rb"\x62"
        + _one_of(lambda p0: p0 & 0x0F == table)
        + _one_of(lambda p1: p1 & 0x07 == 0x04 | P66 and (any_width or not p1 & 0x80))
        + b"."
        + _one_of(lambda opcode: opcode in opcodes)
    )


def _vex(
    table: int,
    opcodes: bytes,
    *,
    prefixes: tuple[int, ...] = (P66,),
    any_width: bool = False,
    short: bool = False,
) -> bytes:
    """C4 P0 P1 opcode; where all fits into it, compilers write the short C5 P1 opcode instead."""
    opcode = _one_of(lambda value: value in opcodes)
    long = (
        rb"\xc4"
        + _one_of(lambda p0: p0 & 0x1F == table)
        + _one_of(lambda p1: p1 & 0x03 in prefixes and (any_width or not p1 & 0x80))
        + opcode
    )
    brief = rb"|\xc5" + _one_of(lambda p1: p1 & 0x03 in prefixes) + opcode
    return long + (brief if short else b"")


def _known(name: str, isa: str | None, pattern: bytes) -> Instruction:
    return Instruction(name=name, isa=isa, pattern=re.compile(pattern, re.DOTALL))


DOT, FMA = b"\x50\x51", b"\x98\xa8\xb8"
PREFIXES_BUT_66 = (NO_PREFIX, 2, 3)

INSTRUCTIONS = (
    _known("tdpb", "amx", _vex(MAP_0F38, b"\x5e", prefixes=(NO_PREFIX, P66, 2, 3))),
    _known("vpdpbusd", "avx512_vnni", _evex(MAP_0F38, DOT)),
    _known("vpdpbssd", "avx_vnni_int8", _vex(MAP_0F38, DOT, prefixes=PREFIXES_BUT_66)),
    _known("vpdpbusd.vex", "avx_vnni", _vex(MAP_0F38, DOT)),
    _known("vpmaddubsw", "avx512", _evex(MAP_0F38, b"\x04", any_width=True)),
    _known("vpmaddwd", "avx512", _evex(MAP_0F, b"\xf5", any_width=True)),
    _known("vpmaddubsw.vex", "avx2", _vex(MAP_0F38, b"\x04", any_width=True)),
    _known("vpmaddwd.vex", "avx2", _vex(MAP_0F, b"\xf5", any_width=True, short=True)),
    _known("pmaddubsw", "sse4", rb"\x66[\x40-\x4f]?\x0f\x38\x04"),
    _known("pmaddwd", "sse4", rb"\x66[\x40-\x4f]?\x0f\xf5"),
    _known("vfmadd", None, _evex(MAP_0F38, FMA) + b"|" + _vex(MAP_0F38, FMA)),
    _known(
        "mulps",
        None,
        rb"(?<![\x66\xf2\xf3])\x0f\x59|" + _vex(MAP_0F, b"\x59", prefixes=(NO_PREFIX,), short=True),
    ),
)
"""Best first; `vpdpbusd.vex` is AVX-VNNI's, `vpdpbssd` and `tdpb` stand for families."""
