"""TensorFlow: FP32 by its own graph; INT8 by oneDNN on x86-64, by LiteRT and XNNPACK on Arm.

Evidence is oneDNN's verbose log (see witness); where oneDNN is off, TensorFlow's own trace.
"""

# ruff: noqa: E402 - the environment counts when the library loads
from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from selftest import onednn
from selftest.evidence import Kernel, NoEvidence, captured_stderr, captured_stdout

for _setting in onednn.SETTINGS:
    os.environ.pop(_setting, None)  # the original keeps silent, the witness does not
captured_stderr(lambda: importlib.import_module("tensorflow"))  # it tells that oneDNN is on, twice

import tensorflow as tf  # type: ignore[import-untyped,unused-ignore]

from selftest import reference
from selftest.digits import load_weights
from selftest.errors import first_line
from selftest.frameworks import Precision, litert, tensorflow_graph, tensorflow_trace
from selftest.frameworks.tensorflow_trace import Step
from selftest.frameworks.witness import Witness
from selftest.network import DIGITS
from selftest.networks import Network
from selftest.reference import Ranges
from selftest.tasks import Array, Task, of_digits
from selftest.weights import Weights

SWITCH = "TF_ENABLE_ONEDNN_OPTS"
v1 = tf.compat.v1


class Model:
    """A graph for any number of a network's images."""

    def __init__(self, graph: tensorflow_graph.Graph, network: Network) -> None:
        shape = (None, network.channels, network.size, network.size)
        with failures():
            self._run = tf.function(
                graph, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False
            ).get_concrete_function()

    def __call__(self, inputs: Array) -> Array:
        with failures():
            logits: Array = self._run(tf.constant(inputs)).numpy()
        return logits

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]:
        """As TensorFlow's trace of a second run tells; only a Session writes one."""
        graph, (image,), logits = self._run.graph, self._run.inputs, self._run.outputs
        names = [output.name for output in logits]
        trace = v1.RunMetadata()
        options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
        with failures(), v1.Session(graph=graph) as session:
            session.run(names, {image.name: inputs[:1]})
            session.run(names, {image.name: inputs}, options=options, run_metadata=trace)
        return tensorflow_trace.parse(_steps(trace))


class Witnessed:
    """A model whose kernels another process names."""

    def __init__(self, model: Model, framework: TensorFlow, task: Task, precision: Precision):
        self._model, self._look = model, partial(framework.seen, task.name, precision)

    def __call__(self, inputs: Array) -> Array:
        return self._model(inputs)

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]:
        return self._look(inputs)


@contextmanager
def failures() -> Iterator[None]:
    """TensorFlow's errors are no RuntimeErrors."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as err:
        raise MemoryError(first_line(err)) from err
    except tf.errors.OpError as err:
        raise RuntimeError(first_line(err)) from err


class TensorFlow:
    """On Arm. `_threads`: TensorFlow names the threads that hand out work, not those that do it."""

    version: str = tf.__version__

    def __init__(self, data: Path) -> None:
        self._data = data
        self._header: onednn.Header | None = None
        self._onednn = os.environ.get(SWITCH, "1") != "0"
        self._witness = Witness(self._log, {"ONEDNN_VERBOSE": "1"}) if self._onednn else None
        before = _unnamed_threads()
        tf.constant(0.0)  # makes its threads
        self._threads = max(1, _unnamed_threads() - before)

    def tasks(self) -> tuple[Task, ...]:
        return (of_digits(self._data),)

    def load(self, task: Task, precision: Precision) -> Model | Witnessed | litert.Model:
        if precision is Precision.INT8 and not self.quantises:
            return litert.Model(self._data / "tensorflow" / "int8.tflite", self._threads)
        model = self._digits(task, precision)
        return Witnessed(model, self, task, precision) if self._onednn else model

    quantises = False
    """Whether TensorFlow's own graph runs INT8 fast."""

    def _digits(self, task: Task, precision: Precision) -> Model:
        weights = load_weights(self._data)
        if precision is Precision.FP32:
            return Model(tensorflow_graph.fp32(DIGITS, weights), DIGITS)
        ranges = reference.ranges(reference.run(DIGITS, weights, task.calibration))
        return Model(tensorflow_graph.int8(DIGITS, weights, ranges), DIGITS)

    def threads(self) -> int:
        return self._threads

    def seen(self, task: str, precision: Precision, inputs: Array) -> tuple[Kernel, ...]:
        """What oneDNN ran in the witness."""
        if self._witness is None:
            raise NoEvidence(f"oneDNN is off ({SWITCH})")
        log = self._witness.log(task, precision, inputs)
        self._header = self._header or onednn.find_header(log)
        return onednn.parse(log, self._header, onednn.EXECUTED)

    def _log(self, name: str, precision: Precision, inputs: Array) -> str:
        """In the witness: the log's header, and the log of a second run; the first, of one image,
        brings the weights into oneDNN's order.
        """
        (task,) = (task for task in self.tasks() if task.name == name)
        model = self._digits(task, precision)
        start = captured_stdout(lambda: model(inputs[:1])).splitlines(keepends=True)
        header = [line for line in start if onednn.find_header(line)]
        return "".join(header) + captured_stdout(lambda: model(inputs))


class Quantising(TensorFlow):
    """On x86-64, where oneDNN runs the quantised operators."""

    quantises = True

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model:
        if precision is Precision.INT8:
            return Model(tensorflow_graph.int8(network, weights, ranges), network)
        return Model(tensorflow_graph.fp32(network, weights), network)


def _steps(trace: Any) -> Iterator[Step]:
    for device in trace.step_stats.dev_stats:
        for node in device.node_stats:
            kinds = (output.tensor_description.dtype for output in node.output)
            yield Step(
                label=node.timeline_label,
                types=tuple(tf.dtypes.as_dtype(kind).name for kind in kinds),
                milliseconds=(node.op_end_rel_micros - node.op_start_rel_micros) / 1000,
            )


def _unnamed_threads() -> int:
    """Threads that go by the process's own name."""
    names = [_name(task) for task in Path("/proc/self/task").iterdir()]
    return names.count(_name(Path("/proc/self")))


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # it has just ended
        return ""


def open_framework(data: Path) -> TensorFlow:
    return (Quantising if platform.machine() == "x86_64" else TensorFlow)(data)
