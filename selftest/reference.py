"""What a network computes, in numpy: slow, plain, and what every framework is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from selftest.networks import IMAGE, Activation, Kind, Layer, Network

Array = NDArray[np.float32]
Ranges = Mapping[str, tuple[float, float]]
"""The lowest and highest value of every layer's output, 0 between them."""

SIX = np.float32(6)


def run(network: Network, weights: Mapping[str, Array], batch: Array) -> dict[str, Array]:
    """Every layer's output by name, and the batch as "image"; (batch, channels, height, width)."""
    outputs = {IMAGE: batch}
    for layer in network.layers:
        outputs[layer.name] = _output(layer, weights, outputs)
    return outputs


def ranges(outputs: Mapping[str, Array]) -> Ranges:
    """What an activation quantised to unsigned 8 bits must span."""
    return {
        name: (min(0.0, float(output.min())), max(0.0, float(output.max())))
        for name, output in outputs.items()
    }


def error(logits: Array, reference: Array) -> float:
    """The largest difference, relative to the largest logit; NaN where a logit is."""
    return float(np.abs(logits - reference).max() / np.abs(reference).max())


def _output(layer: Layer, weights: Mapping[str, Array], outputs: Mapping[str, Array]) -> Array:
    x = outputs[layer.source]
    match layer.kind:
        case Kind.MEAN:
            averages: Array = x.mean((2, 3))
            return averages
        case Kind.MAX_POOL:
            maxima: Array = _windows(layer, x, -np.inf).max((-2, -1))
            return maxima
        case Kind.LINEAR:
            return x @ weights[f"{layer.name}.weight"].T + weights[f"{layer.name}.bias"]
        case Kind.CONVOLUTION:
            y = _convolved(layer, x, weights[f"{layer.name}.weight"])
            y += weights[f"{layer.name}.bias"][:, None, None]
            return _activated(layer, y + outputs[layer.add] if layer.add else y)


def _windows(layer: Layer, x: Array, padding: float) -> Array:
    """(batch, channels, height, width, kernel, kernel): what each output pixel reads, a view."""
    edge = (layer.padding, layer.padding)
    x = np.pad(x, ((0, 0), (0, 0), edge, edge), constant_values=np.float32(padding))
    windows: Array = sliding_window_view(x, (layer.kernel, layer.kernel), axis=(2, 3))
    return windows[:, :, :: layer.stride, :: layer.stride]


def _convolved(layer: Layer, x: Array, weight: Array) -> Array:
    windows = _windows(layer, x, 0.0)
    if layer.groups == 1:
        read = (1, 4, 5)  # channels, kernel rows, kernel columns
        return np.moveaxis(np.tensordot(weight, windows, ((1, 2, 3), read)), 0, 1)
    if layer.groups != layer.inputs or layer.groups != layer.outputs:
        raise NotImplementedError(f"{layer.name}: groups of more than one channel")
    y = np.zeros(windows.shape[:4], np.float32)
    for row, column in np.ndindex(layer.kernel, layer.kernel):
        y += windows[..., row, column] * weight[:, 0, row, column, None, None]
    return y


def _activated(layer: Layer, y: Array) -> Array:
    match layer.activation:
        case Activation.NONE:
            return y
        case Activation.RELU:
            return np.maximum(y, 0)
        case Activation.RELU6:
            return np.clip(y, 0, SIX)
