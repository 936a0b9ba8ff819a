"""CTranslate2's adapter: what it logs becomes evidence, and INT8 that runs elsewhere fails."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from selftest import numbers
from selftest.checks import reasons
from selftest.errors import BrokenInstallation
from selftest.evidence import Kernel, NoEvidence
from selftest.findings import Findings
from selftest.frameworks import Precision
from selftest.frameworks.gemm import Backends
from selftest.instructions import Instructions
from selftest.verdict import judge
from tests.unit.selftest_cases import DIGITS, EXPECTED, GOOD
from tests.unit.test_selftest_gemm import HEADER, INT8, RUN, STARTED

DATA = Path(__file__).resolve().parents[2] / "selftest" / "data"
COMPUTED = {"float32": "float32", "int8": "int8_float32"}
ONEDNN, MKL = Backends(fp32="DNNL", int8="DNNL"), Backends(fp32="MKL", int8="MKL")
RUY = Backends(fp32="OpenBLAS", int8="Ruy")


class Translator:
    """Knows every number, and says so as CTranslate2 does."""

    def __init__(
        self,
        model_path: str,
        device: str,
        compute_type: str,
        inter_threads: int,
        intra_threads: int,
    ) -> None:
        if compute_type not in COMPUTED:
            raise ValueError("Requested int8 compute type, but the backend does not support it.")
        assert Path(model_path) == DATA / "ctranslate2"
        assert intra_threads == 1
        self.inter_threads = inter_threads
        os.write(2, STARTED.encode())
        self.compute_type = COMPUTED[compute_type]

    def translate_batch(
        self,
        sentences: list[list[str]],
        *,
        beam_size: int,
        max_decoding_length: int,
        max_batch_size: int,
    ) -> list[Any]:
        assert -(-len(sentences) // max_batch_size) <= self.inter_threads
        assert (beam_size, max_decoding_length) == (1, numbers.MOST_WORDS)
        found = (list(numbers.words(int("".join(digits)))) for digits in sentences)
        return [SimpleNamespace(hypotheses=[words]) for words in found]


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    library = ModuleType("ctranslate2")
    levels = [logging.WARNING]
    vars(library).update(
        __version__="1",
        Translator=Translator,
        get_log_level=lambda: levels[-1],
        set_log_level=levels.append,
    )
    monkeypatch.setitem(sys.modules, "ctranslate2", library)
    name = "selftest.frameworks.ctranslate2"
    assert name not in sys.modules
    yield importlib.import_module(name)
    del sys.modules[name]
    assert levels[-1] == logging.WARNING


def loaded(adapter: Any, precision: Precision, backends: Backends | None = None) -> Any:
    framework = adapter.open_framework(DATA)
    (task,) = framework.tasks()
    model = framework.load(task, precision)
    model.backends = backends or model.backends
    return model


def judged(fp32: tuple[Kernel, ...], int8: tuple[Kernel, ...], seen: str) -> tuple[bool, str]:
    """Whether this evidence passes where AVX-512 VNNI should run, and why not."""
    row = replace(EXPECTED.rows[0], kernels={"linear": "avx512_vnni"})
    task = replace(
        DIGITS,
        name="numbers",
        unit="sentences",
        operators={"linear": 68},
        fp32=replace(DIGITS.fp32, kernels=fp32),
        int8=replace(
            DIGITS.int8, kernels=int8, instructions=Instructions(samples=99, seen={seen: 0.2})
        ),
    )
    findings: Findings = replace(GOOD, tasks=(task,))
    verdict = judge(replace(EXPECTED, rows=(row,)), findings)
    return verdict.passed, "; ".join(reasons(verdict))


def kernel(implementation: str, types: str = "u8*s8->s32", count: int = 68) -> Kernel:
    return Kernel(operator="linear", types=types, implementation=implementation, count=count)


FP32 = (kernel("oneDNN/gemm", "f32"),)


def test_every_word_of_every_sentence_is_compared(adapter: Any) -> None:
    framework = adapter.open_framework(DATA)
    (task,) = framework.tasks()
    model = framework.load(task, Precision.FP32)
    assert (task.answers(model(task.inputs)) == task.labels).all()
    assert model.backends == RUY


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        (Precision.FP32, kernel("OpenBLAS/gemm", "f32")),
        (Precision.INT8, kernel("Ruy/gemm", "s8*s8->s32")),
    ],
)
def test_where_oneDNN_does_not_multiply_the_log_names_the_library(
    adapter: Any, precision: Precision, expected: Kernel
) -> None:
    framework = adapter.open_framework(DATA)
    (task,) = framework.tasks()
    assert framework.load(task, precision).kernels(task.inputs[:9]) == (expected,)


def test_where_it_does_its_own_log_counts(adapter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def logged(*given: object) -> str:
        asked.append(given)
        return f"{HEADER}{RUN}\n{INT8}"

    monkeypatch.setattr(adapter.gemm, "logged", logged)
    model = loaded(adapter, Precision.INT8, ONEDNN)
    (found,) = model.kernels(numbers.sentences([407]))
    assert replace(found, milliseconds=None) == kernel("oneDNN/gemm", count=1)
    path = str(DATA / "ctranslate2")
    settings = {
        "model_path": path,
        "device": "cpu",
        "compute_type": "int8",
        "intra_threads": 1,
    }
    assert asked == [(settings, [["4", "0", "7"]], adapter.GREEDY)]


@pytest.mark.parametrize(
    ("said", "count"), [("3", 3), ("2,1", 2), ("", 0), ("0", 0), ("all", 0), (None, 0)]
)
def test_every_thread_translates_sentences_of_its_own(
    adapter: Any, said: str | None, count: int
) -> None:
    environment = {} if said is None else {"OMP_NUM_THREADS": said}
    assert adapter.workers(environment) == (count or len(os.sched_getaffinity(0)))


def test_a_library_that_names_no_backend_gives_no_evidence(adapter: Any) -> None:
    model = loaded(adapter, Precision.INT8)
    model.backends = None
    with pytest.raises(NoEvidence, match="did not log which library multiplies"):
        model.kernels(numbers.sentences([407]))


def test_a_compute_type_that_is_refused_is_one_line(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(adapter.COMPUTE_TYPES, Precision.INT8, "int4")
    with pytest.raises(BrokenInstallation, match=r"ctranslate2 cannot load it \(Requested int8"):
        loaded(adapter, Precision.INT8)


def test_a_missing_model_is_one_line(adapter: Any, tmp_path: Path) -> None:
    (tmp_path / "ctranslate2").mkdir()
    text = (DATA / "ctranslate2" / "numbers.txt").read_text()
    (tmp_path / "ctranslate2" / "numbers.txt").write_text(text)
    framework = adapter.open_framework(tmp_path)
    with pytest.raises(BrokenInstallation, match=r"config\.json: missing or corrupt"):
        framework.load(framework.tasks()[0], Precision.FP32)


def test_int8_on_onednn_with_vnni_passes() -> None:
    assert judged(FP32, (kernel("oneDNN/gemm"),), "vpdpbusd") == (True, "")


def test_float32_in_place_of_int8_fails(adapter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(adapter.COMPUTE_TYPES, Precision.INT8, "float32")
    int8 = loaded(adapter, Precision.INT8, MKL).kernels(numbers.sentences([777777]))
    assert int8 == (kernel("MKL/gemm", "f32"),)
    passed, why = judged(FP32, int8, "vfmadd")
    assert not passed
    assert "linear ran MKL/gemm (not int8: f32)" in why


def test_int8_by_another_library_than_the_backend_fails(adapter: Any) -> None:
    int8 = loaded(adapter, Precision.INT8, MKL).kernels(numbers.sentences([777777]))
    passed, why = judged(FP32, int8, "vpdpbusd")
    assert not passed
    assert "linear ran MKL/gemm (unnamed int8)" in why


@pytest.mark.parametrize("seen", ["vpmaddubsw", "pmaddubsw", "vfmadd"])
def test_int8_on_lesser_instructions_fails(seen: str) -> None:
    passed, why = judged(FP32, (kernel("oneDNN/gemm"),), seen)
    assert not passed
    assert "linear ran oneDNN/gemm" in why


def test_a_layer_that_stays_fp32_fails() -> None:
    int8 = (kernel("oneDNN/gemm", count=67), kernel("oneDNN/gemm", "f32", count=1))
    passed, why = judged(FP32, int8, "vpdpbusd")
    assert not passed
    assert "linear ran" in why
