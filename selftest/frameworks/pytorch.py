"""PyTorch: evidence is oneDNN's verbose log of one inference.

FP32 is what a user gets from an eager model in evaluation mode: BatchNorm folded, channels last.
INT8 is in pytorch_int8.
"""

# ruff: noqa: E402 - the environment counts when the library loads
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from selftest import onednn

for _setting in onednn.SETTINGS:
    os.environ.pop(_setting, None)  # the log's header must not be printed before we listen

import torch
from torch import Tensor

from selftest import reference
from selftest.digits import Batch, Logits, load_weights
from selftest.evidence import Kernel, captured_stdout
from selftest.frameworks import Precision
from selftest.frameworks.pytorch_int8 import Int8
from selftest.network import DIGITS
from selftest.networks import IMAGE, Activation, Kind, Layer, Network
from selftest.reference import Ranges
from selftest.weights import Weights


class Fp32:
    """Called with images, returns logits; one torch operator after the other."""

    def __init__(self, network: Network, weights: Mapping[str, Tensor]) -> None:
        self._weights = weights
        self._plan = list(zip(network.layers, network.spent, strict=True))

    def __call__(self, x: Tensor) -> Tensor:
        outputs = {IMAGE: x}
        for layer, spent in self._plan:
            outputs[layer.name] = self._output(layer, outputs)
            for done in spent:
                del outputs[done]
        (logits,) = outputs.values()
        return logits

    def _output(self, layer: Layer, outputs: Mapping[str, Tensor]) -> Tensor:
        x = outputs[layer.source]
        match layer.kind:
            case Kind.MAX_POOL:
                return torch.max_pool2d(x, layer.kernel, layer.stride, layer.padding)
            case Kind.MEAN:
                return x.mean((2, 3))
        weight, bias = self._weights[f"{layer.name}.weight"], self._weights[f"{layer.name}.bias"]
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
    def __init__(
        self,
        framework: PyTorch,
        network: Network,
        weights: Weights,
        ranges: Ranges,
        precision: Precision,
    ) -> None:
        self._framework = framework
        tensors = {name: _channels_last(torch.from_numpy(array)) for name, array in weights.items()}
        match precision:
            case Precision.FP32:
                self._run: Fp32 | Int8 = Fp32(network, tensors)
            case Precision.INT8:
                self._run = Int8(network, tensors, ranges)

    def __call__(self, batch: Batch) -> Logits:
        with torch.inference_mode():
            logits: Logits = self._run(_channels_last(torch.from_numpy(batch))).numpy()
        return logits

    def kernels(self, batch: Batch) -> tuple[Kernel, ...]:
        self(batch)
        return self._framework.executed(captured_stdout(lambda: _logged(self, batch)))


def _channels_last(x: Tensor) -> Tensor:
    """Also where there is one channel: `contiguous` would keep the strides of the other layout."""
    if x.dim() != 4:
        return x
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x)


def _logged(model: Model, batch: Batch) -> None:
    onednn_ = torch.backends.mkldnn
    with onednn_.verbose(onednn_.VERBOSE_ON):
        model(batch)


class PyTorch:
    version: str = torch.__version__

    def __init__(self, data: Path) -> None:
        self._data = data
        self._header: onednn.Header | None = None

    def load(self, precision: Precision, calibration: Batch) -> Model:
        weights = load_weights(self._data)
        ranges = reference.ranges(reference.run(DIGITS, weights, calibration))
        return self.build(DIGITS, weights, ranges, precision)

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model:
        return Model(self, network, weights, ranges, precision)

    def threads(self) -> int:
        return int(torch.get_num_threads())

    def executed(self, log: str) -> tuple[Kernel, ...]:
        self._header = self._header or onednn.find_header(log)
        return onednn.parse(log, self._header, onednn.EXECUTED)


def open_framework(data: Path) -> PyTorch:
    return PyTorch(data)
