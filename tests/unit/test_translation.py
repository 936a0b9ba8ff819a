"""QEMU's log of translated code: real ones cut short (tests/unit/translated), and made-up ones."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from inferpack import translation
from inferpack.expectation import ARM_ORDER, Least
from inferpack.translation import CODES, Phase, Translation
from selftest import classes
from selftest.encodings_arm import AARCH64

LOGS = Path(__file__).with_name("translated")
FP32, INT8, OTHER = 0xD2800031, 0xD2800051, 0xD2800011
MARK, NOP, RET = 0xD28BC3F0, 0xD503201F, 0xD65F03C0
SMULL, SDOT, SMMLA, SDOT_SVE = 0x0E20C000, 0x4E809400, 0x4E80A400, 0x44800000


def block(*words: int, swapped: bool = False) -> bytes:
    """As QEMU writes it, but for its disassembly."""
    texts = (translation.word(word, swapped=swapped).decode() for word in words)
    lines = "".join(f"0x{place * 4:012x}:  {text}  what\n" for place, text in enumerate(texts))
    return f"----------------\nIN: \n{lines}\n".encode()


def mark(phase: int, **how: bool) -> bytes:
    return block(MARK, phase, RET, **how)


def counts(*pieces: bytes) -> dict[Phase, dict[str, int]]:
    return translation.read(pieces).phases


def of(int8: dict[str, int], fp32: dict[str, int] | None = None) -> Translation:
    return Translation(size=1, phases={Phase.FP32: fp32 or {}, Phase.INT8: int8})


@pytest.mark.parametrize(
    ("model", "int8"),
    [
        ("cortex-a72", {"sadalp": 4, "smull": 2, "smlal": 2}),
        ("neoverse-n1", {"uadalp": 2, "udot": 2, "smull": 2, "smlal": 2, "sdot": 2}),
        ("neoverse-v1", {"ummla.sve": 2, "smull": 2, "smlal": 2, "uadalp": 2, "sdot": 2}),
        ("a64fx", {"sadalp": 4, "smull": 2, "smlal": 2}),
    ],
)
def test_a_real_log_shows_what_int8_ran_on_each_cpu(model: str, int8: dict[str, int]) -> None:
    log = (LOGS / f"{model}.log").read_bytes()
    wanted = Translation(size=len(log), phases={Phase.FP32: {}, Phase.INT8: int8})
    assert translation.read([log]) == wanted


def test_qemu_disassembles_a64fx_in_the_wrong_order_of_bytes() -> None:
    """Why its words are read, and not its words for them."""
    log = (LOGS / "a64fx.log").read_text()
    assert "f0c38bd2  adrp" in log
    assert "smull" not in log


@pytest.mark.parametrize("length", [1, 7, 100])
def test_pieces_may_end_anywhere(length: int) -> None:
    log = (LOGS / "neoverse-n1.log").read_bytes()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(log), length):
            yield log[start : start + length]

    assert translation.read(pieces()) == translation.read([log])


def test_each_phase_counts_its_own() -> None:
    log = (
        block(SDOT),  # before any mark: an import
        *(mark(FP32), block(SMULL, NOP, SMULL)),
        *(mark(OTHER), block(SMMLA)),
        *(mark(INT8), block(SDOT, SDOT), block(SDOT_SVE)),
        *(mark(FP32), block(NOP)),
        *(mark(INT8), block(SDOT)),
        *(mark(OTHER), block(SMMLA)),
    )
    assert counts(*log) == {
        Phase.FP32: {"smull": 2},
        Phase.INT8: {"sdot": 3, "sdot.sve": 1},
    }


def test_the_first_mark_tells_the_order_of_bytes() -> None:
    log = (mark(INT8, swapped=True), block(SDOT, swapped=True), block(SDOT))
    assert counts(*log) == {Phase.INT8: {"sdot": 1}}


def test_a_log_without_marks_counts_nothing() -> None:
    assert counts(block(SDOT), block(MARK), block(FP32, MARK)) == {}
    assert translation.read([]) == Translation(size=0, phases={})


def test_what_is_no_log_is_not_hoarded() -> None:
    longest = translation.LONGEST
    pieces = list(translation.blocks([b"x" * longest, b"y", b"z"]))
    assert pieces == [b"x" * longest + b"y", b"z"]


WORDS = {
    "4e63c041": "smull",  # smull2 v1.4s, v2.8h, v3.8h
    "2e23c041": "umull",  # umull v1.8h, v2.8b, v3.8b
    "0f7fabff": "smull",  # smull v31.4s, v31.4h, v15.h[7]
    "4f73a841": "smull",  # smull2 v1.4s, v2.8h, v3.h[7]
    "6e602841": None,  # uaddlp
    "4e606841": "sadalp",  # sadalp v1.4s, v2.8h
    "4e839441": "sdot",  # sdot v1.4s, v2.16b, v3.16b
    "2e9f97ff": "udot",  # udot v31.2s, v31.8b, v31.8b
    "4fa3e841": "sdot",  # sdot v1.4s, v2.16b, v3.4b[3]
    "4e839c41": "usdot",  # usdot v1.4s, v2.16b, v3.16b
    "4f3ff841": "sudot",  # sudot v1.4s, v2.16b, v31.4b[3]
    "6e9fa7ff": "ummla",  # ummla v31.4s, v31.16b, v31.16b
    "4e83ac41": "usmmla",  # usmmla v1.4s, v2.16b, v3.16b
    "44830041": "sdot.sve",  # sdot z1.s, z2.b, z3.b
    "44bf07ff": "udot.sve",  # udot z31.s, z31.b, z7.b[3]
    "45df9bff": "ummla.sve",  # ummla z31.s, z31.b, z31.b
    "44c30041": None,  # sdot z1.d, z2.h, z3.h
    "9b237c41": None,  # smull x1, w2, w3
    "2e43fc41": None,  # bfdot v1.2s, v2.4h, v3.4h
    "4e23cc41": None,  # fmla v1.4s, v2.4s, v3.4s
    "0e23e041": None,  # pmull v1.8h, v2.8b, v3.8b
}
"""As binutils' assembler writes them."""


@pytest.mark.parametrize(("word", "name"), WORDS.items())
def test_instructions_are_told_by_their_code(word: str, name: str | None) -> None:
    found = counts(mark(INT8), block(int(word, 16)))[Phase.INT8]
    assert found == ({name: 1} if name else {})


def test_no_word_is_two_instructions() -> None:
    for place, code in enumerate(CODES):
        for other in CODES[place + 1 :]:
            both = code.mask & other.mask
            assert code.value & both != other.value & both, (code, other)


def problems(found: Translation, *demanded: Least) -> tuple[str, ...]:
    return translation.problems(found, demanded)


@pytest.mark.parametrize(
    ("int8", "least"),
    [
        ({"smull": 2}, Least.NEON),
        ({"sdot": 1}, Least.NEON),
        ({"udot": 1}, Least.DOTPROD),
        ({"usmmla": 1}, Least.DOTPROD),
        ({"ummla.sve": 1}, Least.I8MM),
        ({"sdot.sve": 1}, Least.SVE),
        ({"smmla": 1}, Least.SVE),
        ({}, Least.SLOW),
    ],
)
def test_instructions_of_a_row_or_better_ones_agree_with_it(
    int8: dict[str, int], least: Least
) -> None:
    assert problems(of(int8, {"smull": 5}), least, least) == ()


def test_a_dot_product_that_was_not_translated_was_not_run() -> None:
    """As if a library named its kernels better than they are."""
    assert problems(of({"smull": 84, "sadalp": 88}), Least.DOTPROD, Least.SLOW) == (
        "INT8 should run dotprod's instructions or better, ran sadalp 88, smull 84",
    )
    assert problems(of({}), Least.NEON, Least.I8MM) == (
        "INT8 should run i8mm's instructions or better, ran none that we know",
        "INT8 should run neon's instructions or better, ran none that we know",
    )


def test_dot_products_of_longer_vectors_are_no_matrix_products() -> None:
    assert problems(of({"sdot.sve": 2}), Least.I8MM) == (
        "INT8 should run i8mm's instructions or better, ran sdot.sve 2",
    )


def test_what_only_x86_has_is_never_met_on_arm() -> None:
    assert problems(of({"smmla": 2}), Least.AMX) == (
        "INT8 should run amx's instructions or better, ran smmla 2",
    )


def test_selftest_ranks_arms_instructions_alike() -> None:
    assert ARM_ORDER == classes.ARM
    told = {known.name: known.isa for known in AARCH64.instructions}
    assert {name: told[name] for name in translation.ISAS if name in told} == {
        name: isa for name, isa in translation.ISAS.items() if name in told
    }


def test_fp32_that_runs_dot_products_is_no_baseline() -> None:
    assert problems(of({"sdot": 9}, {"smull": 1, "sdot": 3, "ummla.sve": 2}), Least.DOTPROD) == (
        "FP32 ran int8's instructions: ummla.sve 2, sdot 3",
    )


@pytest.mark.parametrize(
    ("phases", "missing"),
    [((), "fp32 or int8"), ((Phase.FP32,), "int8"), ((Phase.INT8,), "fp32")],
)
def test_a_log_without_both_phases_proves_nothing(phases: Iterable[Phase], missing: str) -> None:
    found = Translation(size=1, phases={phase: {"sdot": 1} for phase in phases})
    assert problems(found, Least.SLOW) == (
        f"QEMU's log shows no beginning of {missing}: nothing is proven",
    )
