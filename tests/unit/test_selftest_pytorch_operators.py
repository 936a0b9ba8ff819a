"""torch's profile as kernels, on recorded operators of an Arm CPU; needs no torch."""

from __future__ import annotations

import pytest

from selftest.classes import Class, Kind, classify
from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks.pytorch_operators import Operation, blas, corrected, parse
from selftest.instructions import Instructions


def ran(name: str, *inputs: str) -> Operation:
    return Operation(name=name, inputs=inputs, milliseconds=2.0)


def kernel(
    operator: str, types: str, implementation: str, milliseconds: float | None = 2.0
) -> Kernel:
    return Kernel(
        operator=operator, types=types, implementation=implementation, milliseconds=milliseconds
    )


PRODUCT = kernel("linear", "f32", "openblas/addmm")
QUANTISED = kernel("linear", "u8*s8->u8", "qnnpack/linear")
ACL = kernel("linear", "f32", "gemm:acl", 0.5)


def test_signed_activations_are_xnnpacks_and_unsigned_ones_qnnpacks() -> None:
    found = parse(
        [
            ran("quantized::conv2d", "c10::qint8", "", "Scalar", "Scalar"),
            ran("quantized::add_relu", "c10::qint8", "c10::qint8", "Scalar", "Scalar"),
            ran("quantized::linear", "c10::quint8", "", "Scalar", "Scalar"),
        ],
        "openblas",
    )
    assert found == (
        kernel("convolution", "s8", "XNNPACK/conv2d"),
        kernel("add", "s8", "XNNPACK/add_relu"),
        QUANTISED,
    )


def test_a_dynamic_linear_layer_reads_and_gives_fp32_and_multiplies_in_int8() -> None:
    (found,) = parse([ran("quantized::linear_dynamic", "float", "", "Scalar")], "openblas")
    assert found == kernel("linear", "s8*s8->f32", "acl_linear_dynamic")
    assert found.is_int8


def test_products_in_fp32_are_the_blas_ones_and_the_rest_is_left_out() -> None:
    found = parse(
        [
            ran("aten::linear", "float", "float", "float"),
            ran("aten::addmm", "float", "float", "float", "Scalar", "Scalar"),
            ran("aten::bmm", "float", "float"),
        ],
        "openblas",
    )
    assert found == (PRODUCT, kernel("attention", "f32", "openblas/bmm"))


def test_a_type_that_we_do_not_know_is_no_int8() -> None:
    (found,) = parse([ran("quantized::conv2d", "c10::quint4x2")], "openblas")
    assert not found.is_int8


def test_a_profile_without_a_known_operator_is_no_evidence() -> None:
    with pytest.raises(NoEvidence, match="no operator that we know"):
        parse([ran("aten::empty")], "openblas")


@pytest.mark.parametrize("name", ["XNNPACK/conv2d", "qnnpack/linear", "acl_linear_dynamic"])
def test_the_instructions_tell_what_quantised_operators_are_worth(name: str) -> None:
    ran_ = kernel("linear", "s8", name)
    seen = Instructions(samples=99, seen={"sdot": 0.5})
    assert classify(ran_, seen) == Class(kind=Kind.FAST, isa="dotprod")
    assert classify(ran_, None) == Class(kind=Kind.UNNAMED)


def test_what_onednn_logs_stands_for_what_torch_has_called() -> None:
    found = corrected([PRODUCT, PRODUCT], [ACL])
    assert found == (ACL, kernel("linear", "f32", "openblas/addmm", None))


def test_a_quantised_operator_that_onednn_runs_has_onednns_name() -> None:
    """So that a reference kernel is seen for what it is."""
    reference = kernel("linear", "u8*s8->u8", "ref:any")
    assert corrected([QUANTISED], [reference]) == (reference,)


def test_fp32_in_the_log_never_stands_for_int8() -> None:
    assert corrected([QUANTISED], [ACL]) == (ACL, QUANTISED)


def test_torch_says_itself_which_blas_it_has() -> None:
    assert blas("PyTorch built with:\n  - Build settings: BLAS_INFO=open, X=1") == "openblas"
    assert blas("BLAS_INFO=mkl") == "mkl"
    with pytest.raises(NoEvidence):
        blas("PyTorch built with:")
