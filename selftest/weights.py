"""Weights for networks nobody trained: seeded, and with the statistics of trained ones.

He initialisation (https://arxiv.org/abs/1502.01852) keeps activations of order 1 through any depth;
what a residual adds is damped, as a trained block's last BatchNorm would. Otherwise activations
grow without limit, or fall into denormals, which makes FP32 look several times slower than it is.
"""

from __future__ import annotations

from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from selftest.networks import Activation, Layer, Network

Weights = dict[str, NDArray[np.float32]]

SEED = 3
DAMPING = 0.3
"""Standard deviation of what a block adds, where its input has about 1."""

BIAS_DEVIATION = 0.1


def make(network: Network) -> Weights:
    """`<layer>.weight` and `<layer>.bias`; the same numbers wherever numpy runs."""
    random = np.random.Generator(np.random.PCG64(SEED))
    weights: Weights = {}
    for layer in network.layers:
        if layer.shape:
            deviation = _deviation(layer)
            weights[f"{layer.name}.weight"] = random.standard_normal(
                layer.shape, dtype=np.float32
            ) * np.float32(deviation)
            weights[f"{layer.name}.bias"] = random.standard_normal(
                layer.outputs, dtype=np.float32
            ) * np.float32(BIAS_DEVIATION)
    return weights


def _deviation(layer: Layer) -> float:
    """He's sqrt(2 / fan-in): the 2 makes up for what the activation cuts off."""
    gain = sqrt(1 if layer.activation is Activation.NONE else 2) * (DAMPING if layer.add else 1)
    return gain / sqrt(prod(layer.shape[1:]))
