"""A network becomes the ONNX graph that onnxruntime's quantiser would have written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selftest.frameworks import onnx_graph
from selftest.networks import Activation
from tests.unit.onnx_reader import Node, read
from tests.unit.tiny_network import ADDED_AND_CUT, RANGES, TINY, weights

INT8 = read(onnx_graph.int8(TINY, weights(), RANGES))
FP32 = read(onnx_graph.fp32(TINY, weights()))
READ, STORE = "DequantizeLinear", "QuantizeLinear"


def test_fp32_is_the_layers_in_order() -> None:
    assert FP32.operators() == [
        *("Conv", "Relu"),
        "MaxPool",
        *("Conv", "Clip"),
        *("Conv", "Add"),
        "GlobalAveragePool",
        *("Flatten", "Gemm"),
    ]
    assert set(FP32.tensors) == {"depthwise.low", "depthwise.high", *weights()}


def test_a_convolution_has_its_geometry() -> None:
    assert FP32.maker("depthwise.sum") == Node(
        operator="Conv",
        inputs=("pool", "depthwise.weight", "depthwise.bias"),
        output="depthwise.sum",
        attributes={"group": 2, "kernel_shape": (3, 3), "strides": (1, 1), "pads": (1, 1, 1, 1)},
    )


def test_relu6_clips_at_zero_and_six() -> None:
    clip = FP32.maker("depthwise")
    assert clip.inputs == ("depthwise.sum", "depthwise.low", "depthwise.high")
    assert [FP32.tensors[name].item() for name in clip.inputs[1:]] == [0, 6]


def test_a_linear_layer_multiplies_with_the_rows_of_its_weight() -> None:
    assert FP32.maker("linear") == Node(
        operator="Gemm",
        inputs=("mean.flat", "linear.weight", "linear.bias"),
        output="linear",
        attributes={"transB": 1},
    )


def test_a_residual_is_added_before_the_activation() -> None:
    cut = replace(TINY, layers=(*TINY.layers[:3], ADDED_AND_CUT, *TINY.layers[4:]))
    graph = read(onnx_graph.fp32(cut, weights()))
    assert graph.maker("residual").operator == "Relu"
    assert graph.maker("residual.sum").inputs == ("residual.product", "pool")


def test_int8_has_no_activation_left() -> None:
    assert not {"Relu", "Clip"} & set(INT8.operators())


def test_every_operator_reads_and_writes_8_bits_so_that_onnxruntime_fuses_it() -> None:
    makers = {node.output: node.operator for node in INT8.nodes}
    for node in INT8.nodes:
        if node.operator in (READ, STORE):
            continue
        readers = {other.operator for other in INT8.nodes if node.output in other.inputs}
        assert {makers[name] for name in node.inputs} == {READ}, node
        assert readers == (set() if node.output == "linear" else {STORE}), node


def test_weights_are_s8_per_channel_and_biases_s32_of_their_products() -> None:
    stem = RANGES["stem"][1] / 255  # a maximum keeps the scale of what it reads
    weight, bias = (INT8.maker(f"depthwise.{kind}") for kind in ("weight", "bias"))
    assert (weight.operator, weight.attributes) == (READ, {"axis": 0})
    stored, steps, zero = (INT8.tensors[name] for name in weight.inputs)
    assert (stored.dtype, stored.shape, steps.shape, zero.tolist()) == (
        np.int8,
        (2, 1, 3, 3),
        (2,),
        [0, 0],
    )
    stored, products, zero = (INT8.tensors[name] for name in bias.inputs)
    assert (stored.dtype, zero.dtype) == (np.int32, np.int32)
    assert products.tolist() == pytest.approx([stem * 9 / 127, stem * 18 / 127])


def test_a_flattened_average_keeps_its_scale() -> None:
    names = ("mean.scale", "mean.read.flat.scale")
    before, after = (float(INT8.tensors[name].item()) for name in names)
    assert before == after == pytest.approx((0.775 + 0.5) / 255)


def test_the_last_layer_gives_real_numbers() -> None:
    assert INT8.maker("linear").operator == "Gemm"
    assert all("linear" not in node.inputs for node in INT8.nodes)


def test_relu6_ends_where_the_range_does() -> None:
    assert TINY.layers[2].activation is Activation.RELU6
    assert INT8.reader("depthwise").operator == STORE
    assert INT8.tensors["depthwise.scale"].item() == pytest.approx(5.1 / 255)
    assert INT8.tensors["depthwise.zero_point"].item() == 0
