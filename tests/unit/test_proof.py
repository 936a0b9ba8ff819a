import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import proof, stages, summary
from inferpack.engine import Finished
from inferpack.errors import InferpackError
from inferpack.expectation import Accuracy, Expectation
from inferpack.model import Arch, Backend, Cell, Python, Recipe, Variant
from selftest.classes import Kind

TOY = Variant(
    recipe=Recipe(
        name="toy",
        title="Toy",
        licenses="MIT",
        source="https://example.org/toy",
        base="plain",
        python=Python.PY311,
        budget_mb=1,
        matrix=(),
        proof=Expectation(
            accuracy=Accuracy(fp32_min=0.9, drop_max=0.1, agreement_min=0.9), rows=()
        ),
    ),
    cell=Cell(backend=Backend.ONEDNN, arch=Arch.AMD64, requires=("toy==1.0",)),
)
RUN = {
    "accuracy": 0.99,
    "per_s": 1000.0,
    "spread": 0.01,
    "kernels": [
        {
            "operator": "convolution",
            "types": "u8s8u8",
            "implementation": "brgconv:avx512_core_vnni",
            "count": 4,
            "milliseconds": 1.5,
            "kind": "fast int8",
            "isa": "avx512_vnni",
        }
    ],
    "instructions": {"samples": 150, "seen": {"vpdpbusd": 0.5, "vfmadd": 0.01}},
}
REPORT: dict[str, Any] = {
    "schema": 3,
    "variant": TOY.id,
    "framework": "toy",
    "version": "1.0",
    "backend": "onednn",
    "python": "3.11.2",
    "cpu": {
        "model": "Some CPU",
        "arch": "x86_64",
        "features": ["avx2", "avx512_vnni"],
        "cores": 2,
        "quota": None,
        "threads": 2,
    },
    "emulated": False,
    "import_s": 0.2,
    "tasks": [
        {
            "name": "digits",
            "unit": "images",
            "operators": {"convolution": 4},
            "fp32": RUN,
            "int8": {**RUN, "per_s": 2000.0},
            "agreement": 0.997,
            "speedup": 2.0,
        }
    ],
    "row": ["avx512_vnni"],
    "row_note": None,
    "checks": [
        {
            "name": "int8 speed",
            "passed": True,
            "expected": ">= 1.2",
            "saw": "2.0",
            "task": "digits",
        }
    ],
    "passed": True,
}
FAILED = REPORT["checks"][0] | {"passed": False, "saw": "0.9"}


def finished(report: object, code: int | None = 0) -> Finished:
    return Finished(code=code, stdout=msgspec.json.encode(report).decode(), stderr="")


def message(result: Finished) -> str:
    with pytest.raises(InferpackError) as err:
        proof.judge(TOY, result, 120.0)
    assert err.value.exit_code == 1
    return str(err.value)


def test_a_passing_report_is_a_proof() -> None:
    report = proof.judge(TOY, finished(REPORT), 120.0)
    assert msgspec.json.decode(msgspec.json.encode(report)) == REPORT


def test_a_summary_tells_kernels_their_class_and_the_instructions_seen() -> None:
    report = proof.judge(TOY, finished({**REPORT, "row_note": "no row names amx_int8"}), 120.0)
    proven = proof.Proof(digest="", machine="", proven=0, seconds=1.0, report=report)
    assert summary.told(proven).splitlines()[2:] == [
        "  digits: INT8 99.0% right, 2,000 images/s (2.00 x), agreement 99.7%",
        "  INT8 kernel: convolution brgconv:avx512_core_vnni: fast int8 for avx512_vnni",
        "  INT8 instructions: vpdpbusd 50% of 150 samples",
        "  no row names amx_int8",
        "  1 checks passed",
    ]


def test_a_report_names_kinds_as_selftest_does() -> None:
    assert set(typing.get_args(proof.Kind)) == {kind.value for kind in Kind}


def test_a_failing_verdict_gives_every_reason() -> None:
    report = {**REPORT, "passed": False, "checks": [*REPORT["checks"], FAILED]}
    assert message(finished(report, 1)) == (
        "toy-onednn-py311-amd64: INT8 is not proven: digits: int8 speed: expected >= 1.2, saw 0.9"
    )


def test_a_report_that_contradicts_its_exit_code_is_no_proof() -> None:
    assert message(finished(REPORT, 1)) == (
        "toy-onednn-py311-amd64: INT8 is not proven: selftest's verdict is a failure"
    )


def test_a_report_that_calls_a_failed_check_passed_is_no_proof() -> None:
    assert "saw 0.9" in message(finished({**REPORT, "checks": [FAILED]}))


def test_a_report_without_checks_is_no_proof() -> None:
    assert message(finished({**REPORT, "checks": []})) == (
        "toy-onednn-py311-amd64: INT8 is not proven: selftest's verdict is a failure"
    )


def test_a_recorded_report_that_did_not_pass_does_not_count(tmp_path: Path) -> None:
    def counts(**other: object) -> bool:
        report = msgspec.convert({**REPORT, **other}, proof.Report)
        made = proof.Proof(digest="d", machine="m", proven=0, seconds=1.0, report=report)
        proof.record(tmp_path, made)
        return not stages.proof(proof.read(tmp_path), "d", "m")

    assert counts()
    assert not counts(passed=False)
    assert not counts(checks=[FAILED])
    assert not counts(checks=[])


@pytest.mark.parametrize(
    ("other", "saw"),
    [
        ({"variant": "boy"}, "'boy' 1.0"),
        ({"version": "9.9"}, "'toy-onednn-py311-amd64' 9.9"),
    ],
)
def test_a_report_of_another_variant_or_version_is_no_proof(
    other: dict[str, str], saw: str
) -> None:
    assert message(finished({**REPORT, **other})) == (
        f"toy-onednn-py311-amd64: selftest reports on {saw}; expected 1.0: rebuild the image"
    )


def test_a_report_without_tasks_is_no_proof() -> None:
    assert "Expected `array` of length >= 1" in message(finished({**REPORT, "tasks": []}))


def test_a_crash_names_its_signal_and_its_last_line() -> None:
    assert message(Finished(code=132, stdout="", stderr="one\nIllegal instruction\n")) == (
        "toy-onednn-py311-amd64: selftest was killed by SIGILL; its last line: Illegal instruction"
    )


def test_a_selftest_that_does_not_end_is_said_to() -> None:
    assert message(Finished(code=None, stdout="", stderr="")) == (
        "toy-onednn-py311-amd64: selftest did not end within 120 s; it printed nothing on stderr"
    )


def test_an_unusable_installation_is_passed_on() -> None:
    assert message(Finished(code=2, stdout="", stderr="selftest: weights.npz: is corrupt\n")) == (
        "toy-onednn-py311-amd64: selftest exited with code 2;"
        " its last line: selftest: weights.npz: is corrupt"
    )


def test_a_report_with_a_missing_or_unknown_field_is_unreadable() -> None:
    assert "Invalid enum value 1" in message(finished({**REPORT, "schema": 1}))
    assert message(finished({**REPORT, "extra": 1})).startswith(
        "toy-onednn-py311-amd64: selftest's report is unreadable: Object contains unknown field"
    )
    assert message(Finished(code=0, stdout="", stderr="")).startswith(
        "toy-onednn-py311-amd64: selftest's report is unreadable"
    )
