"""llama.cpp's adapter: what its graph and its loaded libraries tell becomes evidence."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selftest import frameworks
from selftest.classes import Kind, classify
from selftest.errors import BrokenInstallation
from selftest.evidence import Kernel, NoEvidence, grouped
from selftest.frameworks import Precision
from selftest.instructions import Instructions
from tests.unit import fake_llama

DATA = Path(__file__).resolve().parents[2] / "selftest" / "data"
OURS = tuple(
    f"selftest.frameworks.{name}" for name in ("llama_cpp", "llama_session", "ggml", "gguf")
)
MAPS = """\
7f00-7f10 r--p 00000000 08:01 1 /opt/llama_cpp/lib/libggml-base.so
7f10-7f20 r-xp 00000000 08:01 2 /opt/llama_cpp/lib/libggml-cpu-zen4.so
7f20-7f30 rw-p 00000000 08:01 2 /opt/llama_cpp/lib/libggml-cpu-zen4.so
"""
READINGS = 10  # of the first sentence: its prompt, and its nine words


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, module in fake_llama.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1+inferpack.1")
    module = importlib.import_module(OURS[0])
    monkeypatch.setattr(module.ggml, "loaded", lambda: module.ggml.variant(MAPS))
    yield module
    for name in OURS:
        del sys.modules[name]
        delattr(frameworks, name.rpartition(".")[2])


def loaded(adapter: Any, precision: Precision) -> tuple[Any, Any]:
    framework = adapter.open_framework(DATA)
    _, task = framework.tasks()
    return task, framework.load(task, precision)


def test_every_word_of_every_sentence_is_compared(adapter: Any) -> None:
    task, model = loaded(adapter, Precision.FP32)
    assert (task.answers(model(task.inputs)) == task.labels).all()


@pytest.mark.parametrize(
    ("precision", "types"), [(Precision.FP32, "f32"), (Precision.INT8, "s8*s8->f32")]
)
def test_the_graph_says_what_is_multiplied(adapter: Any, precision: Precision, types: str) -> None:
    task, model = loaded(adapter, precision)
    linear, attention = grouped(model.kernels(task.inputs))
    assert linear == Kernel(
        operator="linear",
        types=types,
        implementation="ggml-cpu-zen4/mul_mat",
        count=task.operators["linear"],
    )
    assert (attention.operator, attention.count) == ("attention", READINGS)


def test_only_evidence_watches_what_is_computed(adapter: Any) -> None:
    task, model = loaded(adapter, Precision.INT8)
    model.kernels(task.inputs)
    usual, watched = sys.modules["llama_cpp"].contexts
    assert (hasattr(usual.settings, "cb_eval"), usual.freed) == (False, False)
    assert (hasattr(watched.settings, "cb_eval"), watched.freed) == (True, True)


def test_the_instructions_tell_what_a_product_is_worth(adapter: Any) -> None:
    task, model = loaded(adapter, Precision.INT8)
    linear, _ = grouped(model.kernels(task.inputs))
    found = classify(linear, Instructions(samples=99, seen={"vpdpbusd": 0.4}))
    assert (found.kind, found.isa) == (Kind.FAST, "avx512_vnni")


@pytest.mark.parametrize("maps", ["", MAPS + MAPS.replace("zen4", "haswell")])
def test_one_backend_computes_or_nobody_knows(adapter: Any, maps: str) -> None:
    with pytest.raises(NoEvidence, match="not one CPU backend"):
        adapter.ggml.variant(maps)


def test_tensors_of_another_format_are_no_evidence(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model = loaded(adapter, Precision.INT8)
    monkeypatch.setattr(adapter.ggml, "NAME", lambda _: b"another")
    with pytest.raises(NoEvidence, match="format that we do not know"):
        model.kernels(task.inputs)


def test_a_file_that_is_no_model_is_told_in_one_line(adapter: Any, tmp_path: Path) -> None:
    shutil.copytree(DATA / "llama-cpp", tmp_path / "llama-cpp")
    (tmp_path / "llama-cpp" / "q8_0.gguf").write_bytes(b"none")
    framework = adapter.open_framework(tmp_path)
    _, task = framework.tasks()
    with pytest.raises(BrokenInstallation, match=r"q8_0.gguf: llama.cpp cannot load it"):
        framework.load(task, Precision.INT8)


def test_one_sentence_at_a_time_takes_a_model_that_fits_into_no_cache(adapter: Any) -> None:
    framework = adapter.open_framework(DATA)
    task, _ = framework.tasks()
    model = framework.load(task, Precision.INT8)
    assert (task.answers(model(task.inputs)) == task.labels).all()
    context = sys.modules["llama_cpp"].contexts[-1]
    assert (task.batch, context.settings.n_seq_max) == (1, 1)
    assert Path(context.path).stat().st_size > 50e6


def test_an_emulated_cpu_is_not_asked_about_memory(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulated = SimpleNamespace(emulated=True)
    monkeypatch.setattr(adapter.cpu, "examine", lambda _: emulated)
    assert [task.name for task in adapter.open_framework(DATA).tasks()] == ["numbers"]
