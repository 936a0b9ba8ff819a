"""LiteRT's operators as evidence: who runs them, and in which types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selftest.classes import Class, Kind, classify
from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks.litert_operators import Operation, parse, read
from selftest.instructions import Instructions

LOG = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
S8, S32, F32 = "int8", "int32", "float32"
QUANTIZE = Operation(
    name="QUANTIZE", inputs=(0,), outputs=(5,), operand_types=(F32,), result_types=(S8,)
)
CONVOLUTION = Operation(
    name="DEPTHWISE_CONV_2D",
    inputs=(5, 1, 2),
    outputs=(6,),
    operand_types=(S8, S8, S32),
    result_types=(S8,),
)
LINEAR = Operation(
    name="FULLY_CONNECTED",
    inputs=(6, 3, 4),
    outputs=(7,),
    operand_types=(S8, S8, S32),
    result_types=(S8,),
)
MODEL = (QUANTIZE, CONVOLUTION, LINEAR)


def delegate(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Operation:
    return Operation(
        name="DELEGATE", inputs=inputs, outputs=outputs, operand_types=(), result_types=()
    )


def names(operations: tuple[Operation, ...], log: str = LOG) -> list[str]:
    return [kernel.implementation for kernel in parse(operations, log)]


def test_a_delegate_for_the_whole_model_runs_every_operator() -> None:
    assert parse((*MODEL, delegate((0, 1, 2, 3, 4), (7,))), LOG) == (
        Kernel(operator="quantize", types="f32->s8", implementation="LiteRT-XNNPACK/QUANTIZE"),
        Kernel(
            operator="convolution", types="s8", implementation="LiteRT-XNNPACK/DEPTHWISE_CONV_2D"
        ),
        Kernel(operator="linear", types="s8", implementation="LiteRT-XNNPACK/FULLY_CONNECTED"),
    )


def test_what_a_delegate_leaves_is_run_by_litert_itself() -> None:
    assert names((*MODEL, delegate((5, 1, 2), (6,)))) == [
        "LiteRT/QUANTIZE",
        "LiteRT-XNNPACK/DEPTHWISE_CONV_2D",
        "LiteRT/FULLY_CONNECTED",
    ]


def test_without_a_delegate_litert_runs_all() -> None:
    assert names(MODEL, log="") == [
        "LiteRT/QUANTIZE",
        "LiteRT/DEPTHWISE_CONV_2D",
        "LiteRT/FULLY_CONNECTED",
    ]


def test_a_delegate_that_nobody_names_is_not_taken_for_xnnpack() -> None:
    assert names((*MODEL, delegate((0, 1, 2, 3, 4), (7,))), log="")[1] == (
        "LiteRT-DELEGATE/DEPTHWISE_CONV_2D"
    )


def test_two_delegates_cannot_be_told_apart() -> None:
    with pytest.raises(NoEvidence, match="tells of 2 delegates, and has 1"):
        parse((*MODEL, delegate((0,), (7,))), LOG + LOG.replace("XNNPACK", "Flex"))


def test_weights_that_are_not_int8_show_in_the_types() -> None:
    hybrid = replace(CONVOLUTION, operand_types=(F32, S8, F32), result_types=(F32,))
    (kernel,) = parse((hybrid,), "")
    assert (kernel.types, kernel.is_int8) == ("f32*s8->f32", False)


def test_a_model_without_operators_is_no_evidence() -> None:
    with pytest.raises(NoEvidence, match="shows no operator"):
        parse((delegate((0,), (7,)),), LOG)


def test_the_interpreters_own_description_is_read() -> None:
    details = {
        "index": 1,
        "op_name": "DEPTHWISE_CONV_2D",
        "inputs": np.array([5, 1, 2], np.int32),
        "outputs": np.array([6], np.int32),
        "operand_types": [np.int8, np.int8, np.int32],
        "result_types": [np.int8],
    }
    assert read([details]) == (CONVOLUTION,)
    with pytest.raises(NoEvidence, match="no longer tells 'operand_types'"):
        read([{name: value for name, value in details.items() if name != "operand_types"}])


@pytest.mark.parametrize(
    ("name", "seen", "found"),
    [
        ("LiteRT-XNNPACK/CONV_2D", {"sdot": 0.6}, Class(kind=Kind.FAST, isa="dotprod")),
        ("LiteRT-XNNPACK/CONV_2D", {"smmla": 0.6}, Class(kind=Kind.FAST, isa="i8mm")),
        ("LiteRT-XNNPACK/CONV_2D", {}, Class(kind=Kind.UNNAMED)),
        ("LiteRT/CONV_2D", {"sdot": 0.6}, Class(kind=Kind.UNNAMED)),
        ("LiteRT-DELEGATE/CONV_2D", {"sdot": 0.6}, Class(kind=Kind.UNNAMED)),
    ],
)
def test_only_xnnpack_is_judged_by_the_instructions_seen(
    name: str, seen: dict[str, float], found: Class
) -> None:
    kernel = Kernel(operator="convolution", types="s8", implementation=name)
    assert classify(kernel, Instructions(samples=100, seen=seen)) == found
