"""x86-64 machine code as an assembler makes it, and what is seen in it."""

from __future__ import annotations

import pytest

from selftest.encodings import X86_64
from selftest.instructions import INSTRUCTIONS, Instructions, Window, count

CODE = {
    "vpdpbusd": ("62 f2 75 48 50 c2", "62 72 7d 40 51 04 91"),
    "vpdpbusd.vex": ("c4 e2 75 50 c2", "c4 62 3d 51 c2"),
    "vpdpbssd": ("c4 e2 77 50 c2", "c4 e2 76 50 c2", "c4 e2 74 50 c2"),
    "tdpb": ("c4 e2 6b 5e c1", "c4 e2 69 5e c1", "c4 e2 6a 5e c1", "c4 e2 68 5e c1"),
    "vpmaddubsw": ("62 f2 75 48 04 c2", "62 f2 f5 48 04 c2"),
    "vpmaddwd": ("62 f1 75 48 f5 c2",),
    "vpmaddubsw.vex": ("c4 e2 75 04 c2",),
    "vpmaddwd.vex": ("c5 f5 f5 c2", "c4 c1 75 f5 c2"),
    "pmaddubsw": ("66 0f 38 04 c1", "66 45 0f 38 04 c1"),
    "pmaddwd": ("66 0f f5 c1", "66 44 0f f5 c1"),
    "mulps": ("0f 59 c1", "45 0f 59 c1", "c5 f4 59 c2", "c4 c1 74 59 c2"),
    "vfmadd": ("62 f2 75 48 b8 c2", "c4 e2 75 98 c2"),
}
OTHERS = (
    "62 f2 75 48 52 c2",  # vpdpwssd: 16-bit
    "c4 e2 75 52 c2",
    "0f 38 04 c1",  # pmaddubsw on MMX registers
    "0f f5 c1",
    "62 f1 74 48 58 c2",  # vaddps
    "62 f2 f5 48 b8 c2",  # vfmadd231pd
    "c4 e2 f5 b8 c2",
    "66 0f 59 c1",  # mulpd
    "c5 f5 59 c2",  # vmulpd
    "c4 e2 f3 5e c1 90",  # W = 1: no tile product
)


def seen(code: str) -> set[str]:
    window = Window(before=b"\x90" * 8, behind=bytes.fromhex(code) + b"\x90" * 8)
    return set(count([window], X86_64).seen)


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in CODE.items() for code in codes]
)
def test_an_instruction_is_known_by_its_encoding(name: str, code: str) -> None:
    assert seen(code) == {name}


def test_every_instruction_we_know_is_tested() -> None:
    assert [known.name for known in X86_64.instructions if known.name not in CODE] == []


@pytest.mark.parametrize("code", OTHERS)
def test_other_instructions_are_not_taken_for_one(code: str) -> None:
    assert seen(code) == set()


def window(code: str) -> Window:
    return Window(before=b"", behind=bytes.fromhex(code))


def test_shares_are_of_the_threads_that_compute() -> None:
    dot, other = window(CODE["vpdpbusd"][0]), window(OTHERS[0])
    spinning = Window(before=b"\xf3\x90" + bytes.fromhex(CODE["vpdpbusd"][0]), behind=b"")
    asleep = Window(before=b"\x0f\x05", behind=bytes.fromhex(CODE["vpdpbusd"][0]))
    assert count([dot, other, other, dot, spinning, asleep], X86_64) == Instructions(
        samples=4, seen={"vpdpbusd": 0.5}
    )
    assert count([], X86_64) == Instructions(samples=0, seen={})


@pytest.mark.parametrize("runs", ["vpdpbusd", "vpmaddubsw.vex"])
def test_code_for_other_cpus_beside_the_code_that_runs_is_not_seen(runs: str) -> None:
    """MLAS has the loops for VNNI and those for AVX2 next to each other."""
    other = {"vpdpbusd": "vpmaddubsw.vex", "vpmaddubsw.vex": "vpdpbusd"}[runs]
    loop, beside = (bytes.fromhex(CODE[name][0]) for name in (runs, other))
    scale, far = bytes.fromhex(CODE["vfmadd"][0]), b"\x90" * 40
    before = Window(before=beside * 3 + far + loop, behind=loop + scale)
    behind = Window(before=scale + loop, behind=loop + far + beside * 3)
    found = Instructions(samples=2, seen={runs: 1.0, "vfmadd": 1.0})
    assert count([before, behind], X86_64) == found


def test_instructions_of_one_set_work_in_pairs() -> None:
    pair = window(CODE["vpmaddubsw.vex"][0] + CODE["vpmaddwd.vex"][0])
    both = {"vpmaddubsw.vex": 1.0, "vpmaddwd.vex": 1.0}
    assert count([pair], X86_64) == Instructions(samples=1, seen=both)


def test_what_is_seen_once_in_a_while_does_not_count() -> None:
    rare = Instructions(samples=100, seen={"vpdpbusd": 0.04, "vpmaddubsw.vex": 0.3, "vfmadd": 0.6})
    assert (rare.isas, rare.int8) == ({"avx2": 0.3}, ("vpmaddubsw.vex",))


def test_no_two_instructions_have_one_name() -> None:
    assert len({known.name for known in INSTRUCTIONS}) == len(INSTRUCTIONS)
