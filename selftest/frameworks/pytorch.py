"""PyTorch: evidence is oneDNN's verbose log of one inference.

Post-training static quantisation, per channel, with the operators that torch's own recommended
path (PT2E with the x86 quantiser) compiles to. That path itself needs torchao and a C++ compiler,
and torch.ao.quantization is deprecated; these operators need neither and start at once.
"""

# ruff: noqa: E402 - the environment counts when the library loads
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from selftest import onednn

for _setting in onednn.SETTINGS:
    os.environ.pop(_setting, None)  # the log's header must not be printed before we listen
if "OMP_WAIT_POLICY" not in os.environ:
    # libgomp's idle threads spin for milliseconds; where cores are shared that costs up to 50 times
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

import torch
from torch import Tensor

from selftest.digits import Batch, Logits, load_weights
from selftest.evidence import Kernel, captured_stdout
from selftest.frameworks import Precision
from selftest.network import CONVOLUTIONS, LINEAR, Convolution

Weights = Mapping[str, Tensor]
STRIDE = DILATION = [1, 1]
U8_MAX, S8_MAX = 255, 127


def fp32(weights: Weights, x: Tensor) -> dict[str, Tensor]:
    """Every layer's output by name, with 'image', 'pooled' and the logits under LINEAR."""
    outputs = {"image": x}
    for layer in CONVOLUTIONS:
        x = torch.conv2d(
            x,
            weights[f"{layer.name}.weight"],
            weights[f"{layer.name}.bias"],
            padding=layer.padding,
            groups=layer.groups,
        )
        x = (x.add_(outputs[layer.add]) if layer.add else x).relu_()
        outputs[layer.name] = x
    outputs["pooled"] = x.mean((2, 3))
    outputs[LINEAR] = torch.nn.functional.linear(
        outputs["pooled"], weights[f"{LINEAR}.weight"], weights[f"{LINEAR}.bias"]
    )
    return outputs


def _quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Signed 8 bits per output channel, symmetric, and the scales."""
    rows = weight.flatten(1)
    scales = rows.abs().amax(1).clamp_min(1e-12) / S8_MAX
    shape = [-1] + [1] * (weight.dim() - 1)
    return (weight / scales.reshape(shape)).round().to(torch.int8), scales


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """Weights in oneDNN's own layout."""

    weight: Tensor
    scales: Tensor
    zero_points: Tensor
    bias: Tensor


class Int8:
    """u8 activations from 0 (nothing here is negative), s8 weights, all on oneDNN."""

    def __init__(self, weights: Weights, calibration: Tensor) -> None:
        ranges = fp32(weights, calibration)
        self._scales = {
            name: float(value.max()) / U8_MAX for name, value in ranges.items() if name != LINEAR
        }
        self._packed: dict[str, Packed] = {}
        source = "image"
        for layer in CONVOLUTIONS:
            shape = [len(calibration), *ranges[source].shape[1:]]
            self._packed[layer.name] = self._pack(weights, layer, source, shape)
            source = layer.name
        weight, scales = _quantised(weights[f"{LINEAR}.weight"])
        self._packed[LINEAR] = Packed(
            weight=torch.ops.onednn.qlinear_prepack(weight, None),
            scales=scales,
            zero_points=torch.zeros(len(scales), dtype=torch.int64),
            bias=weights[f"{LINEAR}.bias"],
        )

    def _pack(self, weights: Weights, layer: Convolution, source: str, shape: list[int]) -> Packed:
        weight, scales = _quantised(weights[f"{layer.name}.weight"])
        geometry = (STRIDE, [layer.padding] * 2, DILATION, layer.groups)
        return Packed(
            weight=torch.ops.onednn.qconv_prepack(
                weight, scales, self._scales[source], 0, *geometry, shape
            ),
            scales=scales,
            zero_points=torch.zeros(len(scales), dtype=torch.int64),
            bias=weights[f"{layer.name}.bias"],
        )

    def _u8(self, x: Tensor, name: str) -> Tensor:
        return (x / self._scales[name]).round_().clamp_(0, U8_MAX).to(torch.uint8)

    def _convolution(self, layer: Convolution, source: str, outputs: dict[str, Tensor]) -> Tensor:
        packed = self._packed[layer.name]
        inputs = (outputs[source], self._scales[source], 0)
        constants = (packed.weight, packed.scales, packed.zero_points)
        geometry = (STRIDE, [layer.padding] * 2, DILATION, layer.groups)
        if layer.add:
            accumulator = outputs.pop(layer.add)  # oneDNN adds in place
            summed: Tensor = torch.ops.onednn.qconv2d_pointwise.binary(
                *inputs, *constants, accumulator, packed.bias, *geometry,
                self._scales[layer.name], 0, torch.uint8,
                self._scales[layer.add], 0, "sum", 1.0, "relu", [], "",
            )  # fmt: skip
            return summed
        last = layer is CONVOLUTIONS[-1]
        result: Tensor = torch.ops.onednn.qconv_pointwise(
            *inputs, *constants, packed.bias, *geometry,
            1.0 if last else self._scales[layer.name], 0, torch.float32 if last else torch.uint8,
            "relu", [], "",
        )  # fmt: skip
        return result

    def __call__(self, x: Tensor) -> Tensor:
        outputs = {"image": self._u8(x, "image")}
        source = "image"
        for layer in CONVOLUTIONS:
            outputs[layer.name] = self._convolution(layer, source, outputs)
            source = layer.name
        pooled = self._u8(outputs[source].mean((2, 3)), "pooled")
        packed = self._packed[LINEAR]
        logits: Tensor = torch.ops.onednn.qlinear_pointwise(
            pooled, self._scales["pooled"], 0, packed.weight, packed.scales, packed.zero_points,
            packed.bias, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return logits


class Model:
    def __init__(self, framework: PyTorch, precision: Precision, calibration: Batch) -> None:
        self._framework = framework
        self._weights = {
            name: _channels_last(torch.from_numpy(array))
            for name, array in load_weights(framework.data).items()
        }
        self._int8 = None
        if precision is Precision.INT8:
            self._int8 = Int8(self._weights, torch.from_numpy(calibration))

    def __call__(self, batch: Batch) -> Logits:
        with torch.inference_mode():
            x = _channels_last(torch.from_numpy(batch))
            logits = self._int8(x) if self._int8 else fp32(self._weights, x)[LINEAR]
        result: Logits = logits.numpy()
        return result

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
        self.data = data
        self._header: onednn.Header | None = None

    def load(self, precision: Precision, calibration: Batch) -> Model:
        return Model(self, precision, calibration)

    def threads(self) -> int:
        return int(torch.get_num_threads())

    def executed(self, log: str) -> tuple[Kernel, ...]:
        self._header = self._header or onednn.find_header(log)
        return onednn.parse(log, self._header, onednn.EXECUTED)


def open_framework(data: Path) -> PyTorch:
    return PyTorch(data)
