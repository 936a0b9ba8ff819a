"""AArch64's words as binutils 2.40 assembles them, and what is seen in them."""

from __future__ import annotations

import pytest

from selftest.encodings_arm import AARCH64, pattern
from selftest.instructions import Instructions, Window, count

WORDS = {
    "smopa": {
        0xA0842000: "smopa za0.s, p0/m, p1/m, z0.b, z4.b",
        0xA1A42003: "umopa za3.s, p0/m, p1/m, z0.b, z4.b",
        0xA1842001: "usmopa za1.s, p0/m, p1/m, z0.b, z4.b",
        0xA0A42001: "sumopa za1.s, p0/m, p1/m, z0.b, z4.b",
    },
    "smmla.sve": {
        0x45049808: "smmla z8.s, z0.b, z4.b",
        0x45DD9BDF: "ummla z31.s, z30.b, z29.b",
        0x45849808: "usmmla z8.s, z0.b, z4.b",
    },
    "smmla": {
        0x4E84A408: "smmla v8.4s, v0.16b, v4.16b",
        0x6E9DA7DF: "ummla v31.4s, v30.16b, v29.16b",
        0x4E84AC08: "usmmla v8.4s, v0.16b, v4.16b",
    },
    "sdot.sve": {
        0x44840008: "sdot z8.s, z0.b, z4.b",
        0x449D07DF: "udot z31.s, z30.b, z29.b",
        0x44BC0008: "sdot z8.s, z0.b, z4.b[3]",
        0x44AF0408: "udot z8.s, z0.b, z7.b[1]",
        0x44847808: "usdot z8.s, z0.b, z4.b",
        0x44AC1808: "usdot z8.s, z0.b, z4.b[1]",
        0x44AC1C08: "sudot z8.s, z0.b, z4.b[1]",
    },
    "sdot": {
        0x4E849410: "sdot v16.4s, v0.16b, v4.16b",
        0x2E849410: "udot v16.2s, v0.8b, v4.8b",
        0x4F84E010: "sdot v16.4s, v0.16b, v4.4b[0]",
        0x6FBFEBDF: "udot v31.4s, v30.16b, v31.4b[3]",
        0x4E849C10: "usdot v16.4s, v0.16b, v4.16b",
        0x4FA4F010: "usdot v16.4s, v0.16b, v4.4b[1]",
        0x4F04F810: "sudot v16.4s, v0.16b, v4.4b[2]",
    },
    "smull": {
        0x0E21C002: "smull v2.8h, v0.8b, v1.8b",
        0x4E21C002: "smull2 v2.8h, v0.16b, v1.16b",
        0x2E21C002: "umull v2.8h, v0.8b, v1.8b",
        0x0E218002: "smlal v2.8h, v0.8b, v1.8b",
        0x6E218002: "umlal2 v2.8h, v0.16b, v1.16b",
    },
    "smlal": {
        0x0E61C002: "smull v2.4s, v0.4h, v1.4h",
        0x0E618002: "smlal v2.4s, v0.4h, v1.4h",
        0x4E618002: "smlal2 v2.4s, v0.8h, v1.8h",
        0x2E618002: "umlal v2.4s, v0.4h, v1.4h",
        0x0F402248: "smlal v8.4s, v18.4h, v0.h[0]",
        0x4F7F2A48: "smlal2 v8.4s, v18.8h, v15.h[7]",
        0x0F50A248: "smull v8.4s, v18.4h, v0.h[1]",
    },
    "fmopa": {
        0x80842001: "fmopa za1.s, p0/m, p1/m, z0.s, z4.s",
    },
    "fmla.sve": {
        0x65A40008: "fmla z8.s, p0/m, z0.s, z4.s",
        0x65A49C08: "fmad z8.s, p7/m, z0.s, z4.s",
        0x64BC0008: "fmla z8.s, z0.s, z4.s[3]",
    },
    "fmla": {
        0x4E24CC08: "fmla v8.4s, v0.4s, v4.4s",
        0x0E24CC08: "fmla v8.2s, v0.2s, v4.2s",
        0x4EA4CC08: "fmls v8.4s, v0.4s, v4.4s",
        0x4FBF1810: "fmla v16.4s, v0.4s, v31.s[3]",
    },
    "bfmmla": {
        0x6E44EC08: "bfmmla v8.4s, v0.8h, v4.8h",
        0x6E44FC08: "bfdot v8.4s, v0.8h, v4.8h",
        0x4F64F808: "bfdot v8.4s, v0.8h, v4.2h[3]",
        0x2EC4FC08: "bfmlalb v8.4s, v0.8h, v4.8h",
        0x4FD4F808: "bfmlalt v8.4s, v0.8h, v4.h[5]",
        0x6464E408: "bfmmla z8.s, z0.h, z4.h",
        0x64648008: "bfdot z8.s, z0.h, z4.h",
        0x64744008: "bfdot z8.s, z0.h, z4.h[2]",
    },
}
OTHERS = {
    0x44C40008: "sdot z8.d, z0.h, z4.h",
    0x0EA1C002: "smull v2.2d, v0.2s, v1.2s",
    0x0E61A002: "smlsl v2.4s, v0.4h, v1.4h",
    0x4E606802: "sadalp v2.4s, v0.8h",
    0x4E64CC08: "fmla v8.2d, v0.2d, v4.2d",
    0x4E440C08: "fmla v8.8h, v0.8h, v4.8h",
    0x4FC41808: "fmla v8.2d, v0.2d, v4.d[1]",
    0x65E40008: "fmla z8.d, p0/m, z0.d, z4.d",
    0x643C0008: "fmla z8.h, z0.h, z4.h[3]",
    0x6E24DC08: "fmul v8.4s, v0.4s, v4.4s",
    0x4E24D408: "fadd v8.4s, v0.4s, v4.4s",
    0x4EA49C08: "mul v8.4s, v0.4s, v4.4s",
    0x4E649408: "mla v8.8h, v0.8h, v4.8h",
    0x6EA4B408: "sqrdmulh v8.4s, v0.4s, v4.4s",
    0x0FA02248: "smlal v8.2d, v18.2s, v0.s[1]",
    0x0E210002: "saddl v2.8h, v0.8b, v1.8b",
    0x6E606802: "uadalp v2.4s, v0.8h",
    0x2E212002: "usubl v2.8h, v0.8b, v1.8b",
    0x3CC10400: "ldr q0, [x0], #16",
    0xF9802060: "prfm pldl1keep, [x3, #64]",
    0x9BC27C20: "umulh x0, x1, x2",
    0x9B227C20: "smull x0, w1, w2",
    0x9B020C20: "madd x0, x1, x2, x3",
    0x6E201C00: "eor v0.16b, v0.16b, v0.16b",
    0x0EE2E020: "pmull v0.1q, v1.1d, v2.1d",
    0x6E82CC20: "fcmla v0.4s, v1.4s, v2.4s, #90",
    0x64A2E420: "fmmla z0.s, z1.s, z2.s",
    0xD503207F: "wfi",
    0xD65F03C0: "ret",
    0xD5380000: "mrs x0, midr_el1",
    0xF940DC40: "ldr x0, [x2, #440]",
    0x81842001: "bfmopa za1.s, p0/m, p1/m, z0.h, z4.h",
}
ADD = 0x4EA48408  # add v8.4s, v0.4s, v4.4s
SDOT = 0x4E849410
WAITS = {"svc #0": 0xD4000001, "yield": 0xD503203F, "wfe": 0xD503205F, "isb": 0xD5033FDF}


def code(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


def seen(machine_code: bytes) -> set[str]:
    return set(count([Window(before=b"", behind=machine_code)], AARCH64).seen)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        pytest.param(name, word, id=text)
        for name, words in WORDS.items()
        for word, text in words.items()
    ],
)
def test_an_instruction_is_known_by_its_encoding(name: str, word: int) -> None:
    assert seen(code(word)) == {name}
    assert seen(code(*[ADD] * 9, word, *[ADD] * 9)) == {name}


def test_every_instruction_we_know_is_tested() -> None:
    assert [known.name for known in AARCH64.instructions] == list(WORDS)
    assert all(WORDS.values())


@pytest.mark.parametrize("word", OTHERS, ids=OTHERS.values())
def test_other_instructions_are_not_taken_for_one(word: int) -> None:
    assert seen(code(word, ADD)) == set()


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_only_whole_words_are_instructions(shift: int) -> None:
    assert seen(b"\0" * shift + code(SDOT) + b"\0" * (4 - shift)) == set()


def test_a_pattern_has_a_words_bits() -> None:
    with pytest.raises(ValueError, match="has 33 bits"):
        pattern("0" * 33)


def test_shares_are_of_the_threads_that_compute() -> None:
    dot, other = (Window(before=code(ADD), behind=code(word)) for word in (SDOT, ADD))
    asleep = Window(before=code(SDOT, WAITS["svc #0"]), behind=code(SDOT))
    assert count([dot, other, other, dot, asleep], AARCH64) == Instructions(
        samples=4, seen={"sdot": 0.5}
    )


@pytest.mark.parametrize("word", WAITS.values(), ids=WAITS)
def test_a_thread_that_waits_does_not_compute(word: int) -> None:
    assert Window(before=code(word), behind=code(SDOT)).waits(AARCH64)
    assert not Window(before=code(SDOT), behind=code(ADD)).waits(AARCH64)


@pytest.mark.parametrize("word", [0xD503203F, 0xD503205F, 0xD5033FDF])
def test_a_pause_far_away_is_another_loops(word: int) -> None:
    far = Window(before=code(word, *[ADD] * 4), behind=code(*[ADD] * 4, word))
    assert not far.waits(AARCH64)
