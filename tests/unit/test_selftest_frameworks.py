"""What fails while a model runs is one line, in every framework."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from selftest.errors import BrokenInstallation
from selftest.frameworks import inference
from selftest.measure import batch_size, shortened
from selftest.tasks import Task

IMAGES = np.zeros((1, 1, 8, 8), np.float32)


class Fail(Exception):
    """As onnxruntime's: derived from Exception alone."""


class Session:
    def __init__(self, *_: object) -> None:
        pass

    def run(self, *_: object) -> None:
        raise Fail("[ONNXRuntimeError] : 1 : FAIL : no thread could be made")


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """selftest's adapter on an onnxruntime that cannot run."""
    library = ModuleType("onnxruntime")
    options = SimpleNamespace(add_session_config_entry=lambda *_: None)
    vars(library).update(__version__="1", InferenceSession=Session, SessionOptions=lambda: options)
    monkeypatch.setitem(sys.modules, "onnxruntime", library)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    name = "selftest.frameworks.onnxruntime"
    assert name not in sys.modules
    yield importlib.import_module(name)
    del sys.modules[name]


@pytest.mark.parametrize("action", ["__call__", "kernels"])
def test_onnxruntimes_own_exceptions_are_one_line(adapter: Any, action: str) -> None:
    model = adapter.Model(Path("int8.onnx"), "int8.onnx", adapter.STOP)
    with (
        pytest.raises(BrokenInstallation, match=r"^onnxruntime: inference failed .*no thread"),
        inference("onnxruntime"),
    ):
        getattr(model, action)(IMAGES)


def test_too_little_memory_is_one_line() -> None:
    with (
        pytest.raises(BrokenInstallation, match=r"^pytorch: out of memory \(MemoryError\); allow "),
        inference("pytorch"),
    ):
        raise MemoryError


@pytest.mark.parametrize(("threads", "size"), [(1, 512), (2, 512), (64, 16384)])
def test_a_run_gives_every_thread_work(threads: int, size: int) -> None:
    assert batch_size(threads) == size


def test_under_emulation_a_task_has_fewer_inputs_each_with_its_label() -> None:
    task = Task(
        name="digits",
        unit="images",
        operators={"linear": 1},
        inputs=np.arange(600),
        labels=np.arange(600),
        calibration=np.arange(9),
    )
    short = shortened(task)
    assert len(short.inputs) == len(short.labels) == 256
    assert (short.inputs == short.labels).all()
    assert 1 / len(short.labels) <= 0.005  # what all recipes allow accuracy to fall by
