"""The reference network: one table, from which every framework's model is made.

Input: (batch, 1, 8, 8) float32 in 0..1. Output: (batch, 10) logits. Every convolution has 64
outputs, keeps the image size and is followed by ReLU. BatchNorm exists in training only.

None has a stride: OpenVINO moves that of a 1x1 convolution forward to the layers before it, but
only in FP32, which then does a quarter of the work and makes INT8 look slow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

CLASSES = 10
PIXEL_MAX = 16
WIDTH = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolution:
    """A convolution with ReLU; `add` names the earlier layer whose output is added before it."""

    name: str
    inputs: int
    kernel: int
    groups: int = 1
    add: str | None = None

    @property
    def padding(self) -> int:
        return self.kernel // 2

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (WIDTH, self.inputs // self.groups, self.kernel, self.kernel)


CONVOLUTIONS = (
    Convolution(name="stem", inputs=1, kernel=3),
    Convolution(name="depthwise", inputs=WIDTH, kernel=3, groups=WIDTH),
    Convolution(name="pointwise", inputs=WIDTH, kernel=1),
    Convolution(name="dense", inputs=WIDTH, kernel=3, add="stem"),
    Convolution(name="mix", inputs=WIDTH, kernel=1),
)
"""In order; then comes the global average pool and the linear layer."""

LINEAR = "classify"

OPERATORS = Counter(convolution=len(CONVOLUTIONS), linear=1)
"""How often one inference runs each operator kind that INT8 is about."""
