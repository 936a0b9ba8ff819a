"""A network quantised for oneDNN: u8 activations, s8 weights per output channel, nothing between.

Post-training static quantisation with the operators that torch's own recommended path (PT2E with
the x86 quantiser) compiles to. That path itself needs torchao and a C++ compiler, and
torch.ao.quantization is deprecated; these operators need neither and start at once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import Tensor

from selftest.frameworks import scales, steps
from selftest.networks import IMAGE, Activation, Kind, Layer, Network
from selftest.reference import Ranges

DILATION = [1, 1]
PACKED_FOR = 8
"""The batch that oneDNN lays weights out for; any other works as well."""

ACTIVATIONS: Mapping[Activation, tuple[str, list[float]]] = {
    Activation.NONE: ("none", []),
    Activation.RELU: ("relu", []),
    Activation.RELU6: ("hardtanh", [0.0, 6.0]),
}
"""oneDNN's fused operator and its arguments, as torch names them."""

Step = steps.Step[Tensor]


class Int8:
    """Called with images, returns logits."""

    def __init__(self, network: Network, weights: Mapping[str, Tensor], ranges: Ranges) -> None:
        self._network, self._weights = network, weights
        self._scales = {name: scales.activation(span) for name, span in ranges.items()}
        self._sizes = network.sizes
        averaged = {layer.source for layer in network.layers if layer.kind is Kind.MEAN}
        self._float = {
            layer.name for layer in network.layers if layer.name in averaged and not layer.add
        }
        self._plan = steps.plan(network, self._step)

    def __call__(self, x: Tensor) -> Tensor:
        return steps.run(self._plan, {IMAGE: self._u8(x, IMAGE)})

    def _step(self, layer: Layer) -> Step:
        match layer.kind:
            case Kind.CONVOLUTION:
                return self._convolution(layer)
            case Kind.MAX_POOL:
                return lambda outputs: _max_pool(layer, outputs[layer.source])
            case Kind.MEAN:
                return lambda outputs: self._u8(
                    self._real(outputs[layer.source], layer.source), layer.name
                )
            case Kind.LINEAR:
                return self._linear(layer)

    def _u8(self, x: Tensor, name: str) -> Tensor:
        scale = self._scales[name]
        x = (x / scale.scale).round_().add_(scale.zero_point)
        return x.clamp_(0, scales.U8_MAX).to(torch.uint8)

    def _real(self, x: Tensor, name: str) -> Tensor:
        """The average of every channel, of what the layer `name` has put out."""
        if name in self._float:
            return x.mean((2, 3))
        scale = self._scales[name]
        return (x.mean((2, 3), dtype=torch.float32) - scale.zero_point) * scale.scale

    def _weight(self, layer: Layer) -> tuple[Tensor, Tensor]:
        """Quantised, and the scale of every channel."""
        weight, channels = scales.weight(self._weights[f"{layer.name}.weight"].numpy())
        return torch.from_numpy(weight), torch.from_numpy(channels)

    def _convolution(self, layer: Layer) -> Step:
        source, target = self._scales[layer.source], self._scales[layer.name]
        weight, channels = self._weight(layer)
        geometry = ([layer.stride] * 2, [layer.padding] * 2, DILATION, layer.groups)
        shape = [PACKED_FOR, layer.inputs, *[self._sizes[layer.source]] * 2]
        packed = torch.ops.onednn.qconv_prepack(
            weight, channels, source.scale, source.zero_point, *geometry, shape
        )
        constants = (source.scale, source.zero_point, packed, channels, _zeros(channels))
        bias = self._weights[f"{layer.name}.bias"]
        activation, arguments = ACTIVATIONS[layer.activation]
        if (added := layer.add) is not None:
            scale = self._scales[added]  # the result takes the place of what is added
            return lambda outputs: torch.ops.onednn.qconv2d_pointwise.binary(
                outputs[layer.source], *constants, outputs[added], bias, *geometry,
                target.scale, target.zero_point, torch.uint8,
                scale.scale, scale.zero_point, "sum", 1.0, activation, arguments, "",
            )  # fmt: skip
        result = (target.scale, target.zero_point, torch.uint8)
        if layer.name in self._float:
            result = (1.0, 0, torch.float32)
        return lambda outputs: torch.ops.onednn.qconv_pointwise(
            outputs[layer.source], *constants, bias, *geometry, *result,
            activation, arguments, "",
        )  # fmt: skip

    def _linear(self, layer: Layer) -> Step:
        source = self._scales[layer.source]
        weight, channels = self._weight(layer)
        packed = torch.ops.onednn.qlinear_prepack(weight, None)
        constants = (source.scale, source.zero_point, packed, channels, _zeros(channels))
        bias = self._weights[f"{layer.name}.bias"]
        return lambda outputs: torch.ops.onednn.qlinear_pointwise(
            outputs[layer.source], *constants, bias, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip


def _max_pool(layer: Layer, x: Tensor) -> Tensor:
    """torch's own has no kernel for u8 images of this size: first rows, then columns."""
    x = torch.nn.functional.pad(x, [layer.padding] * 4)  # 0 is the lowest that there is
    for dimension, rest in ((2, (slice(None),)), (3, ())):
        reach = x.shape[dimension] - layer.kernel + 1
        x = functools.reduce(
            torch.maximum,
            (
                x[(..., slice(start, start + reach, layer.stride), *rest)]
                for start in range(layer.kernel)
            ),
        )
    return x


def _zeros(channels: Tensor) -> Tensor:
    return torch.zeros(len(channels), dtype=torch.int64)
