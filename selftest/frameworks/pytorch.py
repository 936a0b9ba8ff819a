"""PyTorch: evidence is oneDNN's verbose log of one inference, and MKL's; or torch's own profile.

FP32 is what a user gets from an eager model in evaluation mode: BatchNorm folded, channels last.
INT8 is in pytorch_int8, the encoder in pytorch_encoder; INT8 of both on Arm in pytorch_arm.
"""

# ruff: noqa: E402 - the environment counts when the library loads
from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from importlib import metadata
from pathlib import Path

from selftest import onednn

for _setting in onednn.SETTINGS:
    os.environ.pop(_setting, None)  # the log's header must not be printed before we listen

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.profiler import profile

from selftest import mkl, reference
from selftest.digits import Batch, Logits, load_encoder, load_ranges, load_weights
from selftest.evidence import OPERATORS, Kernel, NoEvidence, captured_stdout
from selftest.frameworks import Precision, pytorch_arm, pytorch_encoder, pytorch_operators, steps
from selftest.frameworks.pytorch_int8 import Int8
from selftest.frameworks.pytorch_operators import Operation
from selftest.network import DIGITS
from selftest.networks import IMAGE, Activation, Kind, Layer, Network
from selftest.reference import Ranges
from selftest.tasks import ENCODER, Task, of_digits, of_encoder
from selftest.weights import Weights

ARM = platform.machine() == "aarch64"


class Fp32:
    """Called with images, returns logits; one torch operator after the other."""

    def __init__(self, network: Network, weights: Mapping[str, Tensor]) -> None:
        self._plan = steps.plan(network, lambda layer: partial(_output, layer, weights))

    def __call__(self, x: Tensor) -> Tensor:
        return steps.run(self._plan, {IMAGE: x})


def _output(layer: Layer, weights: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Tensor:
    x = outputs[layer.source]
    match layer.kind:
        case Kind.MAX_POOL:
            return torch.max_pool2d(x, layer.kernel, layer.stride, layer.padding)
        case Kind.MEAN:
            return x.mean((2, 3))
    weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
    if layer.kind is Kind.LINEAR:
        return torch.nn.functional.linear(x, weight, bias)
    x = torch.conv2d(x, weight, bias, layer.stride, layer.padding, groups=layer.groups)
    return _activated(layer, x.add_(outputs[layer.add]) if layer.add else x)


def _activated(layer: Layer, x: Tensor) -> Tensor:
    match layer.activation:
        case Activation.NONE:
            return x
        case Activation.RELU:
            return x.relu_()
        case Activation.RELU6:
            return x.clamp_(0, 6)


class Model:
    def __init__(self, framework: PyTorch, run: Callable[[Tensor], Tensor]) -> None:
        self._framework, self._run = framework, run

    def __call__(self, batch: Batch) -> Logits:
        with torch.inference_mode():
            logits: Logits = self._run(_channels_last(torch.from_numpy(batch))).numpy()
        return logits

    def kernels(self, batch: Batch) -> tuple[Kernel, ...]:
        self(batch)
        log = captured_stdout(lambda: _logged(self, batch))
        if not ARM:
            return self._framework.executed(log)
        blas = pytorch_operators.blas(torch.__config__.show())
        ran = pytorch_operators.parse(_profiled(lambda: self(batch)), blas)
        return pytorch_operators.corrected(ran, self._framework.logged(log))


def _tensors(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    return {name: _channels_last(torch.from_numpy(array)) for name, array in weights.items()}


def _channels_last(x: Tensor) -> Tensor:
    """Also where there is one channel: `contiguous` would keep the strides of the other layout."""
    if x.dim() != 4:
        return x
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x)


def _profiled(run: Callable[[], object]) -> Iterator[Operation]:
    """Every operator that `run` called, in order. Raises NoEvidence where torch cannot tell."""
    with profile(use_kineto=True, record_shapes=True) as watched:
        run()
    if watched.kineto_results is None:
        raise NoEvidence("torch's profiler has no results")
    for event in watched.kineto_results.events():
        yield Operation(
            name=event.name(),
            inputs=tuple(event.dtypes()),
            milliseconds=event.duration_ns() / 1e6,
        )


def _logged(model: Model, batch: Batch) -> None:
    with ExitStack() as logs:
        for library in (torch.backends.mkldnn, torch.backends.mkl):
            if library.is_available():
                logs.enter_context(library.verbose(library.VERBOSE_ON))
        model(batch)


class PyTorch:
    version: str = metadata.version("torch")  # torch.__version__ has +cpu on Arm, the wheel has not

    def __init__(self, data: Path) -> None:
        self._data = data
        self._header: onednn.Header | None = None

    def tasks(self) -> tuple[Task, ...]:
        return of_digits(self._data), of_encoder(self._data)

    def load(self, task: Task, precision: Precision) -> Model:
        if task.name == ENCODER:
            return self._encoder(precision)
        weights = load_weights(self._data)
        ranges = reference.ranges(reference.run(DIGITS, weights, task.calibration))
        return self.build(DIGITS, weights, ranges, precision)

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model:
        tensors = _tensors(weights)
        match precision:
            case Precision.FP32:
                return Model(self, Fp32(network, tensors))
            case Precision.INT8:
                made = pytorch_arm.Int8 if ARM else Int8
                return Model(self, made(network, tensors, ranges))

    def _encoder(self, precision: Precision) -> Model:
        tensors = _tensors(load_encoder(self._data))
        if precision is Precision.FP32:
            return Model(self, pytorch_encoder.Fp32(tensors))
        if ARM:
            return Model(self, pytorch_arm.Encoder(tensors))
        return Model(self, pytorch_encoder.Int8(tensors, load_ranges(self._data)))

    def threads(self) -> int:
        return int(torch.get_num_threads())

    def executed(self, log: str) -> tuple[Kernel, ...]:
        """oneDNN's kernels, then MKL's. Raises NoEvidence where neither shows any."""
        self._header = self._header or onednn.find_header(log)
        records = onednn.records(log, self._header, onednn.EXECUTED)
        kernels = (*map(onednn.kernel, records), *mkl.parse(log))
        if not any(kernel.operator in OPERATORS for kernel in kernels):
            raise NoEvidence("oneDNN's verbose log shows no primitive")
        return kernels

    def logged(self, log: str) -> tuple[Kernel, ...]:
        """oneDNN's kernels, where it ran at all: its header comes with its first primitive."""
        self._header = self._header or onednn.find_header(log)
        if self._header is None:
            return ()
        return tuple(map(onednn.kernel, onednn.records(log, self._header, onednn.EXECUTED)))


def open_framework(data: Path) -> PyTorch:
    return PyTorch(data)
