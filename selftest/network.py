"""The reference network that the proof runs, trained on handwritten digits.

Input: (batch, 1, 8, 8) float32 in 0..1. Output: (batch, 10) logits. Every convolution has 64
outputs, keeps the image size and is followed by ReLU. BatchNorm exists in training only.

None has a stride: OpenVINO moves that of a 1x1 convolution forward to the layers before it, but
only in FP32, which then does a quarter of the work and makes INT8 look slow.
"""

from __future__ import annotations

from collections import Counter

from selftest.networks import IMAGE, Activation, Kind, Layer, Network

CLASSES = 10
PIXEL_MAX = 16
SIZE = 8
WIDTH = 64
LINEAR = "classify"


def _convolution(
    name: str, source: str, kernel: int, *, groups: int = 1, add: str | None = None
) -> Layer:
    return Layer(
        name=name,
        kind=Kind.CONVOLUTION,
        source=source,
        inputs=1 if source == IMAGE else WIDTH,
        outputs=WIDTH,
        kernel=kernel,
        groups=groups,
        activation=Activation.RELU,
        add=add,
    )


CONVOLUTIONS = (
    _convolution("stem", IMAGE, 3),
    _convolution("depthwise", "stem", 3, groups=WIDTH),
    _convolution("pointwise", "depthwise", 1),
    _convolution("dense", "pointwise", 3, add="stem"),
    _convolution("mix", "dense", 1),
)
DIGITS = Network(
    name="digits",
    channels=1,
    size=SIZE,
    layers=(
        *CONVOLUTIONS,
        Layer(name="pooled", kind=Kind.MEAN, source="mix", inputs=WIDTH, outputs=WIDTH),
        Layer(name=LINEAR, kind=Kind.LINEAR, source="pooled", inputs=WIDTH, outputs=CLASSES),
    ),
)

OPERATORS = Counter(convolution=len(CONVOLUTIONS), linear=1)
"""How often one inference runs each kind."""
