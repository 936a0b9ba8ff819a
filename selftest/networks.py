"""Networks as tables, from which every framework's model is made.

ResNet-50 v1.5 (He et al. 2015, https://arxiv.org/abs/1512.03385; "v1.5" has the stride in the 3x3
convolution) and MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381), for 224x224.
BatchNorm is folded into the convolutions before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

CLASSES = 1000
PIXELS = 224
COLOURS = 3

IMAGE = "image"
"""The name of a network's input as a layer's `source`."""


class Kind(Enum):
    CONVOLUTION = "convolution"
    MAX_POOL = "max_pool"
    MEAN = "mean"
    LINEAR = "linear"


class Activation(Enum):
    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """`source`: the layer read; `add`: the one whose output is added before the activation."""

    name: str
    kind: Kind
    source: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    activation: Activation = Activation.NONE
    add: str | None = None

    @property
    def padding(self) -> int:
        return self.kernel // 2

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weights; empty where there are none. A bias has `outputs` elements."""
        match self.kind:
            case Kind.CONVOLUTION:
                return (self.outputs, self.inputs // self.groups, self.kernel, self.kernel)
            case Kind.LINEAR:
                return (self.outputs, self.inputs)
            case _:
                return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """Layers in the order they run; the last one's output is the network's.

    Input: (batch, channels, size, size) float32. `MEAN` averages each channel: (batch, channels).
    """

    name: str
    channels: int
    size: int
    layers: tuple[Layer, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """Pixels per side of every layer's output, and of the image."""
        sizes = {IMAGE: self.size}
        for layer in self.layers:
            flat = layer.kind in (Kind.MEAN, Kind.LINEAR)
            reach = sizes[layer.source] + 2 * layer.padding - layer.kernel
            sizes[layer.name] = 1 if flat else reach // layer.stride + 1
        return sizes

    @property
    def spent(self) -> tuple[tuple[str, ...], ...]:
        """For every layer, the outputs (and the image) that nothing reads once it has run."""
        last: dict[str, int] = {}
        for place, layer in enumerate(self.layers):
            for read in filter(None, (layer.source, layer.add)):
                last[read] = place
        return tuple(
            tuple(name for name, end in last.items() if end == place)
            for place in range(len(self.layers))
        )

    @property
    def gop(self) -> float:
        """10^9 operations per image: two per multiply-add of convolutions and linear layers."""
        sizes, total = self.sizes, 0
        for layer in self.layers:
            if layer.shape:
                rows, *rest = layer.shape
                for length in rest:
                    rows *= length
                total += 2 * rows * sizes[layer.name] ** 2
        return total / 1e9


def _convolution(
    name: str,
    source: str,
    width: tuple[int, int],
    activation: Activation,
    *,
    kernel: int = 1,
    stride: int = 1,
    depthwise: bool = False,
    add: str | None = None,
) -> Layer:
    return Layer(
        name=name,
        kind=Kind.CONVOLUTION,
        source=source,
        inputs=width[0],
        outputs=width[1],
        kernel=kernel,
        stride=stride,
        groups=width[0] if depthwise else 1,
        activation=activation,
        add=add,
    )


def _head(source: str, width: int) -> tuple[Layer, Layer]:
    """Global average pool and linear layer."""
    return (
        Layer(name="pooled", kind=Kind.MEAN, source=source, inputs=width, outputs=width),
        Layer(name="classify", kind=Kind.LINEAR, source="pooled", inputs=width, outputs=CLASSES),
    )


def _bottleneck(name: str, source: str, inputs: int, width: int, stride: int) -> Iterable[Layer]:
    """1x1, 3x3, 1x1 with four times the width, and the shortcut, a 1x1 where shapes differ."""
    relu, outputs, shortcut = Activation.RELU, 4 * width, source
    if inputs != outputs:
        shortcut = f"{name}.shortcut"
        yield _convolution(shortcut, source, (inputs, outputs), Activation.NONE, stride=stride)
    yield _convolution(f"{name}.reduce", source, (inputs, width), relu)
    middle = (width, width)
    yield _convolution(f"{name}.conv", f"{name}.reduce", middle, relu, kernel=3, stride=stride)
    yield _convolution(name, f"{name}.conv", (width, outputs), relu, add=shortcut)


def _resnet50() -> Network:
    stem = _convolution("stem", IMAGE, (COLOURS, 64), Activation.RELU, kernel=7, stride=2)
    pool = Layer(
        name="pool", kind=Kind.MAX_POOL, source="stem", inputs=64, outputs=64, kernel=3, stride=2
    )
    layers, source, inputs = [stem, pool], "pool", 64
    for stage, (blocks, width, stride) in enumerate(
        ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)), start=1
    ):
        for block in range(1, blocks + 1):
            name = f"stage{stage}.block{block}"
            layers += _bottleneck(name, source, inputs, width, stride if block == 1 else 1)
            source, inputs = name, 4 * width
    layers += _head(source, inputs)
    return Network(name="resnet50", channels=COLOURS, size=PIXELS, layers=tuple(layers))


def _inverted(
    name: str, source: str, width: tuple[int, int], expansion: int, stride: int
) -> Iterable[Layer]:
    """1x1 to `expansion` times the width, 3x3 depthwise, 1x1 back, added to what it read."""
    relu6, (inputs, outputs) = Activation.RELU6, width
    wide, read = inputs * expansion, source
    if expansion != 1:
        source = f"{name}.expand"
        yield _convolution(source, read, (inputs, wide), relu6)
    depthwise, middle = f"{name}.depthwise", (wide, wide)
    yield _convolution(depthwise, source, middle, relu6, kernel=3, stride=stride, depthwise=True)
    add = read if stride == 1 and inputs == outputs else None
    yield _convolution(name, depthwise, (wide, outputs), Activation.NONE, add=add)


def _mobilenet_v2() -> Network:
    layers = [_convolution("stem", IMAGE, (COLOURS, 32), Activation.RELU6, kernel=3, stride=2)]
    source, inputs = "stem", 32
    for stage, (expansion, outputs, blocks, stride) in enumerate(
        (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ),
        start=1,
    ):
        for block in range(1, blocks + 1):
            name, first = f"stage{stage}.block{block}", block == 1
            layers += _inverted(name, source, (inputs, outputs), expansion, stride if first else 1)
            source, inputs = name, outputs
    layers.append(_convolution("last", source, (inputs, 1280), Activation.RELU6))
    layers += _head("last", 1280)
    return Network(name="mobilenet_v2", channels=COLOURS, size=PIXELS, layers=tuple(layers))


RESNET50 = _resnet50()
MOBILENET_V2 = _mobilenet_v2()
NETWORKS = (RESNET50, MOBILENET_V2)
