"""CTranslate2: evidence is what it logs about its backends and, where oneDNN multiplies, oneDNN's
verbose log of one translation.

The model is stored as float16: FP32 computes on the very same numbers as float32. INT8 rounds the
weights when it loads them, and each layer's input as it comes: there is nothing to calibrate.

Each thread translates sentences of its own, as where many are to be translated: the products of a
small model are too short to be shared by threads (two are then slower than one).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import ctranslate2

from selftest import numbers
from selftest.digits import present
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence, captured_stderr
from selftest.frameworks import Precision, gemm
from selftest.numbers import DIGITS, MOST_WORDS, PAD, UNKNOWN, WORDS
from selftest.tasks import Array, Task

FILES = ("config.json", "model.bin", "source_vocabulary.json", "target_vocabulary.json")
COMPUTE_TYPES = {Precision.FP32: "float32", Precision.INT8: "int8"}
GREEDY = {"beam_size": 1, "max_decoding_length": MOST_WORDS}
INDEX = {word: index for index, word in enumerate(WORDS)}
WARM = 64  # sentences: work for every thread
FEW = 8  # sentences, the longest among them: enough to count


TYPES = {"float32": "f32", "int8_float32": "s8*s8->s32"}
"""What CTranslate2 says it computes a model in, in oneDNN's words."""


class Model:
    """`log`: what CTranslate2 says while it loads."""

    def __init__(self, folder: Path, precision: Precision, workers: int) -> None:
        self._settings = {
            "model_path": str(folder),
            "device": "cpu",
            "compute_type": COMPUTE_TYPES[precision],
            "intra_threads": 1,
        }
        self._workers = workers
        try:
            self.log = captured_stderr(self._load)
        except (RuntimeError, ValueError) as err:
            raise BrokenInstallation(
                f"{folder}: ctranslate2 cannot load it ({first_line(err)}); "
                "pull the image again, or mount a good copy"
            ) from err
        self.backends: gemm.Backends | None = None

    def _load(self) -> None:
        level = ctranslate2.get_log_level()
        ctranslate2.set_log_level(logging.INFO)
        try:
            self._translator = ctranslate2.Translator(**self._settings, inter_threads=self._workers)
        finally:
            ctranslate2.set_log_level(level)

    def __call__(self, inputs: Array) -> Array:
        share = -(-len(inputs) // self._workers)
        results = self._translator.translate_batch(_tokens(inputs), **GREEDY, max_batch_size=share)
        found = [[INDEX.get(word, UNKNOWN) for word in one.hypotheses[0]] for one in results]
        return numbers.padded(found, MOST_WORDS)

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]:
        """oneDNN logs each product. Of other libraries we know that CTranslate2 multiplies with
        them, in which types, and how often this translation should have.
        """
        if self.backends is None:
            raise NoEvidence("ctranslate2 did not log which library multiplies")
        kind = str(self._translator.compute_type)
        backend = self.backends.int8 if kind.startswith("int8") else self.backends.fp32
        if backend == gemm.ONEDNN:
            return gemm.parse(gemm.logged(self._settings, _tokens(inputs), GREEDY))
        return (
            Kernel(
                operator="linear",
                types=TYPES.get(kind, kind),
                implementation=f"{backend}/{gemm.NAMELESS}",
                count=numbers.linears(self(inputs[:FEW])),
            ),
        )


class CTranslate2:
    version: str = ctranslate2.__version__

    def __init__(self, data: Path) -> None:
        self._folder = data / "ctranslate2"
        self._backends: gemm.Backends | None = None
        self._threads = 0

    def tasks(self) -> tuple[Task, ...]:
        return (numbers.task(self._folder / "numbers.txt"),)

    def load(self, task: Task, precision: Precision) -> Model:
        """CTranslate2 names its backends once, before the first model."""
        for name in FILES:
            present(self._folder / name)
        before = _threads()
        model = Model(self._folder, precision, workers(os.environ))
        model(task.inputs[:WARM])
        self._threads = max(self._threads, _threads() - before)
        self._backends = self._backends or gemm.backends(model.log)
        model.backends = self._backends
        return model

    def threads(self) -> int:
        return self._threads


def workers(environment: Mapping[str, str]) -> int:
    """As many as the threads that CTranslate2 would give to one translation, or this process's CPUs
    where nobody says.
    """
    said = environment.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(said) if said.isdecimal() and int(said) else len(os.sched_getaffinity(0))


def _tokens(inputs: Array) -> list[list[str]]:
    return [[DIGITS[digit] for digit in row if digit != PAD] for row in inputs.tolist()]


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def open_framework(data: Path) -> CTranslate2:
    return CTranslate2(data)
