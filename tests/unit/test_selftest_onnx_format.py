"""ONNX files are the published bytes: https://protobuf.dev/programming-guides/encoding/"""

from __future__ import annotations

import numpy as np
import pytest

from selftest.frameworks import onnx_format


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (150, "9601"),
        (2**63 - 1, "ffffffffffffffff7f"),
        (-2, "feffffffffffffffff01"),
    ],
)
def test_a_number_has_seven_bits_a_byte_lowest_first(number: int, encoded: str) -> None:
    assert onnx_format.varint(number).hex() == encoded


def test_fields_carry_their_number_and_wire_type() -> None:
    assert onnx_format.integer(1, 150).hex() == "089601"
    assert onnx_format.chunk(2, "testing").hex() == "120774657374696e67"
    assert onnx_format.chunk(3, onnx_format.integer(1, 150)).hex() == "1a03089601"
    assert onnx_format.integer(20, 7).hex() == "a00107"


def test_a_tensor_has_dimensions_type_name_and_little_endian_numbers() -> None:
    array = np.array([[1, -2]], ">i4")
    expected = b"\x08\x01\x08\x02\x10\x06\x42\x01b\x4a\x08\x01\0\0\0\xfe\xff\xff\xff"
    assert onnx_format.tensor("b", array.astype("<i4")) == expected


def test_a_scalar_has_no_dimensions() -> None:
    assert onnx_format.tensor("z", np.array(3, np.uint8)) == b"\x10\x02\x42\x01z\x4a\x01\x03"


@pytest.mark.parametrize(
    ("dtype", "number"), [("float32", 1), ("uint8", 2), ("int8", 3), ("int32", 6), ("int64", 7)]
)
def test_element_types_are_onnx_s(dtype: str, number: int) -> None:
    encoded = onnx_format.tensor("", np.zeros(0, dtype))
    assert encoded == bytes([0x08, 0, 0x10, number, 0x42, 0, 0x4A, 0])


def test_a_type_that_no_network_needs_is_refused() -> None:
    with pytest.raises(KeyError, match="float64"):
        onnx_format.tensor("x", np.zeros(1))


def test_attributes_are_typed_by_their_value() -> None:
    assert onnx_format.attribute("i", 2) == b"\x0a\x01i\x18\x02\xa0\x01\x02"
    assert onnx_format.attribute("s", "tanh") == b"\x0a\x01s\x22\x04tanh\xa0\x01\x03"
    assert onnx_format.attribute("l", [1, 2]) == b"\x0a\x01l\x40\x01\x40\x02\xa0\x01\x07"


def test_a_node_is_named_as_its_output() -> None:
    relu = onnx_format.node("Relu", ["x"], "y", {})
    assert relu == b"\x0a\x01x\x12\x01y\x1a\x01y\x22\x04Relu"


def test_a_node_holds_its_attributes_as_messages() -> None:
    gemm = onnx_format.node("Gemm", ["x", "w"], "y", {"transB": 1})
    attribute = b"\x0a\x06transB\x18\x01\xa0\x01\x02"
    assert gemm == b"\x0a\x01x\x0a\x01w\x12\x01y\x1a\x01y\x22\x04Gemm\x2a\x0d" + attribute


def test_a_value_is_a_batch_of_float_tensors() -> None:
    dimensions = b"\x0a\x07\x12\x05batch\x0a\x02\x08\x03"
    tensor_type = b"\x08\x01\x12\x0d" + dimensions
    assert onnx_format.value("x", (3,)) == b"\x0a\x01x\x12\x13\x0a\x11" + tensor_type


def test_a_model_names_its_format_and_operator_set() -> None:
    encoded = onnx_format.model("n", [b"N"], [b"T"], b"I", b"O")
    graph = b"\x0a\x01N\x12\x01n\x2a\x01T\x5a\x01I\x62\x01O"
    assert encoded == b"\x08\x09\x3a\x0f" + graph + b"\x42\x02\x10\x14"
