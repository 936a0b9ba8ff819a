"""expect.json, the exit codes, and what goes to which stream."""

from __future__ import annotations

import io
import json
import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest import expectation
from selftest.__main__ import main
from selftest.errors import BrokenInstallation
from selftest.expectation import Expectation
from selftest.findings import Findings
from tests.unit.selftest_cases import EXPECTED, GOOD, ROWS, good

RENDERED = {
    "variant": "pytorch-onednn-py311-amd64",
    "framework": "pytorch",
    "backend": "onednn",
    "accuracy": {"fp32_min": 0.97, "drop_max": 0.01, "agreement_min": 0.98},
    "rows": [
        {
            "cpu": list(row.cpu),
            "kernels": dict(row.kernels),
            "speedup": row.speedup,
            "speedups": dict(row.speedups),
        }
        for row in ROWS
    ],
}


LINEAR = {"linear": "slow"}


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
            {"rows": [{"cpu": [], "kernels": {"linear": "vnni"}, "speedup": 1, "speedups": {}}]},
            r"rows\[0\].kernels.linear: 'vnni' is unknown; must be one of some, slow, sse4, avx2, ",
        ),
        (
            {"rows": [{"cpu": [], "kernels": {"lineal": "slow"}, "speedup": 1, "speedups": {}}]},
            r"rows\[0\].kernels: 'lineal' is unknown; must be one of convolution, linear",
        ),
        (
            {"rows": [{"cpu": [], "kernels": {}, "speedup": 1, "speedups": {}}]},
            r"rows\[0\].kernels: must name at least one operator",
        ),
        (
            {"rows": [{"cpu": [], "kernels": LINEAR, "speedup": "fast", "speedups": {}}]},
            r"rows\[0\].speedup: must be a number",
        ),
        (
            {"rows": [{"cpu": [], "kernels": LINEAR, "speedup": 1, "speedups": {"digits": "x"}}]},
            r"rows\[0\].speedups.digits: must be a number",
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


@pytest.mark.parametrize(("findings", "code"), [(GOOD, 0), (good(speedup=0.5), 1)])
def test_the_exit_code_is_the_verdict_and_stdout_is_only_json(
    findings: Findings, code: int, expect: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "--expect", str(expect)], examine=finds(findings)) == code
    output = capfd.readouterr()
    assert json.loads(output.out)["passed"] == (code == 0)
    assert output.err == "chatter from a library\n"


@pytest.mark.parametrize(("refusal", "coloured"), [("", True), ("1", False)])
def test_only_a_terminal_sees_colours_and_only_if_its_user_wants_them(
    refusal: str, coloured: bool, expect: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", refusal)
    master, terminal = pty.openpty()
    before = os.dup(1)
    os.dup2(terminal, 1)
    try:
        assert main(["--expect", str(expect)], examine=finds(GOOD)) == 0
    finally:
        os.dup2(before, 1)
        os.close(before)
    assert (b"\033[32m" in os.read(master, 65536)) == coloured
    os.close(master)
    os.close(terminal)


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
