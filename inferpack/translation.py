"""QEMU's log of the code that it translates (QEMU_LOG=in_asm), read as a stream.

The log lists each block of code when it first runs. selftest marks where FP32 and INT8 begin
(selftest/marker.py), so the log shows which instructions each has run. They are told by their
machine code, not by QEMU's disassembly: on some CPU models (a64fx) that has each word's bytes in
the wrong order.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from inferpack.expectation import ARM_ORDER, Least
from inferpack.tables import Record

BLOCK = b"\n\n"  # ends a block, and stands nowhere else
LONGEST = 1 << 20  # bytes of a block; without an end by then, it is no log of ours


class Phase(StrEnum):
    FP32 = "fp32"
    INT8 = "int8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """An instruction that multiplies in INT8: `value` is what its word has under `mask`."""

    name: str
    isa: Least
    mask: int
    value: int


def _neon(name: str, mask: int, value: int) -> Code:
    return Code(name=name, isa=Least.NEON, mask=mask, value=value)


def _dot(name: str, mask: int, value: int) -> Code:
    return Code(name=name, isa=Least.DOTPROD, mask=mask, value=value)


def _matrix(name: str, mask: int, value: int) -> Code:
    return Code(name=name, isa=Least.I8MM, mask=mask, value=value)


def _sve(name: str, value: int, isa: Least = Least.SVE) -> Code:
    return Code(name=f"{name}.sve", isa=isa, mask=0xFFE0FC00, value=value)


VECTOR, ELEMENT, PAIRWISE = 0xBF20FC00, 0xBF00F400, 0xBF3FFC00
DOT_VECTOR, DOT_ELEMENT, MATRIX = 0xBFE0FC00, 0xBFC0F400, 0xFFE0FC00
CODES = (
    _neon("smull", VECTOR, 0x0E20C000),
    _neon("umull", VECTOR, 0x2E20C000),
    _neon("smlal", VECTOR, 0x0E208000),
    _neon("umlal", VECTOR, 0x2E208000),
    _neon("smull", ELEMENT, 0x0F00A000),
    _neon("umull", ELEMENT, 0x2F00A000),
    _neon("smlal", ELEMENT, 0x0F002000),
    _neon("umlal", ELEMENT, 0x2F002000),
    _neon("sadalp", PAIRWISE, 0x0E206800),
    _neon("uadalp", PAIRWISE, 0x2E206800),
    _dot("sdot", DOT_VECTOR, 0x0E809400),
    _dot("udot", DOT_VECTOR, 0x2E809400),
    _dot("sdot", DOT_ELEMENT, 0x0F80E000),
    _dot("udot", DOT_ELEMENT, 0x2F80E000),
    _dot("usdot", DOT_VECTOR, 0x0E809C00),
    _dot("usdot", DOT_ELEMENT, 0x0F80F000),
    _dot("sudot", DOT_ELEMENT, 0x0F00F000),
    _sve("sdot", 0x44800000),
    _sve("udot", 0x44800400),
    _sve("sdot", 0x44A00000),
    _sve("udot", 0x44A00400),
    _sve("usdot", 0x44807800),
    _sve("usdot", 0x44A01800),
    _sve("sudot", 0x44A01C00),
    _matrix("smmla", MATRIX, 0x4E80A400),
    _matrix("ummla", MATRIX, 0x6E80A400),
    _matrix("usmmla", MATRIX, 0x4E80AC00),
    _sve("smmla", 0x45009800, Least.I8MM),
    _sve("usmmla", 0x45809800, Least.I8MM),
    _sve("ummla", 0x45C09800, Least.I8MM),
)
"""From least to best; several lines where an operand may be a vector or an element of one.

Encodings: Arm Architecture Reference Manual (DDI 0487), C4.1. The vector forms of the first lines
leave the element's size open: 16-bit products are how INT8 is done without dot products.
"""

ISAS = {code.name: code.isa for code in CODES}
FOREIGN_TO_FP32 = ARM_ORDER[ARM_ORDER.index(Least.DOTPROD) :]
"""NEON's multiply integers of any kind: they prove nothing against FP32."""

# movz x16, #0x5e1f; then movz x17, #phase
MARK = 0xD28BC3F0
PHASES = {0xD2800011: None, 0xD2800031: Phase.FP32, 0xD2800051: Phase.INT8}


class Translation(Record, frozen=True):
    """Which INT8 instructions were translated in each phase that was marked, and how often;
    `size`: the log's bytes.
    """

    size: int
    phases: dict[Phase, dict[str, int]]


class Emulation(Record, frozen=True):
    """What emulated a proof's CPU: QEMU's version and name of it, and what it translated; `judge`:
    the digest of what found that to be a proof.
    """

    qemu: str
    model: str
    translation: Translation
    judge: str = ""

    @property
    def machine(self) -> str:
        return machine(self.qemu, self.model)


def machine(qemu: str, model: str) -> str:
    """What an emulated proof holds for, where a real one has the CPU's name."""
    return f"QEMU {qemu}, {model}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How marks look in a log, and how both marks and instructions do: group `second` is a mark's
    second word, groups c0, c1, … are of CODES.
    """

    marks: re.Pattern[bytes]
    pattern: re.Pattern[bytes]
    phases: Mapping[bytes, Phase | None]


def read(chunks: Iterable[bytes]) -> Translation:
    """The whole log, in pieces of any length."""
    size, reading = 0, None
    counts: dict[str, int] = {}
    phases: dict[Phase, dict[str, int]] = {}
    for text in blocks(chunks):
        size += len(text)
        if reading is None and (reading := reading_of(text)) is None:
            continue  # nothing counts before the first mark
        for found in reading.pattern.finditer(text):
            if second := found["second"]:
                phase = reading.phases[second]
                counts = phases.setdefault(phase, {}) if phase else {}
            else:
                name = CODES[int(str(found.lastgroup)[1:])].name
                counts[name] = counts.get(name, 0) + 1
    return Translation(size=size, phases=phases)


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text, cut between blocks: none of them is torn."""
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = text.rfind(BLOCK) + len(BLOCK)
        if end < len(BLOCK) and len(text) > LONGEST:
            end = len(text)
        elif end < len(BLOCK):
            end = 0
        rest = text[end:]
        if end:
            yield text[:end]
    if rest:
        yield rest


def reading_of(text: bytes) -> Reading | None:
    """In the order of bytes that the first mark shows; None without one."""
    readings = (reading(swapped=swapped) for swapped in (False, True))
    return next((one for one in readings if one.marks.search(text)), None)


@functools.cache
def reading(*, swapped: bool) -> Reading:
    phases = {word(value, swapped=swapped): phase for value, phase in PHASES.items()}
    first = word(MARK, swapped=swapped)
    second = b"|".join(phases)
    mark = first + rb" [^\n]*\n[^\n]*:  (?P<second>" + second + rb")"
    known = (
        b"(?P<c%d>%s)" % (place, pattern(code, swapped=swapped)) for place, code in enumerate(CODES)
    )
    return Reading(
        marks=re.compile(rb":  " + mark + rb" "),
        pattern=re.compile(rb":  (?:" + b"|".join((mark, *known)) + rb") "),
        phases=phases,
    )


def word(value: int, *, swapped: bool) -> bytes:
    return value.to_bytes(4, "little" if swapped else "big").hex().encode()


def pattern(code: Code, *, swapped: bool) -> bytes:
    """A regular expression for the word in hexadecimal, a class for each digit."""
    digits = []
    for shift in range(28, -4, -4):
        mask, value = code.mask >> shift & 15, code.value >> shift & 15
        fits = "".join(f"{digit:x}" for digit in range(16) if digit & mask == value)
        digits.append(f"[{fits}]")
    pairs = ["".join(digits[place : place + 2]) for place in range(0, 8, 2)]
    return "".join(reversed(pairs) if swapped else pairs).encode()


def problems(found: Translation, demanded: Iterable[Least]) -> tuple[str, ...]:
    """What contradicts a passing proof: `demanded` is what its row asks of INT8."""
    if missing := [phase for phase in (Phase.FP32, Phase.INT8) if phase not in found.phases]:
        return (f"QEMU's log shows no beginning of {' or '.join(missing)}: nothing is proven",)
    fp32, int8 = found.phases[Phase.FP32], found.phases[Phase.INT8]
    foreign = {name: times for name, times in fp32.items() if ISAS[name] in FOREIGN_TO_FP32}
    unmet = sorted({least for least in demanded if not meets(int8, least)})
    return (
        *([f"FP32 ran int8's instructions: {told(foreign)}"] if foreign else []),
        *(f"INT8 should run {least}'s instructions or better, ran {told(int8)}" for least in unmet),
    )


def meets(int8: Mapping[str, int], least: Least) -> bool:
    if least in (Least.SLOW, Least.SOME):
        return True  # nothing is promised
    enough = ARM_ORDER[ARM_ORDER.index(least) :] if least in ARM_ORDER else ()
    return any(ISAS[name] in enough for name in int8)


def told(counts: Mapping[str, int]) -> str:
    """The instructions with their numbers, the best first."""
    best = sorted(counts, key=lambda name: (-ARM_ORDER.index(ISAS[name]), name))
    return ", ".join(f"{name} {counts[name]}" for name in best) or "none that we know"
