"""What a ladder's levels look like side by side, and on disk."""

from pathlib import Path
from typing import Any

import msgspec

from inferpack import gains, ladder
from inferpack.errors import InferpackError
from inferpack.ladder import Level, Rung
from tests.unit import records
from tests.unit.test_ladder import HERE, LEAST, LESS, V1, V2

TRIED = (HERE, LESS, LEAST, V2, V1)


LEVELS = msgspec.convert(
    [
        records.level(HERE.name),
        records.level(LESS.name, how=LESS.how, int8=80.0, kernels=["a:avx2", "gemm:jit"]),
        records.level(LEAST.name, how=LEAST.how, int8=16.0, row=None, kernels=["CPU/Gemm"]),
        records.level(
            V2.name, **{**records.EMULATED, "code": 1, "kernels": ["a:sse41", "b:sse41"]}
        ),
        records.level(V1.name, **records.EMULATED, reasons=["cannot run on this CPU"]),
    ],
    tuple[Level, ...],
)


def test_a_row_for_each_level() -> None:
    emulated = ("emulated", "emulated", "", "")
    assert gains.table(TRIED, LEVELS) == [
        (
            *("AVX-512 VNNI", "this CPU as it is", "40.0 images/s", "160 images/s"),
            *("4.00 x", "2.00 x", "avx512_core_vnni", "pass"),
        ),
        (
            *("AVX2", "ISA=AVX2", "40.0 images/s", "80.0 images/s"),
            *("4.00 x", "5.00 x", "avx2, gemm:jit", "pass"),
        ),
        (
            *("SSE4", "ISA=SSE41", "40.0 images/s", "16.0 images/s"),
            *("4.00 x", "", "Gemm", "runs; no row for it"),
        ),
        ("x86-64-v2", "qemu -cpu Nehalem", *emulated, "sse41", "runs; no row for it"),
        ("x86-64-v1", "qemu -cpu Nehalem", "", "", "", "", "", "refused in one line"),
    ]


def test_what_a_level_is_worth_is_told() -> None:
    assert gains.worth(TRIED, LEVELS) == (
        "AVX-512 VNNI is worth 2.00 x in ResNet-50 INT8 here, against AVX2",
        "AVX2 is worth 5.00 x in ResNet-50 INT8 here, against SSE4",
    )


def test_the_table_names_the_network_its_speeds_are_of() -> None:
    assert gains.HEADER[2:5] == ("ResNet-50 FP32", "ResNet-50 INT8", "INT8/FP32")


def test_only_levels_that_are_wrong_fail() -> None:
    broken = msgspec.structs.replace(LEVELS[1], passed=False, reasons=("one", "two"))
    assert ladder.failures(LEVELS) == ()
    assert ladder.failures((LEVELS[0], broken)) == ("AVX2: one; two",)
    assert ladder.verdict(broken) == "FAIL"


def test_a_level_is_compared_with_the_next_that_has_less() -> None:
    other = Rung(name="AVX2 VNNI", cpu=frozenset({"avx2", "avx_vnni"}))
    levels = (LEVELS[0], level("AVX2 VNNI", 120.0), *LEVELS[1:])
    assert gains.gains((HERE, other, LESS, LEAST, V2, V1), levels) == {
        "AVX-512 VNNI": ("AVX2", 2.0),
        "AVX2 VNNI": ("AVX2", 1.5),
        "AVX2": ("SSE4", 5.0),
    }


def level(name: str, int8: float | None, **other: Any) -> Level:
    return msgspec.convert(records.level(name, int8=int8, **other), Level)


def test_of_several_runs_the_least_disturbed_counts_but_no_failure_is_hidden() -> None:
    slow, fast = level("x", 1.0), level("x", 2.0)
    error = InferpackError("x", "selftest --bench exited with code 2", "its last line: no")
    failed = ladder.failed(level("x", None, reasons=["one"]), error)
    assert ladder.best([slow, fast]) == ladder.best([fast, slow]) == fast
    assert ladder.best([failed, fast]) == ladder.best([fast, failed]) == failed
    assert ladder.failures([failed]) == (
        "x: one; selftest --bench exited with code 2; its last line: no",
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = msgspec.structs.replace(records.ladder(), levels=LEVELS)
    assert ladder.read(tmp_path) is None
    assert ladder.record(tmp_path, made) == tmp_path / "ladder.json"
    assert ladder.read(tmp_path) == made


def test_speeds_of_another_network_are_not_taken_for_these(tmp_path: Path) -> None:
    """An older inferpack timed the digits, and did not say so."""
    path = ladder.record(tmp_path, records.ladder())
    document = msgspec.json.decode(path.read_bytes())
    del document["network"]
    path.write_bytes(msgspec.json.encode(document))
    assert ladder.read(tmp_path) is None
