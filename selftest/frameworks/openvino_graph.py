"""A network as an OpenVINO model: FP32, or INT8 with FakeQuantize where NNCF puts it.

That is on what convolutions, additions and linear layers read, and on weights per channel, with the
preset 'mixed': asymmetric activations (the other one is as fast)
(https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training/basic-quantization-flow.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import openvino  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray
from openvino import opset13 as ops

from selftest.frameworks import scales
from selftest.networks import IMAGE, Activation, Kind, Layer, Network

Arrays = Mapping[str, NDArray[np.float32]]
Node: TypeAlias = openvino.Node
SIX = 6.0


def fp32(network: Network, weights: Arrays) -> openvino.Model:
    image = _image(network)
    made: dict[str, Node] = {IMAGE: image}
    for layer in network.layers:
        weight = _constant(layer, weights) if layer.shape else None
        result = _operator(layer, made[layer.source], weight, weights)
        if layer.add:
            result = ops.add(result, made[layer.add])
        made[layer.name] = _activated(layer, result)
    return openvino.Model([made[network.layers[-1].name]], [image], network.name)


def int8(network: Network, weights: Arrays, ranges: Mapping[str, scales.Range]) -> openvino.Model:
    image = _image(network)
    made: dict[str, Node] = {IMAGE: quantised(image, ranges[IMAGE])}
    last = network.layers[-1].name
    for layer in network.layers:
        weight = None
        if layer.shape:
            weight = stored(weights[f"{layer.name}.weight"], groups=layer.groups)
        result = _operator(layer, made[layer.source], weight, weights)
        if layer.add:
            result = ops.add(quantised(result, scales.added(layer, ranges)), made[layer.add])
        result = _activated(layer, result)
        if layer.kind is not Kind.MAX_POOL and layer.name != last:
            result = quantised(result, ranges[layer.name])
        made[layer.name] = result
    return openvino.Model([made[last]], [image], network.name)


def _image(network: Network) -> Node:
    shape = openvino.PartialShape([-1, network.channels, network.size, network.size])
    return ops.parameter(shape, np.float32, name=IMAGE)


def _operator(layer: Layer, source: Node, weight: Node | None, weights: Arrays) -> Node:
    """The layer without what it adds and without its activation."""
    strides, padding = [layer.stride] * 2, [layer.padding] * 2
    match layer.kind:
        case Kind.MAX_POOL:
            return ops.max_pool(
                source, strides, [1, 1], padding, padding, [layer.kernel] * 2
            ).output(0)
        case Kind.MEAN:
            return ops.reduce_mean(source, [2, 3], keep_dims=False)
        case Kind.LINEAR:
            bias = weights[f"{layer.name}.bias"][None]
            product = ops.matmul(source, weight, False, True)
            return ops.add(product, bias)
        case Kind.CONVOLUTION:
            bias = weights[f"{layer.name}.bias"][None, :, None, None]
            window = (strides, padding, padding, [1, 1])
            if layer.groups == 1:
                return ops.add(ops.convolution(source, weight, *window), bias)
            return ops.add(ops.group_convolution(source, weight, *window), bias)


def _activated(layer: Layer, x: Node) -> Node:
    match layer.activation:
        case Activation.NONE:
            return x
        case Activation.RELU:
            return ops.relu(x)
        case Activation.RELU6:
            return ops.clamp(x, 0.0, SIX)


def quantised(x: Node, bounds: scales.Range) -> Node:
    low, high = (np.float32(end) for end in scales.activation(bounds).bounds)
    return ops.fake_quantize(x, low, high, low, high, scales.U8_MAX + 1)


def _shape(layer: Layer) -> tuple[int, ...]:
    """Of the weights; those of a GroupConvolution name the groups first."""
    if layer.groups == 1:
        return layer.shape
    return (layer.groups, layer.outputs // layer.groups, *layer.shape[1:])


def _constant(layer: Layer, weights: Arrays) -> Node:
    return ops.constant(weights[f"{layer.name}.weight"].reshape(_shape(layer)))


def stored(array: NDArray[np.float32], *, groups: int = 1) -> Node:
    """Weights as s8 and scales, as NNCF saves what it has quantised."""
    weight, steps = scales.weight(array)
    outer = (len(array),) if groups == 1 else (groups, len(array) // groups)
    steps = steps.reshape(*outer, *[1] * (array.ndim - 1))
    values = ops.constant(weight.reshape(*outer, *array.shape[1:]))
    return ops.multiply(ops.convert(values, "f32"), steps)
