"""Quantised numbers of a network: 8 bits, activations with a zero point, weights per channel.

real = scale * (quantised - zero point), https://arxiv.org/abs/1712.05877
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selftest.networks import Activation, Layer

U8_MAX, S8_MAX = 255, 127

Floats = NDArray[np.float32]
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Of an activation stored as u8; a real zero has an exact value."""

    scale: float
    zero_point: int

    @property
    def bounds(self) -> Range:
        """The real numbers that 0 and 255 stand for."""
        return -self.zero_point * self.scale, (U8_MAX - self.zero_point) * self.scale


def activation(bounds: Range) -> Scale:
    """For numbers between `bounds`, which hold zero."""
    low, high = bounds
    scale = (high - low) / U8_MAX
    return Scale(scale=scale, zero_point=round(-low / scale))


def weight(array: Floats) -> tuple[NDArray[np.int8], Floats]:
    """s8, symmetric, and one scale per output channel."""
    rows = array.reshape(len(array), -1)
    scales = (np.abs(rows).max(1) / S8_MAX).astype(np.float32)
    return (rows / scales[:, None]).round().astype(np.int8).reshape(array.shape), scales


def bias(array: Floats, source: Scale, scales: Floats) -> tuple[NDArray[np.int32], Floats]:
    """s32 with the scales of the products that it is added to."""
    products = scales * np.float32(source.scale)
    return (array / products).round().astype(np.int32), products


def added(layer: Layer, ranges: Mapping[str, Range]) -> Range:
    """What a convolution may give before `layer.add` is added: the sum less what is added.

    An activation hides how low the sum went: then as low as high.
    """
    (low, high), (other_low, other_high) = ranges[layer.name], ranges[layer.add or layer.name]
    highest = high - other_low
    if layer.activation is not Activation.NONE:
        return -highest, highest
    return low - other_high, highest
