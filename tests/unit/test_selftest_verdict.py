"""Which row judges, and every way to pass and to fail but by a kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selftest.checks import reasons
from selftest.evidence import Kernel
from selftest.expectation import Row, choose
from selftest.findings import Findings
from selftest.verdict import judge
from tests.unit.selftest_cases import BOTH, DIGITS, EXPECTED, GOOD, ROWS, good


def why(findings: Findings) -> list[str]:
    """Of the one task that there is."""
    return [reason.removeprefix("digits: ") for reason in reasons(judge(EXPECTED, findings))]


def on(*features: str, emulated: bool = False) -> Findings:
    return replace(GOOD, cpu=replace(GOOD.cpu, features=features, emulated=emulated))


@pytest.mark.parametrize(
    ("features", "row"),
    [
        (("avx2", "avx512f", "avx512bw", "avx512_vnni", "amx_int8"), ROWS[0]),
        (("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni"), ROWS[0]),
        (("avx2", "avx_vnni"), ROWS[1]),
        (("avx2", "avx512f", "avx512bw"), ROWS[2]),
        (("avx2", "avx512f"), ROWS[3]),
        (("avx2", "fma"), ROWS[3]),
        (("sse4_2",), None),
        ((), None),
    ],
)
def test_the_strictest_row_that_the_cpu_satisfies_applies(
    features: tuple[str, ...], row: Row | None
) -> None:
    assert choose(ROWS, features) == row


def test_a_row_without_features_fits_any_cpu() -> None:
    anything = Row(cpu=(), kernels={"linear": "slow"}, speedup=1.0)
    assert choose([*ROWS, anything], ("neon",)) == anything


def test_good_findings_pass_every_check() -> None:
    verdict = judge(EXPECTED, BOTH)
    assert [(check.title, check.passed) for check in verdict.checks] == [
        ("expectation for this CPU", True),
        ("digits: fp32 accuracy", True),
        ("digits: int8 accuracy drop", True),
        ("digits: agreement", True),
        ("digits: fp32 kernels", True),
        ("digits: int8 kernels: convolution", True),
        ("digits: int8 kernels: linear", True),
        ("digits: fp32 instructions", True),
        ("digits: int8 instructions", True),
        ("digits: int8 speed", True),
        ("encoder: fp32 accuracy", True),
        ("encoder: int8 accuracy drop", True),
        ("encoder: agreement", True),
        ("encoder: fp32 kernels", True),
        ("encoder: int8 kernels: linear", True),
        ("encoder: fp32 instructions", True),
        ("encoder: int8 instructions", True),
        ("encoder: int8 speed", True),
    ]
    assert (verdict.passed, verdict.row, verdict.row_note) == (True, ROWS[0], None)


def test_an_inaccurate_baseline_fails() -> None:
    bad = good(
        fp32=replace(DIGITS.fp32, accuracy=0.1),
        int8=replace(DIGITS.int8, accuracy=0.1),
    )
    assert why(bad) == ["fp32 accuracy: 0.1000, should be >= 0.97"]


def test_a_drop_in_accuracy_fails() -> None:
    bad = good(int8=replace(DIGITS.int8, accuracy=0.97))
    assert why(bad) == ["int8 accuracy drop: 0.0200 (0.9900 to 0.9700), should be <= 0.01"]


def test_a_drop_of_just_what_is_allowed_passes() -> None:
    assert why(good(int8=replace(DIGITS.int8, accuracy=0.98))) == []


def test_different_answers_fail_even_when_both_are_accurate() -> None:
    assert why(good(agreement=0.9)) == ["agreement: 0.9000, should be >= 0.98"]


def test_a_cpu_that_no_row_fits_fails_and_says_so() -> None:
    assert why(on("sse4_2")) == [
        "expectation for this CPU: sse4_2, which is below all of them, should be "
        "avx512_vnni or avx_vnni or avx512f+avx512bw or avx2"
    ]


def test_a_baseline_that_is_not_in_f32_fails() -> None:
    bfloat = Kernel(operator="convolution", types="bf16", implementation="brgconv:avx512_core_bf16")
    bad = good(fp32=replace(DIGITS.fp32, kernels=(bfloat,)))
    (reason,) = why(bad)
    assert reason.startswith("fp32 kernels: bf16: brgconv:avx512_core_bf16, should be all in f32")


def fp32_ran(*kernels: Kernel) -> Findings:
    return good(fp32=replace(DIGITS.fp32, kernels=kernels))


FP32 = Kernel(operator="convolution", types="f32", implementation="x64:gemm:jit", count=5)


def test_a_slow_baseline_fails() -> None:
    slow = (replace(FP32, count=4), replace(FP32, implementation="ref:any", count=1))
    should = "should be all in f32, no reference convolution"
    assert why(fp32_ran(*slow)) == [f"fp32 kernels: convolution ran ref:any (reference), {should}"]
    assert why(fp32_ran(replace(FP32, count=4))) == [f"fp32 kernels: 4 of 5 convolutions, {should}"]
    assert why(fp32_ran(replace(FP32, operator="linear"))) == [
        f"fp32 kernels: 0 of 5 convolutions, {should}"
    ]


@pytest.mark.parametrize(
    "name", ["x64:gemm:jit", "jit:sse41", "gemm_any_f32", "CPUExecutionProvider/FusedConv"]
)
def test_a_baseline_on_an_old_cpu_is_no_reference(name: str) -> None:
    assert why(fp32_ran(replace(FP32, implementation=name))) == []


def test_a_cpu_that_can_more_than_any_row_knows_is_judged_by_the_nearest_lower_one() -> None:
    newer = on("avx2", "avx512bw", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")
    assert judge(EXPECTED, newer).row_note == (
        "no row names amx_int8: judged by the nearest lower one, avx512_vnni"
    )
    assert judge(EXPECTED, on("avx2", "avx_vnni", "avx_vnni_int8")).row_note == (
        "no row names avx_vnni_int8: judged by the nearest lower one, avx_vnni"
    )


def test_int8_that_is_not_faster_fails() -> None:
    assert why(good(speedup=1.2)) == ["int8 speed: 1.20 times, should be >= 1.5 times fp32"]


def test_emulated_speed_is_reported_and_not_judged() -> None:
    slow = replace(on("avx512_vnni", emulated=True), tasks=good(speedup=0.4).tasks)
    verdict = judge(EXPECTED, slow)
    assert (verdict.passed, verdict.checks[-1].saw) == (
        True,
        "0.40 times (emulated: not judged)",
    )


def test_each_task_is_judged_by_itself_and_named() -> None:
    slow = replace(BOTH, tasks=(BOTH.tasks[0], replace(BOTH.tasks[1], speedup=1.2)))
    assert reasons(judge(EXPECTED, slow)) == [
        "encoder: int8 speed: 1.20 times, should be >= 1.5 times fp32"
    ]


def test_an_operator_that_the_row_does_not_name_is_not_let_pass() -> None:
    rows = tuple(replace(row, kernels={"convolution": "slow"}) for row in ROWS)
    assert reasons(judge(replace(EXPECTED, rows=rows), GOOD)) == [
        "digits: int8 kernels: linear ran unjudged, for the row names none, "
        "this CPU (avx512_vnni) should run what its row names"
    ]


def test_where_there_are_no_convolutions_the_linear_layers_are_the_baseline() -> None:
    (digits, encoder), slow = BOTH.tasks, (replace(FP32, operator="linear", count=13),)
    found = replace(encoder, fp32=replace(encoder.fp32, kernels=slow))
    assert reasons(judge(EXPECTED, replace(BOTH, tasks=(digits, found)))) == [
        "encoder: fp32 kernels: 13 of 14 linears, should be all in f32, no reference linear"
    ]


def test_a_row_may_ask_less_of_one_task() -> None:
    rows = tuple(replace(row, speedups={"encoder": 1.1}) for row in ROWS)
    slow = replace(BOTH, tasks=tuple(replace(task, speedup=1.2) for task in BOTH.tasks))
    assert reasons(judge(replace(EXPECTED, rows=rows), slow)) == [
        "digits: int8 speed: 1.20 times, should be >= 1.5 times fp32"
    ]
