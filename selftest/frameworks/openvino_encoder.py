"""The reference encoder as an OpenVINO model: FP32, or INT8 with FakeQuantize where NNCF puts it.

That is, for a transformer, on what linear layers read, and on weights per channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import openvino  # type: ignore[import-untyped,unused-ignore]
from openvino import opset13 as ops

from selftest import encoder
from selftest.encoder import HEAD, HEADS, NORM_EPSILON, PIXELS, TOKENS, WIDTH
from selftest.frameworks import scales
from selftest.frameworks.openvino_graph import Arrays, Node, quantised, stored
from selftest.network import SIZE
from selftest.networks import IMAGE


def fp32(weights: Arrays) -> openvino.Model:
    return _model(_Fp32(weights))


def int8(weights: Arrays, ranges: Mapping[str, scales.Range]) -> openvino.Model:
    return _model(_Int8(weights, ranges))


def _model(how: _Fp32) -> openvino.Model:
    shape = openvino.PartialShape([-1, 1, SIZE, SIZE])
    image = ops.parameter(shape, np.float32, name=IMAGE)
    return openvino.Model([encoder.run(how, image)], [image], "encoder")


class _Fp32:
    def __init__(self, weights: Arrays) -> None:
        self._weights = weights

    def tokens(self, image: Node) -> Node:
        return ops.reshape(image, [-1, TOKENS, PIXELS], special_zero=False)

    def constant(self, name: str) -> Node:
        return ops.constant(self._weights[name])

    def read(self, name: str, x: Node) -> Node:
        return x

    def linear(self, name: str, x: Node) -> Node:
        product = ops.matmul(x, self._weight(f"{name}.weight"), False, True)
        return ops.add(product, self._weights[f"{name}.bias"][None])

    def wide(self, name: str, x: Node, to: str) -> Node:
        return self.read(to, ops.gelu(self.linear(name, x), "tanh"))

    def attend(self, query: Node, key: Node, value: Node) -> Node:
        heads = [
            ops.transpose(
                ops.reshape(one, [-1, TOKENS, HEADS, HEAD], special_zero=False), [0, 2, 1, 3]
            )
            for one in (query, key, value)
        ]
        scores = ops.multiply(ops.matmul(*heads[:2], False, True), np.float32(HEAD**-0.5))
        mixed = ops.matmul(ops.softmax(scores, 3), heads[2], False, False)
        joined = ops.transpose(mixed, [0, 2, 1, 3])
        return ops.reshape(joined, [-1, TOKENS, WIDTH], special_zero=False)

    def add(self, one: Node, other: Node) -> Node:
        return ops.add(one, other)

    def norm(self, name: str, x: Node) -> Node:
        """By means of squares, which is as fast: of the usual form OpenVINO 2026.4.1 makes an MVN,
        whose kernel fails ('bad combination') where ONEDNN_MAX_CPU_ISA hides AVX from it.
        """
        mean = ops.reduce_mean(x, [2], keep_dims=True)
        squares = ops.reduce_mean(ops.multiply(x, x), [2], keep_dims=True)
        variance = ops.subtract(squares, ops.multiply(mean, mean))
        inverse = ops.power(ops.add(variance, np.float32(NORM_EPSILON)), np.float32(-0.5))
        scaled = ops.multiply(inverse, self._weights[f"{name}.gain"][None, None])
        shift = self._weights[f"{name}.shift"][None, None]
        return ops.add(ops.multiply(ops.subtract(x, mean), scaled), shift)

    def mean(self, x: Node) -> Node:
        return ops.reduce_mean(x, [1], keep_dims=False)

    def _weight(self, name: str) -> Node:
        return ops.constant(self._weights[name])


class _Int8(_Fp32):
    def __init__(self, weights: Arrays, ranges: Mapping[str, scales.Range]) -> None:
        super().__init__(weights)
        self._ranges = ranges

    def read(self, name: str, x: Node) -> Node:
        return quantised(x, self._ranges[name])

    def _weight(self, name: str) -> Node:
        return stored(self._weights[name])
