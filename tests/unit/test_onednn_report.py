"""What the wheel's check says, to people and programs, and with which exit code.

Nothing here loads oneDNN.
"""

import json
from dataclasses import replace

import pytest
from onednn import OneDnnError, Version
from onednn.__main__ import main
from onednn.check import CASES, Measurement, Report, Result, faults
from onednn.verdict import Verdict

FAST, SLOW, REFERENCE = Verdict.FAST, Verdict.SLOW, Verdict.REFERENCE


def report(isa: str = "avx512_core_vnni") -> Report:
    good = Measurement(implementation="brg_matmul:avx512_core_vnni", exact=True, gops=1800.0)
    f32 = Measurement(implementation="brg_matmul:avx512_core", exact=True, gops=480.0)
    return Report(
        version=Version(major=3, minor=7, patch=2, threading="OpenMP"),
        isa=isa,
        limit="",
        threads=2,
        results=tuple(Result(case=case, verdict=FAST, int8=good, f32=f32) for case in CASES[:2]),
    )


def changed(number: int, **changes: object) -> Report:
    """The good report with another verdict, or other measurements, for one of its cases."""
    good = report()
    results = list(good.results)
    results[number] = replace(results[number], **changes)  # type: ignore[arg-type]
    return replace(good, results=tuple(results))


def test_nothing_is_wrong_with_a_good_report() -> None:
    assert faults(report()) == ()


def test_a_wrong_result_is_a_fault_with_the_name_of_its_implementation() -> None:
    wrong = Measurement(implementation="brg_matmul:avx512_core_vnni", exact=False, gops=None)
    assert faults(changed(0, int8=wrong)) == (
        "matmul s8*s8->f32 is not exact with brg_matmul:avx512_core_vnni",
    )


def test_a_wrong_f32_result_is_one_fault_however_many_cases_share_it() -> None:
    wrong = Measurement(implementation="gemm:jit", exact=False, gops=None)
    good = report()
    results = tuple(replace(each, f32=wrong) for each in good.results)
    assert faults(replace(good, results=results)) == ("matmul f32 is not exact",)


def test_a_reference_is_a_fault_on_x86() -> None:
    reference = Measurement(implementation="ref_int8:any", exact=True, gops=0.1)
    assert faults(changed(1, verdict=REFERENCE, int8=reference)) == (
        "matmul u8*s8->f32 runs on ref_int8:any (reference)",
    )


def test_a_reference_is_no_fault_on_arm_where_onednn_has_nothing_else() -> None:
    needed = {
        isa: [case.type_names for case in CASES if case.needs_speed(isa)]
        for isa in ("advanced_simd", "sve_256", "sve_512")
    }
    convolutions = ["s8*s8->s8", "u8*s8->f32"] * 2
    assert needed == {
        "advanced_simd": ["s8*s8->f32"],
        "sve_256": ["s8*s8->f32"],
        "sve_512": ["s8*s8->f32", *convolutions],
    }
    assert all(case.needs_speed("sse41") for case in CASES)
    both_slow = replace(
        report("sve_256"), results=tuple(replace(each, verdict=SLOW) for each in report().results)
    )
    assert faults(both_slow) == ("matmul s8*s8->f32 runs on brg_matmul:avx512_core_vnni (slow)",)


def test_the_command_tells_what_onednn_has_nothing_faster_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arm = replace(report("advanced_simd"), results=changed(1, verdict=REFERENCE).results)
    assert main([], examine=lambda: arm) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "For advanced_simd oneDNN 3.7.2 has nothing faster in 1 of these."
    )


def test_a_limit_of_the_environment_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], examine=lambda: replace(report("avx2"), limit="ONEDNN_MAX_CPU_ISA=AVX2")) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "oneDNN 3.7.2 (OpenMP), avx2 (ONEDNN_MAX_CPU_ISA=AVX2), 2 threads"


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], examine=report) == 0
    assert capsys.readouterr() == (
        """\
oneDNN 3.7.2 (OpenMP), avx512_core_vnni, 2 threads

case    types       implementation               verdict  exact  INT8 GOPS  f32 GOPS  ratio
matmul  s8*s8->f32  brg_matmul:avx512_core_vnni  fast     yes       1800.0     480.0   3.75
matmul  u8*s8->f32  brg_matmul:avx512_core_vnni  fast     yes       1800.0     480.0   3.75
""",
        "",
    )


def test_a_fault_is_one_line_on_stderr_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    bad = Measurement(implementation="ref:any", exact=False, gops=None)
    assert main([], examine=lambda: changed(0, verdict=REFERENCE, int8=bad)) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[3].split() == (
        ["matmul", "s8*s8->f32", "ref:any", "reference", "no", "-", "480.0", "-"]
    )
    assert err == (
        "onednn: matmul s8*s8->f32 is not exact with ref:any; "
        "matmul s8*s8->f32 runs on ref:any (reference)\n"
    )


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], examine=report) == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document.pop("cases")
    assert document == {
        "version": "3.7.2",
        "threading": "OpenMP",
        "isa": "avx512_core_vnni",
        "limit": "",
        "threads": 2,
        "passed": True,
        "faults": [],
    }
    assert first == {
        "case": "matmul",
        "types": "s8*s8->f32",
        "implementation": "brg_matmul:avx512_core_vnni",
        "verdict": "fast",
        "required_fast": True,
        "exact": True,
        "int8_gops": 1800.0,
        "f32_implementation": "brg_matmul:avx512_core",
        "f32_exact": True,
        "f32_gops": 480.0,
        "ratio": 3.75,
    }
    assert second == {**first, "types": "u8*s8->f32"}


def test_json_that_failed_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], examine=lambda: changed(0, verdict=SLOW)) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert document["faults"] == ["matmul s8*s8->f32 runs on brg_matmul:avx512_core_vnni (slow)"]


def test_a_library_that_refuses_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused() -> Report:
        raise OneDnnError("dnnl_engine_create: out_of_memory")

    assert main([], examine=refused) == 2
    assert capsys.readouterr() == ("", "onednn: dnnl_engine_create: out_of_memory\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--jso"], "onednn: unrecognized arguments: --jso\n"),
        (["--json", "verbose", "log"], "onednn: --json is of the check, not of a log\n"),
        (["verbose"], "onednn: the following arguments are required: file\n"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", line)
