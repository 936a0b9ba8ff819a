"""OpenVINO's two sources: what ran, and what oneDNN calls it."""

from __future__ import annotations

import pytest

from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks import runtime_model


def rt_info(layer: str, primitive: str, time: str = "120") -> dict[str, str]:
    precision = primitive.rpartition("_")[2]
    return {
        "layerType": layer,
        "primitiveType": primitive,
        "runtimePrecision": precision,
        "execTimeMcs": time,
    }


RAN = (
    Kernel(
        operator="convolution",
        types="i8",
        implementation="brgconv_avx512_I8",
        milliseconds=0.12,
    ),
    Kernel(operator="pool", types="f32", implementation="jit_avx512_f32", milliseconds=0.01),
)
MADE = Kernel(
    operator="convolution",
    types="u8*s8->u8",
    implementation="brg_conv_fwd:avx512_core_vnni",
    milliseconds=9.0,
)


def test_openvinos_runtime_model_lists_what_ran() -> None:
    operators = [
        rt_info("Const", "unknown_f32", "not_executed"),
        rt_info("Convolution", "brgconv_avx512_I8"),
        rt_info("Reduce", "jit_avx512_f32", "10"),
    ]
    assert runtime_model.parse(operators) == RAN


def test_a_product_of_two_activations_is_no_linear_layer() -> None:
    operators = [rt_info("MatMul", "brgemm_avx512_f32"), rt_info("FullyConnected", "brgemm_I8")]
    kinds = [kernel.operator for kernel in runtime_model.parse(operators)]
    assert kinds == ["attention", "linear"]


def test_onednns_name_replaces_openvinos_coarser_one_and_keeps_the_time() -> None:
    refined = runtime_model.refine(RAN, [MADE])
    assert refined == (
        Kernel(
            operator="convolution",
            types="u8*s8->u8",
            implementation="brg_conv_fwd:avx512_core_vnni",
            milliseconds=0.12,
        ),
        RAN[1],
    )


@pytest.mark.parametrize(
    "made",
    [
        [],
        [MADE, MADE],
        [Kernel(operator="convolution", types="f32", implementation="jit:avx2")],
    ],
)
def test_sources_that_disagree_refine_nothing(made: list[Kernel]) -> None:
    assert runtime_model.refine(RAN, made) == RAN


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ([], "no operator that ran"),
        ([rt_info("Convolution", "x_f32", "not_executed")], "no operator that ran"),
        ([{"layerType": "Convolution"}], "no longer tells primitiveType"),
        ([rt_info("Convolution", "x_f32", "1.2e-3")], "no time we know"),
    ],
)
def test_a_changed_runtime_model_is_no_evidence(
    operators: list[dict[str, str]], reason: str
) -> None:
    with pytest.raises(NoEvidence, match=reason):
        runtime_model.parse(operators)
