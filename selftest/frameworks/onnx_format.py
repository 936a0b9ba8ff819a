"""ONNX files, written by hand: the image holds no `onnx`.

Field and type numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 9
OPSET = 20
BATCH = "batch"
"""The name of the dimension that every batch may choose."""

Attribute = int | str | Sequence[int]


class ElementType(IntEnum):
    """TensorProto.DataType"""

    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    INT32 = 6
    INT64 = 7


ELEMENT_TYPES = {
    np.dtype(np.float32): ElementType.FLOAT,
    np.dtype(np.uint8): ElementType.UINT8,
    np.dtype(np.int8): ElementType.INT8,
    np.dtype(np.int32): ElementType.INT32,
    np.dtype(np.int64): ElementType.INT64,
}


class Wire(IntEnum):
    VARINT = 0
    LENGTH = 2


class AttributeType(IntEnum):
    """AttributeProto.AttributeType"""

    INT = 2
    STRING = 3
    INTS = 7


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _tag(field: int, wire: Wire) -> bytes:
    return varint(field << 3 | wire)


def integer(field: int, value: int) -> bytes:
    return _tag(field, Wire.VARINT) + varint(value)


def chunk(field: int, value: bytes | str) -> bytes:
    """A text, raw bytes or a message within a message."""
    raw = value.encode() if isinstance(value, str) else value
    return _tag(field, Wire.LENGTH) + varint(len(raw)) + raw


def tensor(name: str, array: NDArray[np.generic]) -> bytes:
    """TensorProto"""
    dimensions = b"".join(integer(1, length) for length in array.shape)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return b"".join(
        (
            dimensions,
            integer(2, ELEMENT_TYPES[array.dtype]),
            chunk(8, name),
            chunk(9, little.tobytes()),
        )
    )


def attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto"""
    if isinstance(value, int):
        content, kind = integer(3, value), AttributeType.INT
    elif isinstance(value, str):
        content, kind = chunk(4, value), AttributeType.STRING
    else:
        content, kind = b"".join(integer(8, one) for one in value), AttributeType.INTS
    return chunk(1, name) + content + integer(20, kind)


def node(
    operator: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Attribute]
) -> bytes:
    """NodeProto, named as its output."""
    return b"".join(
        (
            *(chunk(1, name) for name in inputs),
            chunk(2, output),
            chunk(3, output),
            chunk(4, operator),
            *(chunk(5, attribute(*item)) for item in attributes.items()),
        )
    )


def value(name: str, shape: Sequence[int]) -> bytes:
    """ValueInfoProto of a float tensor (batch, *shape)."""
    batch = chunk(1, chunk(2, BATCH))
    dimensions = batch + b"".join(chunk(1, integer(1, length)) for length in shape)
    tensor_type = integer(1, ElementType.FLOAT) + chunk(2, dimensions)
    return chunk(1, name) + chunk(2, chunk(1, tensor_type))


def model(
    name: str, nodes: Sequence[bytes], tensors: Sequence[bytes], given: bytes, made: bytes
) -> bytes:
    """ModelProto with one graph, one input and one output."""
    graph = b"".join(
        (
            *(chunk(1, one) for one in nodes),
            chunk(2, name),
            *(chunk(5, one) for one in tensors),
            chunk(11, given),
            chunk(12, made),
        )
    )
    return integer(1, IR_VERSION) + chunk(7, graph) + chunk(8, integer(2, OPSET))
