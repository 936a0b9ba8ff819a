"""LiteRT, formerly TensorFlow Lite: INT8 where TensorFlow's oneDNN has no fast one, on Arm."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,unused-ignore]

from selftest.digits import present
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence, captured_stderr
from selftest.frameworks import litert_operators
from selftest.tasks import Array


class Model:
    """A .tflite file, run by XNNPACK."""

    def __init__(self, path: Path, threads: int) -> None:
        present(path)
        self._log = captured_stderr(lambda: self._open(path, threads))
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._size = 0

    def _open(self, path: Path, threads: int) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):  # it moves to a package of its own
                self._interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as err:
            raise BrokenInstallation(
                f"{path}: LiteRT cannot load it ({first_line(err)}); "
                "pull the image again, or mount a good copy"
            ) from err

    def __call__(self, inputs: Array) -> Array:
        images = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
        if len(images) != self._size:
            self._size = len(images)
            self._interpreter.resize_tensor_input(self._input, images.shape)
            self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        logits: Array = self._interpreter.get_tensor(self._output)
        return logits

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]:
        self(inputs)
        try:
            details = self._interpreter._get_ops_details()
        except AttributeError as err:
            raise NoEvidence(f"LiteRT's interpreter no longer lists operators: {err}") from err
        return litert_operators.parse(litert_operators.read(details), self._log)
