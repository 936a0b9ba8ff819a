"""A network as a TensorFlow graph, in FP32 of plain operators, and in INT8 of quantised ones.

https://www.tensorflow.org/api_docs/python/tf/raw_ops: oneDNN runs the quantised ones with signed
weights. Their numbers have no zero point: what is never negative is u8, all else s8, and either
spans what its layer puts out, to both sides of zero where that is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray

from selftest.frameworks import scales
from selftest.networks import IMAGE, Activation, Kind, Layer, Network
from selftest.reference import Ranges
from selftest.weights import Weights

Tensor = Any  # tensorflow has no types
Graph = Callable[[Tensor], Tensor]
"""From images (batch, channels, height, width) to logits; TensorFlow itself computes channels last.
"""

ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    Activation.NONE: tf.identity,
    Activation.RELU: tf.nn.relu,
    Activation.RELU6: tf.nn.relu6,
}
SCALED = "SCALED"
"""Zero is zero, as oneDNN wants it."""

PLAIN = {tf.quint8: tf.uint8, tf.qint8: tf.int8}


def fp32(network: Network, weights: Weights) -> Graph:
    def graph(images: Tensor) -> Tensor:
        outputs = {IMAGE: tf.transpose(images, (0, 2, 3, 1))}
        for layer in network.layers:
            outputs[layer.name] = _real(layer, weights, outputs)
        return outputs[network.layers[-1].name]

    return graph


def _real(layer: Layer, weights: Weights, outputs: Mapping[str, Tensor]) -> Tensor:
    x = outputs[layer.source]
    match layer.kind:
        case Kind.MAX_POOL:
            x, padding = _padded(x, layer)
            return tf.nn.max_pool2d(x, layer.kernel, layer.stride, padding)
        case Kind.MEAN:
            return tf.reduce_mean(x, (1, 2))
    weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
    if layer.kind is Kind.LINEAR:
        return tf.nn.bias_add(tf.matmul(x, weight.T), bias)
    x, padding = _padded(x, layer)
    strides = [1, layer.stride, layer.stride, 1]
    convolve = tf.nn.conv2d if layer.groups == 1 else tf.nn.depthwise_conv2d
    y = convolve(x, weight.transpose(_order(layer)), strides, padding)
    y = tf.nn.bias_add(y, bias)
    return ACTIVATIONS[layer.activation](y + outputs[layer.add] if layer.add else y)


def _padded(x: Tensor, layer: Layer) -> tuple[Tensor, str]:
    """Where there is a stride, TensorFlow's own padding puts fewer zeros in front than behind. (Its
    explicit one ends the process in DepthwiseConv2DNativeShape.) Behind a ReLU, zeros do for a
    maximum too.
    """
    if layer.stride == 1:
        return x, "SAME"
    edge = [layer.padding] * 2
    return tf.pad(x, [[0, 0], edge, edge, [0, 0]]), "VALID"


def _order(layer: Layer) -> tuple[int, ...]:
    """How TensorFlow wants a convolution's weights: rows, columns, inputs, outputs; or where it is
    depthwise rows, columns, channels, 1.
    """
    return (2, 3, 1, 0) if layer.groups == 1 else (2, 3, 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantised:
    """8-bit numbers, and the real one that the highest of them stands for."""

    values: Tensor
    high: float

    @property
    def low(self) -> float:
        return 0.0 if self.values.dtype == tf.quint8 else -self.high

    @property
    def real(self) -> Tensor:
        return tf.raw_ops.Dequantize(
            input=self.values, min_range=self.low, max_range=self.high, mode=SCALED
        )


def int8(network: Network, weights: Weights, ranges: Ranges) -> Graph:
    sizes = network.sizes

    def graph(images: Tensor) -> Tensor:
        image = tf.transpose(images, (0, 2, 3, 1))
        outputs = {IMAGE: _quantised(image, ranges[IMAGE])}
        for layer in network.layers:
            source = outputs[layer.source]
            match layer.kind:
                case Kind.MAX_POOL:
                    outputs[layer.name] = _max_pool(layer, source)
                case Kind.MEAN:
                    outputs[layer.name] = _average(source, sizes[layer.source])
                case Kind.LINEAR:
                    return _linear(layer, weights, source)
                case Kind.CONVOLUTION:
                    outputs[layer.name] = _convolution(layer, weights, ranges, outputs)
        raise NotImplementedError(f"{network.name}: does not end with a linear layer")

    return graph


def _quantised(x: Tensor, bounds: tuple[float, float]) -> Quantised:
    kind, low, high = _span(bounds)
    values = tf.raw_ops.QuantizeV2(input=x, min_range=low, max_range=high, T=kind, mode=SCALED)
    return Quantised(values=values.output, high=high)


def _span(bounds: tuple[float, float]) -> tuple[Any, float, float]:
    """The type for numbers between bounds, and what its lowest and highest stand for."""
    low, high = bounds
    if low == 0.0:
        return tf.quint8, 0.0, high
    high = max(-low, high)
    return tf.qint8, -high, high


def _max_pool(layer: Layer, x: Quantised) -> Quantised:
    values, padding = _padded_values(x, layer)
    pooled = tf.raw_ops.QuantizedMaxPool(
        input=values, min_input=x.low, max_input=x.high, ksize=[1, *[layer.kernel] * 2, 1],
        strides=[1, *[layer.stride] * 2, 1], padding=padding,
    )  # fmt: skip
    return Quantised(values=pooled.output, high=x.high)


def _padded_values(x: Quantised, layer: Layer) -> tuple[Tensor, str]:
    """Zeros are zeros; but to pad TensorFlow wants plain integers."""
    kind = x.values.dtype
    plain, padding = _padded(tf.bitcast(x.values, PLAIN[kind]), layer)
    return tf.bitcast(plain, kind), padding


def _average(x: Quantised, size: int) -> Quantised:
    whole = [1, size, size, 1]
    pooled = tf.raw_ops.QuantizedAvgPool(
        input=x.values, min_input=x.low, max_input=x.high, ksize=whole, strides=whole,
        padding="VALID",
    )  # fmt: skip
    return Quantised(values=tf.squeeze(tf.bitcast(pooled.output, tf.uint8), (1, 2)), high=x.high)


def _linear(layer: Layer, weights: Weights, x: Quantised) -> Tensor:
    """One scale for all outputs: the operator takes no more."""
    weight = weights[f"{layer.name}.weight"]
    high = float(np.abs(weight).max())
    values = (weight.T * np.float32(scales.S8_MAX / high)).round().astype(np.int8)
    return tf.raw_ops.QuantizedMatMulWithBiasAndDequantize(
        a=tf.bitcast(x.values, tf.quint8), b=_constant(values),
        bias=weights[f"{layer.name}.bias"], min_a=x.low, max_a=x.high, min_b=-high, max_b=high,
        min_freezed_output=0.0, max_freezed_output=0.0,  # of no meaning for real results
        Toutput=tf.float32, input_quant_mode=SCALED,
    )  # fmt: skip


def _convolution(
    layer: Layer, weights: Weights, ranges: Ranges, outputs: Mapping[str, Quantised]
) -> Quantised:
    """Fused with its activation; where something is added, with that too if a ReLU follows."""
    x, added = outputs[layer.source], outputs[layer.add] if layer.add else None
    apart = added is not None and layer.activation is Activation.NONE
    bounds = scales.added(layer, ranges) if apart else ranges[layer.name]
    if layer.activation is Activation.NONE:
        bounds = (-max(-bounds[0], bounds[1]), bounds[1])  # such an operator puts out s8 alone
    kind, low, high = _span(bounds)
    if added is not None and not apart and added.values.dtype == tf.qint8:
        high *= scales.U8_MAX / scales.S8_MAX  # oneDNN puts u8 into s8's place: no more than 127
    weight, channels = scales.weight(weights[f"{layer.name}.weight"])
    width = channels * np.float32(scales.S8_MAX)
    values, padding = _padded_values(x, layer)
    arguments = {
        "input": values, "filter": _constant(weight.transpose(_order(layer))),
        "bias": weights[f"{layer.name}.bias"], "min_input": x.low, "max_input": x.high,
        "min_filter": -width, "max_filter": width, "min_freezed_output": low,
        "max_freezed_output": high, "out_type": kind, "strides": [1, *[layer.stride] * 2, 1],
        "padding": padding,
    }  # fmt: skip
    if added is not None and not apart:
        arguments |= {
            "summand": added.values, "min_summand": added.low, "max_summand": added.high,
        }  # fmt: skip
    values = _operator(layer, None if apart else added)(**arguments).output
    result = Quantised(values=values, high=high)
    if added is None or not apart:
        return result
    return _quantised(result.real + added.real, ranges[layer.name])


def _operator(layer: Layer, added: Quantised | None) -> Callable[..., Any]:
    if layer.groups > 1:
        return tf.raw_ops.QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize  # type: ignore[no-any-return,unused-ignore]
    if added is not None and added.values.dtype == tf.qint8:
        return tf.raw_ops.QuantizedConv2DWithBiasSignedSumAndReluAndRequantize  # type: ignore[no-any-return,unused-ignore]
    if added is not None:
        return tf.raw_ops.QuantizedConv2DWithBiasSumAndReluAndRequantize  # type: ignore[no-any-return,unused-ignore]
    if layer.activation is Activation.NONE:
        return tf.raw_ops.QuantizedConv2DWithBiasAndRequantize  # type: ignore[no-any-return,unused-ignore]
    return tf.raw_ops.QuantizedConv2DWithBiasAndReluAndRequantize  # type: ignore[no-any-return,unused-ignore]


def _constant(values: NDArray[np.int8]) -> Tensor:
    return tf.bitcast(tf.constant(np.ascontiguousarray(values)), tf.qint8)
