"""The reference encoder as an ONNX file: FP32, or INT8 as onnxruntime's quantiser writes it.

Tokens of all images are rows of one matrix, so that a linear layer is a Gemm with its bias. Static
QDQ, per channel, u8 activations and s8 weights, for linear layers alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from selftest import encoder
from selftest.encoder import HEAD, HEADS, PIXELS, TOKENS, WIDTH
from selftest.frameworks import scales
from selftest.frameworks.onnx_graph import Arrays, Graph, activation, constants
from selftest.network import CLASSES, SIZE
from selftest.networks import IMAGE


def fp32(weights: Arrays) -> bytes:
    how = _Fp32(weights)
    return _file(how.graph, encoder.run(how, IMAGE))


def int8(weights: Arrays, ranges: Mapping[str, scales.Range]) -> bytes:
    how = _Int8(weights, ranges)
    return _file(how.graph, encoder.run(how, IMAGE))


def _file(graph: Graph, logits: str) -> bytes:
    return graph.file("encoder", (IMAGE, (1, SIZE, SIZE)), (logits, (CLASSES,)))


class _Plain:
    """What is in FP32 in both precisions. Values are names."""

    def __init__(self, weights: Arrays) -> None:
        self._weights, self.graph = weights, Graph()

    def tokens(self, image: str) -> str:
        return self._shaped(image, (-1, PIXELS))

    def constant(self, name: str) -> str:
        """For the tokens of each image."""
        return self.graph.constant(name, self._weights[name])

    def attend(self, query: str, key: str, value: str) -> str:
        heads = [
            self._heads(name, order)
            for name, order in ((query, (0, 2, 1, 3)), (key, (0, 2, 3, 1)), (value, (0, 2, 1, 3)))
        ]
        scale = self.graph.constant(f"{query}.scale", np.array(HEAD**-0.5, np.float32))
        scores = self.graph.node("MatMul", heads[:2], f"{query}.scores")
        scaled = self.graph.node("Mul", [scores, scale], f"{query}.scaled")
        shares = self.graph.node("Softmax", [scaled], f"{query}.shares")
        mixed = self.graph.node("MatMul", [shares, heads[2]], f"{query}.mixed")
        joined = self.graph.node("Transpose", [mixed], f"{query}.joined", perm=[0, 2, 1, 3])
        return self._shaped(joined, (-1, WIDTH))

    def add(self, one: str, other: str) -> str:
        if other != encoder.POSITIONS:
            return self.graph.node("Add", [one, other], f"{one}.sum")
        images = self._shaped(one, (-1, TOKENS, WIDTH))
        return self._shaped(self.graph.node("Add", [images, other], f"{one}.sum"), (-1, WIDTH))

    def norm(self, name: str, x: str) -> str:
        """Its default for epsilon is encoder.NORM_EPSILON."""
        parts = [f"{name}.gain", f"{name}.shift"]
        constants = [self.graph.constant(part, self._weights[part]) for part in parts]
        return self.graph.node("LayerNormalization", [x, *constants], name)

    def mean(self, x: str) -> str:
        images = self._shaped(x, (-1, TOKENS, WIDTH))
        axis = self.graph.constant(f"{x}.axis", np.array([1], np.int64))
        return self.graph.node("ReduceMean", [images, axis], "mean", keepdims=0)

    def _gelu(self, x: str, to: str) -> str:
        return self.graph.node("Gelu", [x], to, approximate="tanh")

    def _heads(self, name: str, order: tuple[int, ...]) -> str:
        heads = self._shaped(name, (-1, TOKENS, HEADS, HEAD))
        return self.graph.node("Transpose", [heads], f"{name}.heads", perm=order)

    def _shaped(self, name: str, shape: tuple[int, ...]) -> str:
        to = f"{name}.{'x'.join(map(str, shape[1:]))}"
        wanted = self.graph.constant(f"{to}.shape", np.array(shape, np.int64))
        return self.graph.node("Reshape", [name, wanted], to)


class _Fp32(_Plain):
    def read(self, name: str, x: str) -> str:
        return x

    def linear(self, name: str, x: str) -> str:
        parts = [f"{name}.weight", f"{name}.bias"]
        constants = [self.graph.constant(part, self._weights[part]) for part in parts]
        return self.graph.node("Gemm", [x, *constants], name, transB=1)

    def wide(self, name: str, x: str, to: str) -> str:
        return self._gelu(self.linear(name, x), to)


Read = tuple[str, scales.Scale]


class _Int8(_Plain):
    """A Read is a name and its scale, which a bias needs."""

    def __init__(self, weights: Arrays, ranges: Mapping[str, scales.Range]) -> None:
        super().__init__(weights)
        self._scales = {name: scales.activation(bounds) for name, bounds in ranges.items()}

    def read(self, name: str, x: str) -> Read:
        return activation(self.graph, x, self._scales[name]), self._scales[name]

    def linear(self, name: str, x: Read) -> str:
        read, scale = x
        parts = constants(self.graph, name, self._weights, scale)
        return self.graph.node("Gemm", [read, *parts], name, transB=1)

    def wide(self, name: str, x: Read, to: str) -> Read:
        return self.read(to, self._gelu(self.linear(name, x), to))
