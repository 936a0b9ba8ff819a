"""The second process that looks: real forks, without any library."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from selftest.evidence import NoEvidence
from selftest.frameworks import Precision
from selftest.frameworks.witness import Witness
from selftest.tasks import Array

INPUTS = np.zeros((3, 2), np.float32)


def told(task: str, precision: Precision, inputs: Array) -> str:
    switch = os.environ.get("ONEDNN_VERBOSE", "unset")
    return f"{task} {precision.value} {inputs.shape} in {os.getpid()} with {switch}"


def broken(task: str, precision: Precision, inputs: Array) -> str:
    raise RuntimeError("no such operator")


def ended(task: str, precision: Precision, inputs: Array) -> str:
    os._exit(3)


def test_the_copy_looks_with_a_switch_that_the_original_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ONEDNN_VERBOSE", raising=False)
    witness = Witness(told, {"ONEDNN_VERBOSE": "1"})
    logs = [witness.log("digits", precision, INPUTS) for precision in Precision]
    copy = logs[0].split()[5]
    assert copy != str(os.getpid())
    assert logs == [
        f"digits fp32 (3, 2) in {copy} with 1",
        f"digits int8 (3, 2) in {copy} with 1",
    ]
    assert "ONEDNN_VERBOSE" not in os.environ


def test_what_fails_in_the_copy_is_one_line_and_the_next_question_is_answered() -> None:
    witness = Witness(broken, {})
    for _ in range(2):
        with pytest.raises(NoEvidence, match=r"^the process that watches the library: no such"):
            witness.log("digits", Precision.FP32, INPUTS)


def test_a_copy_that_has_ended_is_no_evidence() -> None:
    witness = Witness(ended, {})
    for _ in range(2):
        with pytest.raises(NoEvidence, match="watches the library has ended"):
            witness.log("digits", Precision.FP32, INPUTS)


def test_where_no_process_is_allowed_there_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    witness = Witness(told, {})
    with pytest.raises(NoEvidence, match=r"^no second process is allowed \(Resource temporarily"):
        witness.log("digits", Precision.FP32, INPUTS)


def test_the_copy_ends_with_the_one_who_asks() -> None:
    witness = Witness(told, {})
    copy = int(witness.log("digits", Precision.FP32, INPUTS).split()[5])
    assert Path(f"/proc/{copy}").exists()
    del witness
    assert os.waitpid(copy, 0) == (copy, 0)
