"""A network becomes the OpenVINO graph that NNCF would have made; OpenVINO itself is a recorder."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from selftest.frameworks import scales
from tests.unit.tiny_network import RANGES, RESIDUAL, TINY, weights


@dataclass(frozen=True, slots=True)
class Node:
    operator: str
    inputs: tuple[Any, ...]

    def output(self, _: int) -> Node:
        return self

    def story(self) -> str:
        """What it reads first, down to the image."""
        first = self.inputs[0]
        return f"{first.story()} {self.operator}" if isinstance(first, Node) else self.operator

    def down_to(self, operator: str) -> Node:
        """The nearest such operator on the way."""
        node = self
        while node.operator != operator:
            node = node.inputs[0]
        return node


class Operators(ModuleType):
    def __getattr__(self, operator: str) -> Callable[..., Node]:
        return lambda *inputs, **_: Node(operator, inputs)


def _model(results: list[Node], parameters: list[Node], name: str) -> Node:
    assert (name, [one.operator for one in parameters]) == ("tiny", ["parameter"])
    (result,) = results
    return result


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    openvino = SimpleNamespace(
        Node=Node, Model=_model, PartialShape=tuple, opset13=Operators("opset13")
    )
    monkeypatch.setitem(sys.modules, "openvino", openvino)
    name = "selftest.frameworks.openvino_graph"
    yield importlib.import_module(name)
    del sys.modules[name]


def test_fp32_is_the_layers_in_order(graph: Any) -> None:
    assert graph.fp32(TINY, weights()).story().split() == [
        "parameter",
        *("convolution", "add", "relu"),
        "max_pool",
        *("group_convolution", "add", "clamp"),
        *("convolution", "add", "add"),
        "reduce_mean",
        *("matmul", "add"),
    ]


def test_int8_quantises_what_convolutions_additions_and_linear_layers_read(graph: Any) -> None:
    last = graph.int8(TINY, weights(), RANGES)
    assert last.story().split() == [
        *("parameter", "fake_quantize"),
        *("convolution", "add", "relu", "fake_quantize"),
        "max_pool",
        *("group_convolution", "add", "clamp", "fake_quantize"),
        *("convolution", "add", "fake_quantize", "add", "fake_quantize"),
        *("reduce_mean", "fake_quantize"),
        *("matmul", "add"),
    ]
    added = last.down_to("reduce_mean").inputs[0].inputs[0]
    assert [one.operator for one in added.inputs] == ["fake_quantize", "max_pool"]


def test_a_quantiser_spans_its_range_with_an_exact_zero_in_256_steps(graph: Any) -> None:
    def bounds(node: Node) -> tuple[float, ...]:
        return tuple(map(float, node.inputs[1:]))

    last = graph.int8(TINY, weights(), RANGES)
    average = last.down_to("fake_quantize")
    total = average.inputs[0].down_to("fake_quantize")
    product = total.inputs[0].inputs[0]
    for node, given in (
        (average, RANGES["mean"]),
        (total, RANGES["residual"]),
        (product, scales.added(RESIDUAL, RANGES)),
    ):
        expected = scales.activation(given).bounds
        assert bounds(node) == pytest.approx((*expected, *expected, 256))


def test_weights_are_s8_and_scales_per_channel_with_groups_first(graph: Any) -> None:
    product = graph.int8(TINY, weights(), RANGES).down_to("group_convolution")
    multiply = product.inputs[1]
    stored, steps = multiply.down_to("constant").inputs[0], multiply.inputs[1]
    assert multiply.story() == "constant convert multiply"
    assert (stored.dtype, stored.shape) == (np.int8, (2, 1, 1, 3, 3))
    assert steps.shape == (2, 1, 1, 1, 1)
    assert steps.ravel().tolist() == pytest.approx([9 / 127, 18 / 127])


def test_a_linear_layer_has_a_scale_per_row(graph: Any) -> None:
    product = graph.int8(TINY, weights(), RANGES).down_to("matmul")
    stored, steps = product.inputs[1].down_to("constant").inputs[0], product.inputs[1].inputs[1]
    assert (stored.shape, steps.shape) == ((3, 2), (3, 1))


def test_a_layer_has_its_geometry(graph: Any) -> None:
    last = graph.fp32(TINY, weights())
    stem = last.down_to("relu").down_to("convolution")
    assert stem.inputs[2:] == ([2, 2], [1, 1], [1, 1], [1, 1])
    assert last.down_to("max_pool").inputs[1:] == ([1, 1], [1, 1], [1, 1], [1, 1], [3, 3])
    assert last.down_to("reduce_mean").inputs[1:] == ([2, 3],)
    assert last.down_to("clamp").inputs[1:] == (0.0, 6.0)
    assert last.down_to("matmul").inputs[2:] == (False, True)
