"""Every INT8 kernel that does not do, each with its reason in one line."""

from __future__ import annotations

from dataclasses import replace

from selftest.checks import reasons
from selftest.evidence import Kernel
from selftest.expectation import Row
from selftest.findings import Findings
from selftest.instructions import Instructions
from selftest.verdict import judge
from tests.unit.selftest_cases import CONVOLUTION, DIGITS, EXPECTED, GOOD, LINEAR, good


def why(findings: Findings) -> list[str]:
    """Of the one task that there is."""
    return [reason.removeprefix("digits: ") for reason in reasons(judge(EXPECTED, findings))]


def on(*features: str) -> Findings:
    return replace(GOOD, cpu=replace(GOOD.cpu, features=features))


def int8_ran(*kernels: Kernel, problem: str | None = None) -> Findings:
    return good(int8=replace(DIGITS.int8, kernels=kernels, problem=problem))


SHOULD = "this CPU (avx512_vnni) should run fast int8 for avx512_vnni or better"


def test_a_kernel_for_a_lesser_cpu_fails_and_is_the_one_that_is_named() -> None:
    masked = replace(CONVOLUTION, implementation="brg_conv_fwd:avx512_core", count=1)
    assert why(int8_ran(masked, replace(CONVOLUTION, count=4), LINEAR)) == [
        "int8 kernels: convolution ran brg_conv_fwd:avx512_core (fast int8 for avx512), " + SHOULD
    ]


def test_a_kernel_for_a_better_cpu_passes() -> None:
    better = replace(LINEAR, implementation="brg_matmul:avx512_core_amx", count=1)
    amx = replace(DIGITS.int8, instructions=Instructions(samples=100, seen={"tdpb": 0.3}))
    found = good(int8=replace(amx, kernels=(CONVOLUTION, better)))
    assert why(found) == []


def test_a_reference_kernel_fails() -> None:
    assert why(int8_ran(CONVOLUTION, replace(LINEAR, implementation="ref_int8:any"))) == [
        f"int8 kernels: linear ran ref_int8:any (reference), {SHOULD}"
    ]


def test_a_slow_kernel_is_enough_where_the_row_says_so_and_nowhere_else() -> None:
    slow = replace(LINEAR, implementation="gemm:jit")
    avx2 = replace(CONVOLUTION, implementation="jit_uni_int8:avx2")
    seen = Instructions(samples=100, seen={"vpmaddubsw.vex": 0.6})
    found = replace(DIGITS.int8, kernels=(avx2, slow), instructions=seen)
    assert why(replace(on("avx2"), tasks=good(int8=found).tasks)) == []
    assert why(int8_ran(CONVOLUTION, slow)) == [
        f"int8 kernels: linear ran gemm:jit (slow int8), {SHOULD}"
    ]
    worst = replace(found, kernels=(avx2, replace(LINEAR, implementation="ref:any")))
    assert why(replace(on("avx2"), tasks=good(int8=worst).tasks)) == [
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
    return good(
        int8=replace(DIGITS.int8, kernels=MLAS, instructions=instructions, unsampled=unsampled),
    )


def test_where_a_library_names_no_kernels_the_instructions_decide() -> None:
    assert why(mlas({"vpdpbusd": 0.4, "vpmaddubsw.vex": 0.1})) == []
    assert why(mlas({"vpmaddubsw.vex": 0.6, "vpdpbusd": 0.01})) == [
        f"int8 kernels: {kind} ran {kernel.implementation} (fast int8 for avx2), {SHOULD}"
        for kind, kernel in zip(("convolution", "linear"), MLAS, strict=True)
    ]
    assert why(mlas({"vpdpbusd": 0.053, "vpmaddwd.vex": 0.85}))[0].startswith(
        "int8 kernels: convolution ran CPUExecutionProvider/QLinearConv (fast int8 for avx2), "
    )
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
    return good(int8=replace(DIGITS.int8, instructions=instructions, unsampled="forbidden"))


def test_names_that_the_instructions_contradict_fail() -> None:
    claim = "should be those of avx512_vnni or better, as the kernels' names say"
    assert why(seen_in_int8({"vpmaddubsw": 0.4, "vpmaddwd": 0.4, "vpdpbusd": 0.02})) == [
        f"int8 instructions: vpmaddubsw, vpmaddwd, {claim}"
    ]
    assert why(seen_in_int8({"vfmadd": 0.8})) == [f"int8 instructions: none of int8's, {claim}"]


def test_the_instructions_of_a_name_must_be_those_that_are_seen_most() -> None:
    claim = "should be those of avx512_vnni or better, as the kernels' names say"
    assert why(seen_in_int8({"vpdpbusd": 0.053, "vpmaddwd.vex": 0.85})) == [
        f"int8 instructions: vpdpbusd, vpmaddwd.vex (most often avx2's), {claim}"
    ]


def test_a_better_kernel_among_others_needs_not_be_seen_most() -> None:
    amx = replace(CONVOLUTION, implementation="brg_conv_fwd:avx512_core_amx", count=2)
    seen = Instructions(samples=100, seen={"tdpb": 0.2, "vpdpbusd": 0.4})
    mixed = (amx, replace(CONVOLUTION, count=3), LINEAR)
    assert why(good(int8=replace(DIGITS.int8, kernels=mixed, instructions=seen))) == []


def test_a_kernel_that_takes_no_time_needs_not_be_seen() -> None:
    avx512 = replace(CONVOLUTION, implementation="jit_int8:avx512_core", milliseconds=9.0)
    seen = Instructions(samples=100, seen={"vpmaddubsw": 0.4})
    found = replace(
        DIGITS.int8, instructions=seen, kernels=(avx512, replace(LINEAR, milliseconds=0.1))
    )
    assert [reason.partition(" (")[0] for reason in why(good(int8=found))] == [
        "int8 kernels: convolution ran jit_int8:avx512_core"
    ]


def test_names_are_enough_where_sampling_is_forbidden() -> None:
    verdict = judge(EXPECTED, seen_in_int8(None))
    assert (verdict.passed, verdict.checks[-2].saw) == (True, "not sampled: forbidden")


def test_int8_instructions_in_the_baseline_fail() -> None:
    seen = Instructions(samples=100, seen={"vpdpbusd": 0.3})
    assert why(good(fp32=replace(DIGITS.fp32, instructions=seen))) == [
        "fp32 instructions: vpdpbusd, should be none of int8's"
    ]


ACL = Kernel(operator="linear", types="i8", implementation="gemm_acl_I8", milliseconds=0.1)
FP32 = Kernel(
    operator="convolution", types="f32", implementation="acl_f32", count=3, milliseconds=9.0
)
SOME = Kernel(
    operator="convolution", types="i8", implementation="acl_I8", count=2, milliseconds=0.2
)


def some(*kernels: Kernel, seen: dict[str, float]) -> list[str]:
    """What fails on an Arm CPU whose row asks for some convolutions in INT8."""
    row = Row(cpu=("dotprod",), kernels={"convolution": "some", "linear": "dotprod"}, speedup=1)
    int8 = replace(DIGITS.int8, kernels=kernels, instructions=Instructions(samples=99, seen=seen))
    found = replace(good(int8=int8), cpu=replace(GOOD.cpu, features=("dotprod",)))
    return reasons(judge(replace(EXPECTED, rows=(row,)), found))


def test_a_row_may_ask_for_some_of_a_kind_in_int8() -> None:
    assert some(FP32, SOME, ACL, seen={"fmla": 0.9}) == []


def test_some_is_not_none() -> None:
    (why_,) = some(FP32, ACL, seen={"fmla": 0.9})
    assert "convolution ran none in INT8" in why_


def test_what_takes_no_time_is_judged_by_its_name_only_while_nothing_is_seen() -> None:
    (why_,) = some(FP32, SOME, ACL, seen={"fmla": 0.9, "smull": 0.2})
    assert "linear ran" in why_ and "dotprod" in why_


def test_a_kernel_that_takes_time_must_be_seen() -> None:
    slow = replace(ACL, milliseconds=9.0)
    assert any("linear ran" in one for one in some(FP32, SOME, slow, seen={"fmla": 0.9}))


def test_a_backend_named_for_one_library_must_run_fp32_in_it() -> None:
    def failing(implementation: str) -> list[str]:
        ran = tuple(
            Kernel(operator=kind, types="f32", implementation=implementation, count=count)
            for kind, count in DIGITS.operators.items()
        )
        found = good(fp32=replace(DIGITS.fp32, kernels=ran))
        return reasons(judge(replace(EXPECTED, backend="openblas"), found))

    assert failing("openblas/addmm") == failing("OpenBLAS/gemm") == []
    (why_,) = failing("gemm:acl")
    assert "gemm:acl, which is not openblas" in why_
