"""The report, for programs and for people; expect.json and exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selftest import expectation, report
from selftest.__main__ import main
from selftest.errors import BrokenInstallation
from selftest.expectation import Expectation
from selftest.findings import Findings
from selftest.verdict import judge
from tests.unit.selftest_cases import EXPECTED, GOOD, ROWS


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
