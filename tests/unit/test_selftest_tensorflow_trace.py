"""TensorFlow's trace as evidence, where oneDNN is off."""

from __future__ import annotations

import pytest

from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks.tensorflow_trace import Step, parse

STEPS = (
    Step(label="_SOURCE = NoOp()", types=(), milliseconds=0.0),
    Step(label="Conv2D/filter = Const()", types=("float32",), milliseconds=0.002),
    Step(
        label="[cpu 2.0MB 2.0MB] Relu = _FusedConv2D(transpose, Conv2D/filter, BiasAdd/bias)",
        types=("float32",),
        milliseconds=1.328,
    ),
    Step(
        label="[cpu 2.0MB 2.0MB] depthwise = DepthwiseConv2dNative(Relu, depthwise/filter_in)",
        types=("float32",),
        milliseconds=1.249,
    ),
    Step(label="BiasAdd_5 = _FusedMatMul(Mean, b)", types=("float32",), milliseconds=0.016),
)


def convolution(implementation: str, types: str = "f32") -> Kernel:
    return Kernel(
        operator="convolution", types=types, implementation=implementation, milliseconds=1.328
    )


def test_what_computes_is_named_by_its_operator() -> None:
    assert parse(STEPS) == (
        convolution("Eigen/_FusedConv2D"),
        Kernel(
            operator="convolution",
            types="f32",
            implementation="Eigen/DepthwiseConv2dNative",
            milliseconds=1.249,
        ),
        Kernel(
            operator="linear", types="f32", implementation="Eigen/_FusedMatMul", milliseconds=0.016
        ),
    )


def test_what_onednn_runs_is_not_taken_for_eigens() -> None:
    step = Step(label="Relu = _MklNativeFusedConv2D(x)", types=("float32",), milliseconds=1.328)
    (kernel,) = parse([step])
    assert (kernel.operator, kernel.implementation) == ("other", "oneDNN/_MklNativeFusedConv2D")


def test_another_type_than_float32_shows() -> None:
    step = Step(label="Relu = _FusedConv2D(x)", types=("bfloat16",), milliseconds=1.328)
    assert parse([step]) == (convolution("Eigen/_FusedConv2D", "->bfloat16"),)


def test_a_trace_without_operators_is_no_evidence() -> None:
    with pytest.raises(NoEvidence, match="trace shows no operator"):
        parse(STEPS[:2])
    with pytest.raises(NoEvidence):
        parse([Step(label="what is this", types=("float32",), milliseconds=1.0)])
