"""Nights as a variant's history has them, for the tests of what reads it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from inferpack.history import Entry
from inferpack.store import DAY

FIRST = 1_795_000_000  # 2026-11-18
VNNI = "brg_matmul:avx512_core_vnni: fast int8 for avx512_vnni"
AVX2 = "brg_matmul:avx2: fast int8 for avx2"
REFERENCE = "ref_int8:any: reference"

PASSED = Entry(
    at=FIRST,
    revision="a" * 40,
    version="1.31.1",
    digest="sha256:" + "1" * 64,
    unpacked=136_000_000,
    compressed=44_000_000,
    machine="AMD EPYC",
    seconds={"image": 12.5, "proof": 7.0},
    speedups={"digits": 2.0},
    kernels={"digits linear": VNNI},
)


def passed(**other: Any) -> Entry:
    return msgspec.structs.replace(PASSED, **other)


def failed(error: str = "onnxruntime: INT8 is not proven") -> Entry:
    return Entry(at=FIRST, revision="b" * 40, error=error)


def in_turn(nights: Iterable[Entry]) -> tuple[Entry, ...]:
    """A day between each and the next."""
    return tuple(
        msgspec.structs.replace(night, at=FIRST + place * DAY) for place, night in enumerate(nights)
    )


def at_speeds(*speedups: float) -> tuple[Entry, ...]:
    return in_turn(passed(speedups={"digits": value}) for value in speedups)
