"""The reference network as ONNX: FP32, and INT8 by onnxruntime's static QDQ quantiser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from selftest.network import CLASSES, CONVOLUTIONS, LINEAR
from selftest.networks import Layer

OPSET = 17
IR_VERSION = 8
BATCH = "batch"

Weights = dict[str, NDArray[np.float32]]


def fp32(weights: Weights, *, half_storage: bool) -> onnx.ModelProto:
    """`half_storage` keeps weights as float16 behind a Cast that every runtime folds away."""
    nodes: list[onnx.NodeProto] = []
    value = "image"
    for layer in CONVOLUTIONS:
        nodes += _convolution(layer, value)
        value = layer.name
    nodes += [
        helper.make_node("GlobalAveragePool", [value], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["features"], "flatten", axis=1),
        helper.make_node(
            "Gemm", ["features", f"{LINEAR}.weight", f"{LINEAR}.bias"], ["logits"], LINEAR, transB=1
        ),
    ]
    stored = [
        numpy_helper.from_array(
            array.astype(np.float16) if half_storage else array, _stored(name, half_storage)
        )
        for name, array in weights.items()
    ]
    casts = [
        helper.make_node(
            "Cast", [_stored(name, True)], [name], f"cast.{name}", to=TensorProto.FLOAT
        )
        for name in weights
        if half_storage
    ]
    graph = helper.make_graph(
        casts + nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [BATCH, 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [BATCH, CLASSES])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    model.producer_name = "inferpack"
    onnx.checker.check_model(model, full_check=True)
    return model


def _stored(name: str, half: bool) -> str:
    return f"{name}.f16" if half else name


def _convolution(layer: Layer, value: str) -> list[onnx.NodeProto]:
    summed = f"{layer.name}.sum" if layer.add else f"{layer.name}.convolved"
    nodes = [
        helper.make_node(
            "Conv",
            [value, f"{layer.name}.weight", f"{layer.name}.bias"],
            [f"{layer.name}.convolved"],
            layer.name,
            kernel_shape=[layer.kernel] * 2,
            pads=[layer.padding] * 4,
            group=layer.groups,
        )
    ]
    if layer.add:
        nodes.append(
            helper.make_node(
                "Add", [f"{layer.name}.convolved", layer.add], [summed], f"{layer.name}.add"
            )
        )
    return [*nodes, helper.make_node("Relu", [summed], [layer.name], f"{layer.name}.relu")]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: NDArray[np.float32]) -> None:
        self._batches: Iterator[dict[str, NDArray[np.float32]]] = iter([{"image": images}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def int8(weights: Weights, calibration: NDArray[np.float32]) -> onnx.ModelProto:
    """Static QDQ, per channel, S8 weights, U8 activations: MLAS has fast U8S8 kernels for every
    x86 and Arm level. Weights keep 7 bits (reduce_range), because the AVX2 and AVX-512 kernels
    without VNNI add pairs of products in 16 bits, which 8-bit weights would saturate.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        onnx.save(fp32(weights, half_storage=False), source)
        quantize_static(
            source,
            target,
            _Calibration(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(target)
