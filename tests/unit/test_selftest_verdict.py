"""Every way to pass and to fail, each with its reason in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selftest.evidence import Kernel
from selftest.expectation import Row
from selftest.findings import Findings
from selftest.verdict import choose, judge, reasons
from tests.unit.selftest_cases import CONVOLUTION, EXPECTED, GOOD, LINEAR, ROWS


def why(findings: Findings) -> list[str]:
    return reasons(judge(EXPECTED, findings))


def on(*features: str, emulated: bool = False) -> Findings:
    return replace(GOOD, cpu=replace(GOOD.cpu, features=features, emulated=emulated))


def int8_ran(*kernels: Kernel, problem: str | None = None) -> Findings:
    return replace(GOOD, int8=replace(GOOD.int8, kernels=kernels, problem=problem))


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
    anything = Row(cpu=(), kernels={"linear": ".*"}, speedup=1.0)
    assert choose([*ROWS, anything], ("neon",)) == anything


def test_good_findings_pass_every_check() -> None:
    verdict = judge(EXPECTED, GOOD)
    assert [(check.name, check.passed) for check in verdict.checks] == [
        ("fp32 accuracy", True),
        ("int8 accuracy drop", True),
        ("agreement", True),
        ("expectation for this CPU", True),
        ("fp32 kernels", True),
        ("int8 kernels: convolution", True),
        ("int8 kernels: linear", True),
        ("int8 speed", True),
    ]
    assert (verdict.passed, verdict.row) == (True, ROWS[0])


def test_an_inaccurate_baseline_fails() -> None:
    bad = replace(
        GOOD,
        fp32=replace(GOOD.fp32, accuracy=0.1),
        int8=replace(GOOD.int8, accuracy=0.1),
    )
    assert why(bad) == ["fp32 accuracy: 0.1000, should be >= 0.97"]


def test_a_drop_in_accuracy_fails() -> None:
    bad = replace(GOOD, int8=replace(GOOD.int8, accuracy=0.97))
    assert why(bad) == ["int8 accuracy drop: 0.0200 (0.9900 to 0.9700), should be <= 0.01"]


def test_a_drop_of_just_what_is_allowed_passes() -> None:
    assert why(replace(GOOD, int8=replace(GOOD.int8, accuracy=0.98))) == []


def test_different_answers_fail_even_when_both_are_accurate() -> None:
    assert why(replace(GOOD, agreement=0.9)) == ["agreement: 0.9000, should be >= 0.98"]


def test_a_cpu_that_no_row_fits_fails_and_says_so() -> None:
    assert why(on("sse4_2")) == [
        "expectation for this CPU: none of these on a CPU with sse4_2, should be "
        "avx512_vnni or avx_vnni or avx512f+avx512bw or avx2"
    ]


def test_a_baseline_that_is_not_in_f32_fails() -> None:
    bfloat = Kernel(operator="convolution", types="bf16", implementation="brgconv:avx512_core_bf16")
    bad = replace(GOOD, fp32=replace(GOOD.fp32, kernels=(bfloat,)))
    assert why(bad) == ["fp32 kernels: bf16: brgconv:avx512_core_bf16, should be all in f32"]


def test_a_kernel_for_a_lesser_cpu_fails_and_is_the_one_that_is_named() -> None:
    masked = replace(CONVOLUTION, implementation="brg_conv_fwd:avx512_core", count=1)
    bad = int8_ran(masked, replace(CONVOLUTION, count=4), LINEAR)
    assert why(bad) == [
        "int8 kernels: convolution ran brg_conv_fwd:avx512_core, this CPU (avx512_vnni) "
        "should run .*:avx512_core_(vnni|amx).*"
    ]


def test_a_reference_kernel_fails() -> None:
    assert why(int8_ran(CONVOLUTION, replace(LINEAR, implementation="ref:any"))) == [
        "int8 kernels: linear ran ref:any, this CPU (avx512_vnni) should run "
        ".*:avx512_core_(vnni|amx).*"
    ]


def test_an_operator_in_fp32_inside_the_int8_model_fails_and_is_named() -> None:
    fell_back = replace(CONVOLUTION, types="f32", count=1)
    assert why(int8_ran(replace(CONVOLUTION, count=4), fell_back, LINEAR)) == [
        "int8 kernels: convolution ran f32: brg_conv_fwd:avx512_core_vnni, "
        "this CPU (avx512_vnni) should run .*:avx512_core_(vnni|amx).*"
    ]


def test_an_operator_that_vanished_from_the_int8_evidence_fails() -> None:
    assert why(int8_ran(replace(CONVOLUTION, count=4), LINEAR)) == [
        "int8 kernels: convolution ran 4 of 5 in INT8: brg_conv_fwd:avx512_core_vnni, "
        "this CPU (avx512_vnni) should run .*:avx512_core_(vnni|amx).*"
    ]


def test_no_evidence_is_a_failure_with_the_librarys_reason() -> None:
    assert why(int8_ran(problem="oneDNN's verbose log has no header we know")) == [
        f"int8 kernels: {kind} ran unseen (oneDNN's verbose log has no header we know), "
        "this CPU (avx512_vnni) should run .*:avx512_core_(vnni|amx).*"
        for kind in ("convolution", "linear")
    ]


def test_evidence_without_the_operator_is_a_failure() -> None:
    assert why(int8_ran(CONVOLUTION)) == [
        "int8 kernels: linear ran unseen (no evidence of any), "
        "this CPU (avx512_vnni) should run .*:avx512_core_(vnni|amx).*"
    ]


def test_the_whole_implementation_name_must_match() -> None:
    row = Row(cpu=(), kernels={"convolution": "brg"}, speedup=1.0)
    verdict = judge(replace(EXPECTED, rows=(row,)), GOOD)
    assert not verdict.passed


def test_int8_that_is_not_faster_fails() -> None:
    assert why(replace(GOOD, speedup=1.2)) == [
        "int8 speed: 1.20 times, should be >= 1.5 times fp32"
    ]


def test_emulated_speed_is_reported_and_not_judged() -> None:
    slow = replace(on("avx512_vnni", emulated=True), speedup=0.4)
    verdict = judge(EXPECTED, slow)
    assert (verdict.passed, verdict.checks[-1].saw) == (
        True,
        "0.40 times (emulated: not judged)",
    )
