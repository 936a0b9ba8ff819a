"""What counts as a change between two records, and what as worse."""

from typing import Any

import msgspec
import pytest

from inferpack import changes
from inferpack.difference import Change
from inferpack.expectation import Tolerance
from inferpack.model import Variant
from inferpack.proof import Report
from tests.unit import records
from tests.unit.records import CPU, FP32, INT8

TOLERANCE = Tolerance()


def report(variant: Variant, **other: Any) -> Report:
    return msgspec.convert(records.report(variant, **other), Report)


def reports(variant: Variant, **other: Any) -> list[Change]:
    """What differs where only this changed."""
    return list(changes.reports(report(variant), report(variant, **other), TOLERANCE))


def lines(found: list[Change]) -> list[tuple[bool, str]]:
    return [(change.worse, str(change)) for change in found]


def test_nothing_changed(onnxruntime: Variant) -> None:
    assert reports(onnxruntime) == []


@pytest.mark.parametrize(("accuracy", "worse"), [(0.9850, False), (0.9820, True), (0.99, False)])
def test_accuracy_is_judged_by_its_tolerance(
    onnxruntime: Variant, accuracy: float, worse: bool
) -> None:
    assert lines(reports(onnxruntime, int8={**INT8, "accuracy": accuracy})) == [
        (worse, f"digits int8 accuracy: 98.78% → {accuracy:.2%}")
    ]


def test_lost_agreement_is_worse(onnxruntime: Variant) -> None:
    assert lines(reports(onnxruntime, agreement=0.9)) == [
        (True, "digits agreement: 99.80% → 90.00%")
    ]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (115_000.0, []),  # within the noise
        # beyond the noise, within the tolerance
        (111_000.0, [(False, "120,000 images/s → 111,000 images/s (slower by 7%, noise 6%)")]),
        (90_000.0, [(True, "120,000 images/s → 90,000 images/s (slower by 25%, noise 6%)")]),
        (150_000.0, [(False, "120,000 images/s → 150,000 images/s (faster by 25%, noise 6%)")]),
    ],
    ids=["noise", "tolerated", "slower", "faster"],
)
def test_speed_is_judged_beyond_its_noise(
    onnxruntime: Variant, rate: float, expected: list[tuple[bool, str]]
) -> None:
    assert lines(reports(onnxruntime, int8={**INT8, "per_s": rate})) == [
        (worse, f"digits int8 speed: {text}") for worse, text in expected
    ]


def test_a_slower_run_that_was_noisy_is_not_called_slower(onnxruntime: Variant) -> None:
    """But it is told: what noise hides is not known to be as it was."""
    noisy = {**INT8, "per_s": 90_000.0, "spread": 0.3}
    assert lines(reports(onnxruntime, int8=noisy)) == [
        (
            False,
            "digits int8 speed: 120,000 images/s → 90,000 images/s (cannot be judged: noise 33%)",
        )
    ]


def test_a_loss_that_no_noise_explains_is_worse_however_loud_it_was(onnxruntime: Variant) -> None:
    noisy = {**INT8, "per_s": 60_000.0, "spread": 0.3}
    assert lines(reports(onnxruntime, int8=noisy)) == [
        (True, "digits int8 speed: 120,000 images/s → 60,000 images/s (slower by 50%, noise 33%)")
    ]


def test_int8_over_fp32_tells_what_noise_hides(onnxruntime: Variant) -> None:
    """Load slows both alike; where INT8 alone is slower, it is not the load."""
    noisy = {**INT8, "per_s": 60_000.0, "spread": 0.6}
    assert lines(reports(onnxruntime, int8=noisy, speedup=1.2)) == [
        (
            False,
            "digits int8 speed: 120,000 images/s → 60,000 images/s (cannot be judged: noise 63%)",
        ),
        (True, "digits int8/fp32 speed: 2.40 x → 1.20 x (slower by 50%, noise 10%)"),
    ]


def test_a_faster_fp32_alone_makes_nothing_worse(onnxruntime: Variant) -> None:
    faster = {**FP32, "per_s": 80_000.0}
    assert [change.worse for change in reports(onnxruntime, fp32=faster, speedup=1.5)] == [
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("cpu", "said"),
    [
        (
            {"model": "Other CPU"},
            "speed is not compared: AMD EPYC (2 threads) before, Other CPU (2 threads) now",
        ),
        (
            {"quota": 1.5},
            "speed is not compared: AMD EPYC (2 threads) before, "
            "AMD EPYC (2 threads, quota 1.5) now",
        ),
        (
            {"features": ["avx2", "avx512f", "avx512bw"]},
            "speed is not compared: only one of the two CPUs has avx512_vnni",
        ),
    ],
)
def test_speed_on_another_cpu_is_not_compared(
    onnxruntime: Variant, cpu: dict[str, Any], said: str
) -> None:
    slower = {**INT8, "per_s": 1000.0}
    other = {"cpu": CPU | cpu, "int8": slower}
    assert reports(onnxruntime, **other) == []
    assert changes.incomparable(report(onnxruntime).cpu, report(onnxruntime, **other).cpu) == said


def test_a_lost_verdict_is_worse_and_says_why(onnxruntime: Variant) -> None:
    check = {"name": "int8 speed", "passed": False, "expected": ">= 1.5", "saw": "1.1"}
    assert lines(reports(onnxruntime, passed=False, checks=[check])) == [
        (True, "verdict: pass → FAIL, int8 speed: expected >= 1.5, saw 1.1")
    ]


def test_another_version_is_a_change(onnxruntime: Variant) -> None:
    assert lines(reports(onnxruntime, version="9.9", row=["avx2"])) == [
        (False, "onnxruntime version: 1.31.1 → 9.9"),
        (False, "judged as: avx512_vnni → avx2"),
    ]


def benches(variant: Variant, **int8: Any) -> list[tuple[bool, str]]:
    old = records.bench(variant).report
    (network,) = records.throughput(variant)["networks"]
    changed = {**network, "int8": records.precise(160.0) | int8}
    new = records.bench(variant, networks=[changed]).report
    return lines(list(changes.benches(old, new, TOLERANCE)))


def test_throughput_latency_and_error_of_a_bench_are_judged(onnxruntime: Variant) -> None:
    assert benches(onnxruntime) == []
    assert benches(onnxruntime, best={"batch": 8, "images_per_s": 120.0, "spread": 0.02}) == [
        (
            True,
            "resnet50 int8 throughput: 160 images/s → 120 images/s (slower by 25%, noise 4%)",
        )
    ]
    assert benches(onnxruntime, latency={"runs": 9, "p50_ms": 7.5, "p99_ms": 8.0}) == [
        (True, "resnet50 int8 latency: 5.62 ms → 7.50 ms (slower by 25%, noise 6%)")
    ]
    assert benches(onnxruntime, latency={"runs": 9, "p50_ms": 5.7, "p99_ms": 99.0}) == []
    assert benches(onnxruntime, error=0.02) == [(True, "resnet50 int8 error: 1.00e-02 → 2.00e-02")]
    assert benches(onnxruntime, error=0.012) == []


def test_int8_over_fp32_of_a_bench_is_judged(onnxruntime: Variant) -> None:
    old = records.bench(onnxruntime).report
    (network,) = records.throughput(onnxruntime)["networks"]
    loud = {"batch": 16, "images_per_s": 80.0, "spread": 0.9}
    slower = {**network, "int8": records.precise(160.0, best=loud), "speedup": 2.0}
    new = records.bench(onnxruntime, networks=[slower]).report
    assert lines(list(changes.benches(old, new, TOLERANCE))) == [
        (
            False,
            "resnet50 int8 throughput: 160 images/s → 80.0 images/s (cannot be judged: noise 92%)",
        ),
        (True, "resnet50 int8/fp32 throughput: 4.00 x → 2.00 x (slower by 50%, noise 10%)"),
    ]


def test_a_network_that_is_gone_is_worse_and_a_new_one_is_not(onnxruntime: Variant) -> None:
    full, empty = records.bench(onnxruntime).report, records.bench(onnxruntime, networks=[]).report
    gone = lines(list(changes.benches(full, empty, TOLERANCE)))
    come = lines(list(changes.benches(empty, full, TOLERANCE)))
    assert gone == [(True, "resnet50: measured → not measured")]
    assert come == [(False, "resnet50: not measured → measured")]


def test_a_task_that_is_gone_is_worse_and_a_new_one_is_not(onnxruntime: Variant) -> None:
    digits = report(onnxruntime, tasks=[records.DIGITS])
    both = report(onnxruntime)
    gone = lines(list(changes.reports(both, digits, TOLERANCE)))
    come = lines(list(changes.reports(digits, both, TOLERANCE)))
    assert gone == [(True, "encoder: proven → not measured")]
    assert come == [(False, "encoder: not measured → proven")]
