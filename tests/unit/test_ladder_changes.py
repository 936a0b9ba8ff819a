"""What counts as a change between two ladders, and what as worse."""

from typing import Any

import msgspec

from inferpack import changes
from inferpack.difference import Change
from inferpack.expectation import Tolerance
from inferpack.proof import Cpu
from tests.unit import records
from tests.unit.records import CPU, level

TOLERANCE = Tolerance()
LESSER = msgspec.convert(CPU | {"features": ["avx2"]}, Cpu)


def lines(found: list[Change]) -> list[tuple[bool, str]]:
    return [(change.worse, str(change)) for change in found]


def ladders(**other: Any) -> list[tuple[bool, str]]:
    old, new = records.ladder(level("avx2")), records.ladder(level("avx2", **other))
    return lines(list(changes.ladders(old, new, TOLERANCE)))


def test_every_level_of_a_ladder_is_judged() -> None:
    assert ladders() == []
    assert ladders(int8=155.0) == []
    assert ladders(int8=120.0) == [
        (
            True,
            "avx2 resnet50 int8 throughput: 160 images/s → 120 images/s (slower by 25%, noise 10%)",
        )
    ]
    assert ladders(passed=False, reasons=["SIGILL"]) == [
        (True, "avx2 verdict: pass → FAIL, SIGILL")
    ]
    assert ladders(kernels=["ref:any"], isa=["sse4"]) == [
        (True, "avx2 int8 kernels: brg_conv_fwd:avx512_core_vnni → ref:any")
    ]


def test_a_missing_level_is_worse_on_the_same_machine_only() -> None:
    old = records.ladder(level("avx512"), level("avx2"))
    new = records.ladder(level("avx2"))
    other = msgspec.structs.replace(new, cpu=LESSER)
    line = "avx512: measured → not measured"
    assert lines(list(changes.ladders(old, new, TOLERANCE))) == [(True, line)]
    assert lines(list(changes.ladders(old, other, TOLERANCE))) == [(False, line)]


def test_kernels_of_a_lesser_cpu_are_another_and_no_worse() -> None:
    """But what is emulated is the same CPU everywhere."""
    lost = {"kernels": ["ref:any"], "isa": ["sse4"]}
    real = records.ladder(level("native")), records.ladder(level("native", **lost))
    emulated = {**records.EMULATED, "code": 0, "isa": ["avx2"]}
    same = (
        records.ladder(level("v3", **emulated)),
        records.ladder(level("v3", **emulated | lost)),
    )
    for pair, worse in ((real, False), (same, True)):
        new = msgspec.structs.replace(pair[1], cpu=LESSER)
        found = changes.ladders(pair[0], new, TOLERANCE)
        assert [change.worse for change in found] == [worse]
