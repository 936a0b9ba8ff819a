"""A network with everything that the benchmark's networks have, too small to be slow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from selftest.networks import IMAGE, Activation, Kind, Layer, Network

STEM = Layer(
    name="stem",
    kind=Kind.CONVOLUTION,
    source=IMAGE,
    inputs=1,
    outputs=2,
    kernel=3,
    stride=2,
    activation=Activation.RELU,
)
POOL = Layer(name="pool", kind=Kind.MAX_POOL, source="stem", inputs=2, outputs=2, kernel=3)
DEPTHWISE = Layer(
    name="depthwise",
    kind=Kind.CONVOLUTION,
    source="pool",
    inputs=2,
    outputs=2,
    kernel=3,
    groups=2,
    activation=Activation.RELU6,
)
RESIDUAL = Layer(
    name="residual", kind=Kind.CONVOLUTION, source="depthwise", inputs=2, outputs=2, add="pool"
)
MEAN = Layer(name="mean", kind=Kind.MEAN, source="residual", inputs=2, outputs=2)
LINEAR = Layer(name="linear", kind=Kind.LINEAR, source="mean", inputs=2, outputs=3)

TINY = Network(
    name="tiny", channels=1, size=8, layers=(STEM, POOL, DEPTHWISE, RESIDUAL, MEAN, LINEAR)
)
ADDED_AND_CUT = replace(RESIDUAL, activation=Activation.RELU)

RANGES = {
    IMAGE: (-1.0, 1.0),
    "stem": (0.0, 2.55),
    "pool": (0.0, 2.5),
    "depthwise": (0.0, 5.1),
    "residual": (-2.0, 3.1),
    "mean": (-0.5, 0.775),
    "linear": (-1.0, 1.0),
}


def weights() -> dict[str, NDArray[np.float32]]:
    """1, 2, 3 … in every weight, halves in every bias."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for layer in TINY.layers:
        if layer.shape:
            count = int(np.prod(layer.shape))
            arrays[f"{layer.name}.weight"] = np.arange(1, count + 1, dtype=np.float32).reshape(
                layer.shape
            )
            arrays[f"{layer.name}.bias"] = np.full(layer.outputs, 0.5, np.float32)
    return arrays
