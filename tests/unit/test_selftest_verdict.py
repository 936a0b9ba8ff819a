"""Every way to pass and to fail, each with its reason in one line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selftest import expectation, report
from selftest.__main__ import main
from selftest.cpu import Cpu
from selftest.errors import BrokenInstallation
from selftest.evidence import Kernel
from selftest.expectation import Accuracy, Expectation, Row
from selftest.findings import Findings, Precise
from selftest.verdict import choose, judge, reasons

ROWS = tuple(
    Row(
        cpu=cpu,
        kernels={"convolution": pattern, "linear": pattern},
        speedup=speedup,
    )
    for cpu, pattern, speedup in (
        (("avx512_vnni",), r".*:avx512_core_(vnni|amx).*", 1.5),
        (("avx_vnni",), r".*:avx2_vnni.*", 1.3),
        (("avx512f", "avx512bw"), r".*:avx512_core.*", 1.1),
        (("avx2",), r".*(:avx2|:jit)", 1.0),
    )
)
EXPECTED = Expectation(
    variant="pytorch-onednn-py311-amd64",
    framework="pytorch",
    backend="onednn",
    accuracy=Accuracy(fp32_min=0.97, drop_max=0.01, agreement_min=0.98),
    rows=ROWS,
)
CONVOLUTION = Kernel(
    operator="convolution",
    types="u8*s8->u8",
    implementation="brg_conv_fwd:avx512_core_vnni",
    count=5,
    milliseconds=0.5,
)
LINEAR = Kernel(operator="linear", types="u8*s8->f32", implementation="brg_matmul:avx512_core_vnni")
GOOD = Findings(
    version="2.13.0",
    python="3.11.2",
    cpu=Cpu(
        model="AMD EPYC",
        arch="x86_64",
        features=("avx2", "avx512f", "avx512bw", "avx512_vnni"),
        cores=2,
        quota=1.5,
        emulated=False,
    ),
    threads=2,
    fp32=Precise(
        accuracy=0.99,
        images_per_s=1000.0,
        spread=0.01,
        kernels=(
            Kernel(operator="convolution", types="f32", implementation="jit:avx512_core", count=5),
        ),
    ),
    int8=Precise(accuracy=0.988, images_per_s=2100.0, spread=0.02, kernels=(CONVOLUTION, LINEAR)),
    agreement=0.995,
    speedup=2.1,
)


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
        f"int8 kernels: {kind} ran oneDNN's verbose log has no header we know, "
        "this CPU (avx512_vnni) should run .*:avx512_core_(vnni|amx).*"
        for kind in ("convolution", "linear")
    ]


def test_evidence_without_the_operator_is_a_failure() -> None:
    assert why(int8_ran(CONVOLUTION)) == [
        "int8 kernels: linear ran no evidence that any linear ran, "
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


def test_the_json_document_has_exactly_these_keys() -> None:
    document = json.loads(report.to_json(EXPECTED, GOOD, judge(EXPECTED, GOOD)))
    checks = document.pop("checks")
    assert checks[0] == {
        "name": "fp32 accuracy",
        "passed": True,
        "expected": ">= 0.97",
        "saw": "0.9900",
    }
    assert document == {
        "schema": 1,
        "variant": "pytorch-onednn-py311-amd64",
        "framework": "pytorch",
        "version": "2.13.0",
        "backend": "onednn",
        "python": "3.11.2",
        "cpu": {
            "model": "AMD EPYC",
            "arch": "x86_64",
            "features": ["avx2", "avx512f", "avx512bw", "avx512_vnni"],
            "cores": 2,
            "quota": 1.5,
            "threads": 2,
        },
        "emulated": False,
        "fp32": {
            "accuracy": 0.99,
            "images_per_s": 1000.0,
            "spread": 0.01,
            "kernels": [
                {
                    "operator": "convolution",
                    "types": "f32",
                    "implementation": "jit:avx512_core",
                    "count": 5,
                    "milliseconds": None,
                }
            ],
        },
        "int8": {
            "accuracy": 0.988,
            "images_per_s": 2100.0,
            "spread": 0.02,
            "kernels": [
                {
                    "operator": "convolution",
                    "types": "u8*s8->u8",
                    "implementation": "brg_conv_fwd:avx512_core_vnni",
                    "count": 5,
                    "milliseconds": 0.5,
                },
                {
                    "operator": "linear",
                    "types": "u8*s8->f32",
                    "implementation": "brg_matmul:avx512_core_vnni",
                    "count": 1,
                    "milliseconds": None,
                },
            ],
        },
        "agreement": 0.995,
        "speedup": 2.1,
        "row": ["avx512_vnni"],
        "passed": True,
    }


def test_the_text_fits_a_screen_and_ends_in_the_verdict() -> None:
    lines = report.to_text(EXPECTED, GOOD, judge(EXPECTED, GOOD)).splitlines()
    assert lines[-1] == "verdict: PASS"
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100


def test_the_text_of_a_failure_ends_in_the_reasons() -> None:
    bad = replace(GOOD, speedup=1.2)
    lines = report.to_text(EXPECTED, bad, judge(EXPECTED, bad)).splitlines()
    assert lines[-2:] == ["verdict: FAIL", "int8 speed: 1.20 times, should be >= 1.5 times fp32"]


RENDERED = {
    "variant": "pytorch-onednn-py311-amd64",
    "framework": "pytorch",
    "backend": "onednn",
    "accuracy": {"fp32_min": 0.97, "drop_max": 0.01, "agreement_min": 0.98},
    "rows": [
        {"cpu": list(row.cpu), "kernels": dict(row.kernels), "speedup": row.speedup} for row in ROWS
    ],
}


def test_expect_json_is_parsed_whole() -> None:
    assert expectation.parse(RENDERED) == EXPECTED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": []}, "rows: must be a list of at least one row"),
        ({"accuracy": 1}, "accuracy: must be an object"),
        ({"extra": 1}, "expect.json: keys must be .* unknown: extra"),
        ({"variant": 5}, "variant: must be text"),
        (
            {"rows": [{"cpu": [], "kernels": {"linear": "("}, "speedup": 1}]},
            r"rows\[0\].kernels.linear: not a regular expression",
        ),
        (
            {"rows": [{"cpu": [], "kernels": {}, "speedup": 1}]},
            r"rows\[0\].kernels: must name a pattern",
        ),
        (
            {"rows": [{"cpu": [], "kernels": {"linear": "x"}, "speedup": "fast"}]},
            r"rows\[0\].speedup: must be a number",
        ),
    ],
)
def test_a_wrong_expect_json_says_where(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expectation.parse(RENDERED | change)


@pytest.fixture
def expect(tmp_path: Path) -> Path:
    path = tmp_path / "expect.json"
    path.write_text(json.dumps(RENDERED), encoding="utf-8")
    return path


def finds(findings: Findings) -> Callable[[Expectation, Path], Findings]:
    def examine(expected: Expectation, data: Path) -> Findings:
        print("chatter from a library")
        return findings

    return examine


@pytest.mark.parametrize(("findings", "code"), [(GOOD, 0), (replace(GOOD, speedup=0.5), 1)])
def test_the_exit_code_is_the_verdict_and_stdout_is_only_json(
    findings: Findings, code: int, expect: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "--expect", str(expect)], examine=finds(findings)) == code
    output = capfd.readouterr()
    assert json.loads(output.out)["passed"] == (code == 0)
    assert output.err == "chatter from a library\n"


def test_a_broken_installation_is_one_line_and_exit_code_2(
    expect: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def examine(expected: Expectation, data: Path) -> Findings:
        raise BrokenInstallation("weights.npz: missing or corrupt; pull the image again")

    assert main(["--expect", str(expect)], examine=examine) == 2
    output = capfd.readouterr()
    assert (output.out, output.err) == (
        "",
        "selftest: weights.npz: missing or corrupt; pull the image again\n",
    )


@pytest.mark.parametrize("text", [None, "not json", "[]"])
def test_an_unreadable_expect_json_is_one_line_and_exit_code_2(
    text: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "expect.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["--expect", str(path)], examine=finds(GOOD)) == 2
    output = capfd.readouterr()
    assert (output.out, len(io.StringIO(output.err).readlines())) == ("", 1)
    assert output.err.startswith(f"selftest: {path}: ")


def test_an_unknown_option_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--jsno"], examine=finds(GOOD))
    assert stopped.value.code == 2
    assert "unrecognized arguments: --jsno" in capfd.readouterr().err
