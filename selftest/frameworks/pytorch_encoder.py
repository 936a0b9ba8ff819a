"""The reference encoder in PyTorch: FP32 by its plain operators, INT8 by oneDNN's quantised ones.

Linear layers have u8 activations and s8 weights per output channel, as in pytorch_int8: for a
signed source oneDNN has only a reference kernel there. GELU is fused, all else is in FP32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from selftest import encoder
from selftest.encoder import HEAD, HEADS, NORM_EPSILON, PIXELS, TOKENS, WIDTH
from selftest.frameworks import scales
from selftest.reference import Ranges

Quantised = tuple[Tensor, scales.Scale]
Result = tuple[Any, ...]


class Plain:
    """What is in FP32 in both precisions."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = weights

    def tokens(self, image: Tensor) -> Tensor:
        return image.reshape(-1, TOKENS, PIXELS)

    def constant(self, name: str) -> Tensor:
        return self._weights[name]

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (
            one.view(-1, TOKENS, HEADS, HEAD).transpose(1, 2) for one in (query, key, value)
        )
        scores = torch.softmax(query @ key.transpose(2, 3) * HEAD**-0.5, -1)
        return (scores @ value).transpose(1, 2).reshape(-1, TOKENS, WIDTH)

    def add(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other

    def norm(self, name: str, x: Tensor) -> Tensor:
        gain, shift = self._weights[f"{name}.gain"], self._weights[f"{name}.shift"]
        return torch.nn.functional.layer_norm(x, (WIDTH,), gain, shift, NORM_EPSILON)

    def mean(self, x: Tensor) -> Tensor:
        return x.mean(1)


class Fp32(Plain):
    """Called with images, returns logits."""

    def __call__(self, image: Tensor) -> Tensor:
        return encoder.run(self, image)

    def read(self, name: str, x: Tensor) -> Tensor:
        return x

    def linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return torch.nn.functional.linear(x, weight, bias)

    def wide(self, name: str, x: Tensor, to: str) -> Tensor:
        return torch.nn.functional.gelu(self.linear(name, x), approximate="tanh")


class Int8(Plain):
    """Called with images, returns logits; what linear layers read is u8 with its scale."""

    def __init__(self, weights: Mapping[str, Tensor], ranges: Ranges) -> None:
        super().__init__(weights)
        self._scales = {name: scales.activation(span) for name, span in ranges.items()}
        self._halves = {
            name: torch.tensor(scale.zero_point + 0.5) for name, scale in self._scales.items()
        }
        self._packed = {name: self._pack(name) for name in encoder.LINEAR}

    def __call__(self, image: Tensor) -> Tensor:
        return encoder.run(self, image)

    def read(self, name: str, x: Tensor) -> Quantised:
        """Rounds by cutting off what is behind the point: three passes instead of five."""
        to = self._scales[name]
        x = torch.add(self._halves[name], x, alpha=1 / to.scale)
        return x.clamp_(0, scales.U8_MAX).to(torch.uint8), to

    def linear(self, name: str, x: Quantised) -> Tensor:
        return self._product(name, x, (1.0, 0, torch.float32, "none", [], ""))

    def wide(self, name: str, x: Quantised, to: str) -> Quantised:
        scale = self._scales[to]
        stored: Result = (scale.scale, scale.zero_point, torch.uint8, "gelu", [], "tanh")
        return self._product(name, x, stored), scale

    def _pack(self, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        weight, channels = scales.weight(self._weights[f"{name}.weight"].numpy())
        packed = torch.ops.onednn.qlinear_prepack(torch.from_numpy(weight), None)
        zeros = torch.zeros(len(channels), dtype=torch.int64)
        return packed, torch.from_numpy(channels), zeros, self._weights[f"{name}.bias"]

    def _product(self, name: str, x: Quantised, result: Result) -> Tensor:
        """`result`: scale, zero point and type, then what is fused."""
        values, scale = x
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            values, scale.scale, scale.zero_point, *self._packed[name], *result
        )
        return product
