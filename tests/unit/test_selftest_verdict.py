"""Every way to pass and to fail, each with its reason in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from selftest.evidence import Kernel
from selftest.expectation import Row
from selftest.findings import Findings
from selftest.instructions import Instructions
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
    anything = Row(cpu=(), kernels={"linear": "slow"}, speedup=1.0)
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
        ("fp32 instructions", True),
        ("int8 instructions", True),
        ("int8 speed", True),
    ]
    assert (verdict.passed, verdict.row, verdict.row_note) == (True, ROWS[0], None)


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
        "expectation for this CPU: sse4_2, which is below all of them, should be "
        "avx512_vnni or avx_vnni or avx512f+avx512bw or avx2"
    ]


def test_a_baseline_that_is_not_in_f32_fails() -> None:
    bfloat = Kernel(operator="convolution", types="bf16", implementation="brgconv:avx512_core_bf16")
    bad = replace(GOOD, fp32=replace(GOOD.fp32, kernels=(bfloat,)))
    assert why(bad) == ["fp32 kernels: bf16: brgconv:avx512_core_bf16, should be all in f32"]


def test_a_cpu_that_can_more_than_any_row_knows_is_judged_by_the_nearest_lower_one() -> None:
    newer = on("avx2", "avx512bw", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")
    assert judge(EXPECTED, newer).row_note == (
        "no row names amx_int8: judged by the nearest lower one, avx512_vnni"
    )
    assert judge(EXPECTED, on("avx2", "avx_vnni", "avx_vnni_int8")).row_note == (
        "no row names avx_vnni_int8: judged by the nearest lower one, avx_vnni"
    )


SHOULD = "this CPU (avx512_vnni) should run fast int8 for avx512_vnni or better"


def test_a_kernel_for_a_lesser_cpu_fails_and_is_the_one_that_is_named() -> None:
    masked = replace(CONVOLUTION, implementation="brg_conv_fwd:avx512_core", count=1)
    assert why(int8_ran(masked, replace(CONVOLUTION, count=4), LINEAR)) == [
        "int8 kernels: convolution ran brg_conv_fwd:avx512_core (fast int8 for avx512), " + SHOULD
    ]


def test_a_kernel_for_a_better_cpu_passes() -> None:
    better = replace(LINEAR, implementation="brg_matmul:avx512_core_amx", count=1)
    amx = replace(GOOD.int8, instructions=Instructions(samples=100, seen={"tdpb": 0.3}))
    found = replace(GOOD, int8=replace(amx, kernels=(CONVOLUTION, better)))
    assert why(found) == []


def test_a_reference_kernel_fails() -> None:
    assert why(int8_ran(CONVOLUTION, replace(LINEAR, implementation="ref_int8:any"))) == [
        f"int8 kernels: linear ran ref_int8:any (reference), {SHOULD}"
    ]


def test_a_slow_kernel_is_enough_where_the_row_says_so_and_nowhere_else() -> None:
    slow = replace(LINEAR, implementation="gemm:jit")
    avx2 = replace(CONVOLUTION, implementation="jit_uni_int8:avx2")
    seen = Instructions(samples=100, seen={"vpmaddubsw.vex": 0.6})
    found = replace(GOOD.int8, kernels=(avx2, slow), instructions=seen)
    assert why(replace(on("avx2"), int8=found)) == []
    assert why(int8_ran(CONVOLUTION, slow)) == [
        f"int8 kernels: linear ran gemm:jit (slow int8), {SHOULD}"
    ]
    worst = replace(found, kernels=(avx2, replace(LINEAR, implementation="ref:any")))
    assert why(replace(on("avx2"), int8=worst)) == [
        "int8 kernels: linear ran ref:any (reference), this CPU (avx2) should run "
        "any int8 kernel but a reference one"
    ]


def test_an_operator_in_fp32_inside_the_int8_model_fails_and_is_named() -> None:
    fell_back = replace(CONVOLUTION, types="f32", count=1)
    assert why(int8_ran(replace(CONVOLUTION, count=4), fell_back, LINEAR)) == [
        f"int8 kernels: convolution ran {fell_back.implementation} (not int8: f32), {SHOULD}"
    ]


def test_an_operator_that_vanished_from_the_int8_evidence_fails() -> None:
    assert why(int8_ran(replace(CONVOLUTION, count=4), LINEAR)) == [
        f"int8 kernels: convolution ran 4 of 5 in INT8: brg_conv_fwd:avx512_core_vnni, {SHOULD}"
    ]


def test_no_evidence_is_a_failure_with_the_librarys_reason() -> None:
    assert why(int8_ran(problem="oneDNN's verbose log has no header we know")) == [
        f"int8 kernels: {kind} ran unseen (oneDNN's verbose log has no header we know), {SHOULD}"
        for kind in ("convolution", "linear")
    ]


def test_evidence_without_the_operator_is_a_failure() -> None:
    assert why(int8_ran(CONVOLUTION)) == [
        f"int8 kernels: linear ran unseen (no evidence of any), {SHOULD}"
    ]


def test_a_name_that_we_do_not_know_is_never_fast() -> None:
    assert why(int8_ran(CONVOLUTION, replace(LINEAR, implementation="warp:drive"))) == [
        f"int8 kernels: linear ran warp:drive (unnamed int8), {SHOULD}"
    ]


MLAS = (
    replace(CONVOLUTION, implementation="CPUExecutionProvider/QLinearConv"),
    replace(LINEAR, implementation="CPUExecutionProvider/QGemm"),
)


def mlas(seen: dict[str, float] | None, unsampled: str | None = None) -> Findings:
    """A library that names no kernels, and what its threads were seen doing."""
    instructions = None if seen is None else Instructions(samples=100, seen=seen)
    return replace(
        GOOD,
        int8=replace(GOOD.int8, kernels=MLAS, instructions=instructions, unsampled=unsampled),
    )


def test_where_a_library_names_no_kernels_the_instructions_decide() -> None:
    assert why(mlas({"vpdpbusd": 0.4, "vpmaddubsw.vex": 0.1})) == []
    assert why(mlas({"vpmaddubsw.vex": 0.6, "vpdpbusd": 0.01})) == [
        f"int8 kernels: {kind} ran {kernel.implementation} (fast int8 for avx2), {SHOULD}"
        for kind, kernel in zip(("convolution", "linear"), MLAS, strict=True)
    ]
    assert why(mlas({"pmaddwd": 0.5}))[0].startswith(
        "int8 kernels: convolution ran CPUExecutionProvider/QLinearConv (slow int8 for sse4), "
    )
    assert why(mlas({"vfmadd": 0.9}))[0].startswith(
        "int8 kernels: convolution ran CPUExecutionProvider/QLinearConv (unnamed int8), "
    )


def test_no_names_and_no_samples_is_a_failure_that_says_what_forbids_them() -> None:
    forbidden = "executable memory is forbidden"
    assert why(mlas(None, forbidden)) == [
        f"int8 kernels: {kind} ran {kernel.implementation} (unnamed int8, {forbidden}), {SHOULD}"
        for kind, kernel in zip(("convolution", "linear"), MLAS, strict=True)
    ]


def seen_in_int8(seen: dict[str, float] | None) -> Findings:
    instructions = None if seen is None else Instructions(samples=100, seen=seen)
    return replace(GOOD, int8=replace(GOOD.int8, instructions=instructions, unsampled="forbidden"))


def test_names_that_the_instructions_contradict_fail() -> None:
    claim = "should be those of avx512_vnni or better, as the kernels' names say"
    assert why(seen_in_int8({"vpmaddubsw": 0.4, "vpmaddwd": 0.4, "vpdpbusd": 0.02})) == [
        f"int8 instructions: vpmaddubsw, vpmaddwd, {claim}"
    ]
    assert why(seen_in_int8({"vfmadd": 0.8})) == [f"int8 instructions: none of int8's, {claim}"]


def test_a_kernel_that_takes_no_time_needs_not_be_seen() -> None:
    avx512 = replace(CONVOLUTION, implementation="jit_int8:avx512_core", milliseconds=9.0)
    seen = Instructions(samples=100, seen={"vpmaddubsw": 0.4})
    found = replace(
        GOOD.int8, instructions=seen, kernels=(avx512, replace(LINEAR, milliseconds=0.1))
    )
    assert [reason.partition(" (")[0] for reason in why(replace(GOOD, int8=found))] == [
        "int8 kernels: convolution ran jit_int8:avx512_core"
    ]


def test_names_are_enough_where_sampling_is_forbidden() -> None:
    verdict = judge(EXPECTED, seen_in_int8(None))
    assert (verdict.passed, verdict.checks[-2].saw) == (True, "not sampled: forbidden")


def test_int8_instructions_in_the_baseline_fail() -> None:
    seen = Instructions(samples=100, seen={"vpdpbusd": 0.3})
    assert why(replace(GOOD, fp32=replace(GOOD.fp32, instructions=seen))) == [
        "fp32 instructions: vpdpbusd, should be none of int8's"
    ]


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
