"""How x86-64 writes the instructions that multiply.

Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (EVEX and VEX
prefixes in chapter 2; VPDPBUSD, VPMADDUBSW, PMADDWD, TDPBUSD, VFMADD231PS and their kin).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

NO_PREFIX, P66 = 0, 1
MAP_0F, MAP_0F38 = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """`isa`: the INT8 instruction set it belongs to, None for a floating-point one; `pattern`
    matches before each, so that two places may overlap.
    """

    name: str
    isa: str | None
    pattern: re.Pattern[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """An architecture's `instructions`, best first, which begin at multiples of `step` bytes; a
    thread that has just made a `system_call` or has a `pause` nearby waits.
    """

    instructions: tuple[Instruction, ...]
    step: int
    system_call: bytes
    pauses: tuple[bytes, ...]

    def places(self, known: Instruction, code: bytes) -> list[int]:
        """Where it begins in code that begins with a whole instruction."""
        found = (match.start() for match in known.pattern.finditer(code))
        return [place for place in found if place % self.step == 0]


def one_of(fits: Callable[[int], bool]) -> bytes:
    """A regular expression for one byte."""
    return b"[" + b"".join(rb"\x%02x" % value for value in range(256) if fits(value)) + b"]"


def known(name: str, isa: str | None, pattern: bytes) -> Instruction:
    return Instruction(name=name, isa=isa, pattern=re.compile(b"(?=" + pattern + b")", re.DOTALL))


def _evex(table: int, opcodes: bytes, *, any_width: bool = False) -> bytes:
    """62 P0 P1 P2 opcode, with the prefix 66; W = 0 unless the instruction ignores W."""
    return (
        rb"\x62"
        + one_of(lambda p0: p0 & 0x0F == table)
        + one_of(lambda p1: p1 & 0x07 == 0x04 | P66 and (any_width or not p1 & 0x80))
        + b"."
        + one_of(lambda opcode: opcode in opcodes)
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
    opcode = one_of(lambda value: value in opcodes)
    long = (
        rb"\xc4"
        + one_of(lambda p0: p0 & 0x1F == table)
        + one_of(lambda p1: p1 & 0x03 in prefixes and (any_width or not p1 & 0x80))
        + opcode
    )
    brief = rb"|\xc5" + one_of(lambda p1: p1 & 0x03 in prefixes) + opcode
    return long + (brief if short else b"")


DOT, FMA = b"\x50\x51", b"\x98\xa8\xb8"
PREFIXES_BUT_66 = (NO_PREFIX, 2, 3)

INSTRUCTIONS = (
    known("tdpb", "amx", _vex(MAP_0F38, b"\x5e", prefixes=(NO_PREFIX, P66, 2, 3))),
    known("vpdpbusd", "avx512_vnni", _evex(MAP_0F38, DOT)),
    known("vpdpbssd", "avx_vnni_int8", _vex(MAP_0F38, DOT, prefixes=PREFIXES_BUT_66)),
    known("vpdpbusd.vex", "avx_vnni", _vex(MAP_0F38, DOT)),
    known("vpmaddubsw", "avx512", _evex(MAP_0F38, b"\x04", any_width=True)),
    known("vpmaddwd", "avx512", _evex(MAP_0F, b"\xf5", any_width=True)),
    known("vpmaddubsw.vex", "avx2", _vex(MAP_0F38, b"\x04", any_width=True)),
    known("vpmaddwd.vex", "avx2", _vex(MAP_0F, b"\xf5", any_width=True, short=True)),
    known("pmaddubsw", "sse4", rb"\x66[\x40-\x4f]?\x0f\x38\x04"),
    known("pmaddwd", "sse4", rb"\x66[\x40-\x4f]?\x0f\xf5"),
    known("vfmadd", None, _evex(MAP_0F38, FMA) + b"|" + _vex(MAP_0F38, FMA)),
    known(
        "mulps",
        None,
        rb"(?<![\x66\xf2\xf3])\x0f\x59|" + _vex(MAP_0F, b"\x59", prefixes=(NO_PREFIX,), short=True),
    ),
)
"""`vpdpbusd.vex` is AVX-VNNI's, `vpdpbssd` and `tdpb` stand for families."""

X86_64 = Encoding(instructions=INSTRUCTIONS, step=1, system_call=b"\x0f\x05", pauses=(b"\xf3\x90",))
