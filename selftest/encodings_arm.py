"""How AArch64 writes the instructions that multiply: words of 32 bits, always.

Encodings: Arm Architecture Reference Manual for A-profile (DDI 0487), chapters C7 (Advanced SIMD),
C8 (SVE) and C9 (SME); in their order of bits, a dot where any bit may stand.
"""

from __future__ import annotations

from selftest.encodings import Encoding, Instruction, known, one_of

WORD = 4  # bytes

RD, RN_RD = "." * 5, "." * 10
VECTOR, LANE = "." * 5, "." * 6
"""The second factor's register, without and with part of the number of its element."""

FMOPA = f"10000000 100 {VECTOR} {'.' * 6} {RD} . 00 .."
FMLA = (
    f"0.0 01110 .01 {VECTOR} 110011 {RN_RD}",
    f"0.0 01111 10 {LANE} 0.01 .0 {RN_RD}",
)
FMLA_SVE = (
    f"01100101 101 {VECTOR} {'.' * 6} {RN_RD}",
    f"01100100 101 {VECTOR} 00000. {RN_RD}",
)
BF16 = (
    f"011 01110 010 {VECTOR} 111011 {RN_RD}",
    f"0.1 01110 .10 {VECTOR} 111111 {RN_RD}",
    f"0.0 01111 .1 {LANE} 1111 .0 {RN_RD}",
    f"01100100 011 {VECTOR} 111001 {RN_RD}",
    f"01100100 011 {VECTOR} 100000 {RN_RD}",
    f"01100100 011 {VECTOR} 010000 {RN_RD}",
)


def _known(name: str, isa: str | None, *words: str) -> Instruction:
    return known(name, isa, b"|".join(map(pattern, words)))


def pattern(word: str) -> bytes:
    """A regular expression for an instruction as it lies in memory: the lowest byte first."""
    bits = word.replace(" ", "")
    if len(bits) != 8 * WORD:
        raise ValueError(f"{word}: has {len(bits)} bits")
    return b"".join(_byte(bits[at : at + 8]) for at in range(24, -1, -8))


def _byte(bits: str) -> bytes:
    mask, value = int(bits.replace("0", "1").replace(".", "0"), 2), int(bits.replace(".", "0"), 2)
    return one_of(lambda byte: byte & mask == value)


AARCH64 = Encoding(
    instructions=(
        _known("smopa", "i8mm", f"1010000. 10. {VECTOR} {'.' * 6} {RD} . 00 .."),
        _known("smmla.sve", "i8mm", f"01000101 ..0 {VECTOR} 100110 {RN_RD}"),
        _known("smmla", "i8mm", f"01. 01110 100 {VECTOR} 1010.1 {RN_RD}"),
        _known(
            "sdot.sve",
            "sve",
            f"01000100 10. {VECTOR} 00000. {RN_RD}",
            f"01000100 100 {VECTOR} 011110 {RN_RD}",
            f"01000100 101 {VECTOR} 00011. {RN_RD}",
        ),
        _known(
            "sdot",
            "dotprod",
            f"0.. 01110 100 {VECTOR} 100101 {RN_RD}",
            f"0.0 01110 100 {VECTOR} 100111 {RN_RD}",
            f"0.. 01111 10 {LANE} 1110 .0 {RN_RD}",
            f"0.0 01111 .0 {LANE} 1111 .0 {RN_RD}",
        ),
        _known("smull", "neon", f"0.. 01110 001 {VECTOR} 1.0000 {RN_RD}"),
        _known(
            "smlal",
            "neon",
            f"0.. 01110 011 {VECTOR} 1.0000 {RN_RD}",
            f"0.. 01111 01 {LANE} .010 .0 {RN_RD}",
        ),
        _known("fmopa", None, FMOPA),
        _known("fmla.sve", None, *FMLA_SVE),
        _known("fmla", None, *FMLA),
        _known("bfmmla", None, *BF16),
    ),
    step=WORD,
    system_call=bytes.fromhex("010000d4"),  # svc #0
    pauses=tuple(map(bytes.fromhex, ("3f2003d5", "5f2003d5", "df3f03d5"))),  # yield, wfe, isb
)
"""Each name stands for its family: `smmla` for ummla and usmmla, `sdot` for udot, usdot and sudot,
`smull` for umull, smlal and umlal on 8-bit numbers, `smlal` for the same on 16-bit ones, `smopa`
(SME's products, better than any of these) for its kin, `bfmmla` for bfdot and bfmlal.
"""
