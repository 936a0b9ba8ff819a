"""llama.cpp, in llama-cpp-python's wheel that is built here: INT8 is a model stored as Q8_0.

Evidence is the library of its CPU backend that it chose for this CPU, and each product in the graph
that it computes for one sentence. Its kernels have no names: what they are, the instructions tell.
"""

from __future__ import annotations

import logging
import os
from importlib.metadata import version
from pathlib import Path

from selftest import cpu, language
from selftest.digits import present
from selftest.evidence import Kernel
from selftest.frameworks import Precision, ggml, gguf
from selftest.frameworks.llama_session import Session
from selftest.numbers import MOST_WORDS
from selftest.tasks import Array, Task

FILES = {Precision.FP32: "f32.gguf", Precision.INT8: "q8_0.gguf"}
LINES = 128  # written at the same time
THREADS = 1
"""The products of a small model are too short to be shared. And where others compute too, threads
that wait for each other after each product say how busy the machine is, and nothing of INT8."""

WIDER = 256  # times the hidden units, so that the weights fit into no cache


class Model:
    """`lines`: how many it writes at the same time."""

    def __init__(self, path: Path, *, lines: int) -> None:
        self._session, self._lines = Session(path, lines=lines, threads=THREADS), lines

    def __call__(self, inputs: Array) -> Array:
        found = []
        for start in range(0, len(inputs), self._lines):
            prompts = language.prompts(inputs[start : start + self._lines])
            found += self._session.continued(prompts, MOST_WORDS)
        return language.answers(found)

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]:
        """Of the first sentence: one of the longest."""
        library, seen = ggml.loaded(), list[Kernel | None]()
        (prompt,) = language.prompts(inputs[:1])
        self._session.watched(
            prompt, MOST_WORDS + 1, lambda tensor: seen.append(ggml.kernel(tensor, library))
        )
        return tuple(kernel for kernel in seen if kernel is not None)


class LlamaCpp:
    version: str = version("llama-cpp-python")

    def __init__(self, data: Path) -> None:
        logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
        self._folder = data / "llama-cpp"

    def tasks(self) -> tuple[Task, ...]:
        """What is about memory alone says nothing of an emulated CPU, and takes minutes there."""
        path = self._folder / "numbers.txt"
        if cpu.examine(os.environ).emulated:
            return (language.task(path),)
        return (language.generation(path), language.task(path))

    def load(self, task: Task, precision: Precision) -> Model:
        path, lines = present(self._folder / FILES[precision]), task.batch or LINES
        if lines == 1:
            path = Path(f"/proc/self/fd/{gguf.widened(path, WIDER)}")
        model = Model(path, lines=lines)
        model(task.inputs[:LINES])
        return model

    def threads(self) -> int:
        return THREADS


def open_framework(data: Path) -> LlamaCpp:
    return LlamaCpp(data)
