"""The networks and the encoder in INT8 on Arm, by the operators whose kernels are fast there.

torch's oneDNN has no INT8 convolution for Arm but a reference, and products with a scale per
channel only in a generic kernel. So convolutions are XNNPACK's: s8 activations and, per output
channel, s8 weights. Linear layers are dynamic ones, by Arm's Compute Library (ACL): they read and
give FP32, have s8 weights with one scale, and find the scale of what they read themselves. That is
what torch.ao.quantization makes of a model with the engines "qnnpack" and "onednn".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from selftest import encoder
from selftest.frameworks import scales, steps
from selftest.frameworks.pytorch_encoder import Plain
from selftest.networks import IMAGE, Activation, Kind, Layer, Network
from selftest.reference import Ranges

CONVOLUTIONS, PRODUCTS = "qnnpack", "onednn"
"""torch's engines; the first gives signed activations to XNNPACK, the second dynamic linear layers
to ACL."""

DILATION = [1, 1]
SIGNED = 128
"""What a zero point loses where numbers are signed."""

Step = steps.Step[Tensor]
Packed = Any


@contextmanager
def engine(name: str) -> Iterator[None]:
    """What is packed inside runs by this engine ever after."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def linear(weight: Tensor, bias: Tensor) -> Packed:
    """Packed for `quantized.linear_dynamic`."""
    scale = float(weight.abs().max()) / scales.S8_MAX
    quantised = torch.quantize_per_tensor(weight, scale, 0, torch.qint8)
    with engine(PRODUCTS):
        return torch.ops.quantized.linear_prepack(quantised, bias)


class Int8:
    """A network: called with images, returns logits."""

    def __init__(self, network: Network, weights: Mapping[str, Tensor], ranges: Ranges) -> None:
        self._weights = weights
        self._scales = {name: scales.activation(span) for name, span in ranges.items()}
        added = {layer.name: scales.added(layer, ranges) for layer in network.layers if layer.add}
        self._before_adding = {name: scales.activation(span) for name, span in added.items()}
        self._plan = steps.plan(network, self._step)

    def __call__(self, x: Tensor) -> Tensor:
        scale = self._scales[IMAGE]
        zero = scale.zero_point - SIGNED
        image = {IMAGE: torch.quantize_per_tensor(x, scale.scale, zero, torch.qint8)}
        return steps.run(self._plan, image)

    def _step(self, layer: Layer) -> Step:
        match layer.kind:
            case Kind.CONVOLUTION:
                return self._convolution(layer)
            case Kind.MAX_POOL:
                return lambda outputs: torch.max_pool2d(
                    outputs[layer.source], layer.kernel, layer.stride, layer.padding
                )
            case Kind.MEAN:  # read by a linear layer, which reads FP32
                return lambda outputs: outputs[layer.source].dequantize().mean((2, 3))
            case Kind.LINEAR:
                weight, bias = self._parameters(layer)
                packed = linear(weight, bias)
                return lambda outputs: torch.ops.quantized.linear_dynamic(
                    outputs[layer.source], packed
                )

    def _parameters(self, layer: Layer) -> tuple[Tensor, Tensor]:
        return self._weights[f"{layer.name}.weight"], self._weights[f"{layer.name}.bias"]

    def _convolution(self, layer: Layer) -> Step:
        """What lies outside of the result's range is cut off, and so are ReLU's and ReLU6's."""
        weight, bias = self._parameters(layer)
        packed = _packed_convolution(layer, weight, bias)
        result = _signed(self._scales[layer.name])
        if (added := layer.add) is None:
            return lambda outputs: torch.ops.quantized.conv2d(
                outputs[layer.source], packed, *result
            )
        before = _signed(self._before_adding[layer.name])
        relu = layer.activation is not Activation.NONE
        add = torch.ops.quantized.add_relu if relu else torch.ops.quantized.add
        return lambda outputs: add(
            torch.ops.quantized.conv2d(outputs[layer.source], packed, *before),
            outputs[added],
            *result,
        )


class Encoder(Plain):
    """Called with images, returns logits; what linear layers read is in FP32."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__(weights)
        self._packed = {
            name: linear(weights[f"{name}.weight"], weights[f"{name}.bias"])
            for name in encoder.LINEAR
        }

    def __call__(self, image: Tensor) -> Tensor:
        return encoder.run(self, image)

    def read(self, name: str, x: Tensor) -> Tensor:
        return x

    def linear(self, name: str, x: Tensor) -> Tensor:
        product: Tensor = torch.ops.quantized.linear_dynamic(x, self._packed[name])
        return product

    def wide(self, name: str, x: Tensor, to: str) -> Tensor:
        return torch.nn.functional.gelu(self.linear(name, x), approximate="tanh")


def _packed_convolution(layer: Layer, weight: Tensor, bias: Tensor) -> Packed:
    _, channels = scales.weight(weight.numpy())
    zeros = torch.zeros(len(channels), dtype=torch.int64)
    quantised = torch.quantize_per_channel(
        weight, torch.from_numpy(channels.astype(np.float64)), zeros, 0, torch.qint8
    )
    geometry = ([layer.stride] * 2, [layer.padding] * 2, DILATION, layer.groups)
    with engine(CONVOLUTIONS):
        return torch.ops.quantized.conv2d_prepack(quantised, bias, *geometry)


def _signed(scale: scales.Scale) -> tuple[float, int]:
    return scale.scale, scale.zero_point - SIGNED
