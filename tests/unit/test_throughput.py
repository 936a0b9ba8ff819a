"""A bench is recorded when it ended well, and is one clear line otherwise."""

import json
from typing import Any

import msgspec
import pytest

from inferpack import throughput
from inferpack.engine import Finished
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.throughput import Throughput
from tests.unit import records


def finished(variant: Variant, code: int | None = 0, **other: Any) -> Finished:
    stdout = json.dumps(records.throughput(variant, **other))
    return Finished(code=code, stdout=stdout, stderr="selftest: out of memory")


def test_a_bench_that_ends_well_is_read_whole(onnxruntime: Variant) -> None:
    expected = msgspec.convert(records.throughput(onnxruntime), Throughput)
    assert throughput.judge(onnxruntime, finished(onnxruntime), 600) == expected


@pytest.mark.parametrize(
    ("code", "other", "line"),
    [
        (None, {}, "selftest --bench did not end within 600 s; its last line: "),
        (2, {}, "selftest --bench exited with code 2; its last line: "),
        (137, {}, "selftest --bench was killed by SIGKILL; its last line: "),
        (0, {"schema": 9}, "selftest --bench's report is unreadable: Invalid enum value 9 - "),
        (
            0,
            {"more": 1},
            "selftest --bench's report is unreadable: Object contains unknown field `more`",
        ),
        (0, {"version": "1.0"}, "selftest --bench reports on 'onnxruntime-mlas-py311-amd64' 1.0; "),
        (0, {"networks": []}, "selftest --bench reports on no network"),
    ],
)
def test_a_bench_that_does_not_is_one_line(
    onnxruntime: Variant, code: int | None, other: dict[str, Any], line: str
) -> None:
    with pytest.raises(InferpackError) as caught:
        throughput.judge(onnxruntime, finished(onnxruntime, code, **other), 600)
    assert str(caught.value).startswith(f"{onnxruntime.id}: {line}")
    assert "\n" not in str(caught.value)


def test_its_summary_is_what_a_person_asks_for(onnxruntime: Variant) -> None:
    report = records.bench(onnxruntime).report
    assert throughput.summary(report).splitlines() == [
        "  onnxruntime 1.31.1 (mlas) on AMD EPYC, 2 threads",
        "  resnet50: INT8 runs 4.00 times as fast as FP32",
        "  FP32     40.0 images/s (batch 16, spread 2.0%), 70% of peak;"
        " one image p50 22.50 ms, p99 25.00 ms",
        "  INT8    160.0 images/s (batch 16, spread 2.0%), 70% of peak;"
        " one image p50 5.62 ms, p99 6.25 ms",
    ]


def test_an_unknown_peak_is_left_out(onnxruntime: Variant) -> None:
    made = msgspec.convert(records.precise(40.0, of_peak=None), throughput.Precise)
    assert "peak" not in throughput.line("FP32", made)
