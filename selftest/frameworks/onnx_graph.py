"""A network as an ONNX file: FP32, or INT8 as onnxruntime's quantiser writes it.

That is static QDQ, per channel, u8 activations and s8 weights, without reduce_range
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). On CPUs without
VNNI sums of two products can then saturate, which costs accuracy there but changes no speed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from selftest.frameworks import onnx_format, scales
from selftest.networks import IMAGE, Activation, Kind, Layer, Network

Arrays = Mapping[str, NDArray[np.float32]]
Value = tuple[str, tuple[int, ...]]
SIX = 6.0


class Graph:
    """Nodes and constants so far."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        self.tensors.append(onnx_format.tensor(name, array))
        return name

    def node(
        self, operator: str, inputs: list[str], output: str, **attributes: onnx_format.Attribute
    ) -> str:
        self.nodes.append(onnx_format.node(operator, inputs, output, attributes))
        return output

    def file(self, name: str, given: Value, made: Value) -> bytes:
        """One input and one output, each by its name and the shape of one of a batch."""
        return onnx_format.model(
            name, self.nodes, self.tensors, onnx_format.value(*given), onnx_format.value(*made)
        )


def fp32(network: Network, weights: Arrays) -> bytes:
    graph = Graph()
    for layer in network.layers:
        inputs = [layer.source]
        if layer.kind is Kind.LINEAR:
            inputs = [_flat(graph, layer.source)]
        if layer.shape:
            inputs += [
                graph.constant(name, weights[name])
                for name in (f"{layer.name}.weight", f"{layer.name}.bias")
            ]
        clipped = layer.activation is not Activation.NONE
        result = f"{layer.name}.sum" if clipped else layer.name
        if layer.add:
            product = _operator(graph, layer, inputs, f"{layer.name}.product")
            graph.node("Add", [product, layer.add], result)
        else:
            _operator(graph, layer, inputs, result)
        match layer.activation:
            case Activation.RELU:
                graph.node("Relu", [result], layer.name)
            case Activation.RELU6:
                bounds = [
                    graph.constant(f"{layer.name}.{name}", np.array(end, np.float32))
                    for name, end in (("low", 0), ("high", SIX))
                ]
                graph.node("Clip", [result, *bounds], layer.name)
    return _file(graph, network)


def int8(network: Network, weights: Arrays, ranges: Mapping[str, scales.Range]) -> bytes:
    """Activations need no nodes: 8 bits hold nothing outside the ranges that they have left."""
    graph, last = Graph(), network.layers[-1].name
    quantised = {name: scales.activation(bounds) for name, bounds in ranges.items()}
    read = {IMAGE: activation(graph, IMAGE, quantised[IMAGE])}
    for layer in network.layers:
        inputs = [read[layer.source]]
        if layer.kind is Kind.LINEAR:
            flat = _flat(graph, inputs[0])
            inputs = [activation(graph, flat, quantised[layer.source])]
        if layer.shape:
            inputs += constants(graph, layer.name, weights, quantised[layer.source])
        if layer.kind is Kind.MAX_POOL:
            quantised[layer.name] = quantised[layer.source]
        if layer.add:
            product = _operator(graph, layer, inputs, f"{layer.name}.product")
            scale = scales.activation(scales.added(layer, ranges))
            graph.node("Add", [activation(graph, product, scale), read[layer.add]], layer.name)
        else:
            _operator(graph, layer, inputs, layer.name)
        if layer.name != last:
            read[layer.name] = activation(graph, layer.name, quantised[layer.name])
    return _file(graph, network)


def _file(graph: Graph, network: Network) -> bytes:
    last = network.layers[-1]
    image = (network.channels, network.size, network.size)
    return graph.file(network.name, (IMAGE, image), (last.name, (last.outputs,)))


def _operator(graph: Graph, layer: Layer, inputs: list[str], output: str) -> str:
    window: dict[str, onnx_format.Attribute] = {
        "kernel_shape": [layer.kernel] * 2,
        "strides": [layer.stride] * 2,
        "pads": [layer.padding] * 4,
    }
    match layer.kind:
        case Kind.CONVOLUTION:
            return graph.node("Conv", inputs, output, group=layer.groups, **window)
        case Kind.MAX_POOL:
            return graph.node("MaxPool", inputs, output, **window)
        case Kind.MEAN:
            return graph.node("GlobalAveragePool", inputs, output)
        case Kind.LINEAR:
            return graph.node("Gemm", inputs, output, transB=1)


def _flat(graph: Graph, name: str) -> str:
    """(batch, channels, 1, 1) as (batch, channels)."""
    return graph.node("Flatten", [name], f"{name}.flat")


def activation(graph: Graph, name: str, to: scales.Scale) -> str:
    """Quantises an output; returns what its readers read."""
    parameters = [
        graph.constant(f"{name}.scale", np.array(to.scale, np.float32)),
        graph.constant(f"{name}.zero_point", np.array(to.zero_point, np.uint8)),
    ]
    stored = graph.node("QuantizeLinear", [name, *parameters], f"{name}.u8")
    return graph.node("DequantizeLinear", [stored, *parameters], f"{name}.read")


def constants(graph: Graph, layer: str, weights: Arrays, source: scales.Scale) -> list[str]:
    """A layer's quantised weight and bias."""
    names = [f"{layer}.weight", f"{layer}.bias"]
    weight, steps = scales.weight(weights[names[0]])
    bias, products = scales.bias(weights[names[1]], source, steps)
    for name, array, scale in ((names[0], weight, steps), (names[1], bias, products)):
        parameters = [
            graph.constant(f"{name}.stored", array),
            graph.constant(f"{name}.scale", scale),
            graph.constant(f"{name}.zero_point", np.zeros(len(scale), array.dtype)),
        ]
        graph.node("DequantizeLinear", parameters, name, axis=0)
    return names
