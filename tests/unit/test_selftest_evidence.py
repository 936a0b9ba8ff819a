"""Each library's own evidence becomes the same records; a format we do not know is no evidence."""

from __future__ import annotations

import json
import os

import pytest

from selftest import mkl, onednn
from selftest.evidence import Kernel, NoEvidence, captured_stdout, grouped, types
from selftest.frameworks import profile

HEADER = (
    "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost\n"
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,"
    "prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,exec_time\n"
    "onednn_verbose,v1,graph,info,template:operation,engine,partition_id,partition_kind,op_names\n"
)
CONVOLUTION = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,"
    "forward_inference,src:u8::blocked:acdb::f0 wei:s8:a:blocked:AcdB64a4b::f0 "
    "bia:f32::blocked:a::f0 dst:u8::blocked:acdb::f0,attr-scratchpad:user,"
    "alg:convolution_direct,mb128_ic64oc64,0.5\n"
)
MATMUL = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,gemm:jit,undef,src:f32::blocked:ab::f0 "
    "wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0,,,128x64:64x10,0.25\n"
)


def test_onednns_log_names_operator_types_implementation_and_time() -> None:
    log = f"noise\n{HEADER}{CONVOLUTION}{MATMUL}"
    assert onednn.parse(log, onednn.find_header(log), onednn.EXECUTED) == (
        Kernel(
            operator="convolution",
            types="u8*s8->u8",
            implementation="brg_conv_fwd:avx512_core_vnni",
            milliseconds=0.5,
        ),
        Kernel(operator="linear", types="f32", implementation="gemm:jit", milliseconds=0.25),
    )


def test_onednns_header_is_printed_once_and_serves_later_logs() -> None:
    header = onednn.find_header(HEADER)
    kernels = onednn.parse(MATMUL, header, onednn.EXECUTED)
    assert [kernel.operator for kernel in kernels] == ["linear"]


def test_onednns_header_decides_where_the_fields_are() -> None:
    log = (
        "onednn_verbose,primitive,info,template:operation,primitive,exec_time,implementation,"
        "memory_descriptors\n"
        "onednn_verbose,primitive,exec,inner_product,2,ref:any,src_s8::blocked: wei_s8::blocked:\n"
    )
    assert onednn.parse(log, onednn.find_header(log), onednn.EXECUTED) == (
        Kernel(operator="linear", types="s8", implementation="ref:any", milliseconds=2.0),
    )


def test_onednn_primitives_made_are_not_primitives_that_ran() -> None:
    made = CONVOLUTION.replace(",exec,", ",create:cache_miss,")
    header = onednn.find_header(HEADER)
    assert len(onednn.parse(made, header, onednn.CREATED)) == 1
    with pytest.raises(NoEvidence, match="shows no primitive"):
        onednn.parse(made, header, onednn.EXECUTED)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (CONVOLUTION, "has no header we know"),
        (HEADER.replace("implementation", "kernel") + CONVOLUTION, "has no header we know"),
        (HEADER, "shows no primitive"),
        (HEADER + CONVOLUTION.replace(",0.5", ",0.5,new"), "does not follow its own header"),
        (HEADER + CONVOLUTION.replace(",0.5", ",fast"), "no time where it promises one"),
    ],
)
def test_a_changed_onednn_log_is_no_evidence(log: str, reason: str) -> None:
    with pytest.raises(NoEvidence, match=reason):
        onednn.parse(log, onednn.find_header(log), onednn.EXECUTED)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ("128x64:64x10", "linear"),
        ("128x8x128:1x128x512", "linear"),
        ("128x4x8x32:128x4x32x8", "attention"),
        ("3x8x32:3x32x8", "attention"),
        ("", "linear"),
    ],
)
def test_a_batch_of_second_factors_is_no_weights(shapes: str, kind: str) -> None:
    log = HEADER + MATMUL.replace("128x64:64x10", shapes)
    (kernel,) = onednn.parse(log, onednn.find_header(log), onednn.EXECUTED)
    assert kernel.operator == kind


def test_mkls_log_tells_linear_layers_from_attention() -> None:
    log = (
        "MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64, Lnx 2.60GHz\n"
        "MKL_VERBOSE SGEMM(T,N,512,1024,128,0x7f,0x56,128) 1.19ms CNR:OFF Dyn:0 FastMM:1 TID:0\n"
        "MKL_VERBOSE SGEMM_BATCH(N,N,0x7f,0x7f) 64.71us CNR:OFF Dyn:0 FastMM:1 TID:0  NThr:1\n"
        "MKL_VERBOSE DGETRF(8,8,0x7f,8,0x7f,0) 5.00us CNR:OFF Dyn:0 FastMM:1 TID:0  NThr:1\n"
    )
    assert mkl.parse(log) == (
        Kernel(operator="linear", types="f32", implementation="mkl:sgemm", milliseconds=1.19),
        Kernel(
            operator="attention",
            types="f32",
            implementation="mkl:sgemm_batch",
            milliseconds=pytest.approx(0.06471),
        ),
    )


def node(op: str, inputs: list[dict[str, list[int]]], output: str) -> dict[str, object]:
    return {
        "cat": "Node",
        "name": f"layer_{op}_kernel_time",
        "dur": 1500,
        "args": {
            "op_name": op,
            "provider": "CPUExecutionProvider",
            "input_type_shape": inputs,
            "output_type_shape": [{output: [1]}],
        },
    }


QUANTISED: list[dict[str, list[int]]] = [
    {"uint8": [8, 64]},
    {"float": []},
    {"uint8": []},
    {"float": [64]},
    {"int8": [64]},
]


def test_onnxruntimes_profile_names_operator_provider_and_types() -> None:
    session = {"cat": "Session", "name": "model_run", "dur": 1}
    text = json.dumps(
        [
            session,
            node("QLinearConv", QUANTISED, "uint8"),
            node("FusedConv", [{"float": [1]}, {"float": [1]}], "float"),
            node("QGemm", QUANTISED, "float"),
            node("MatMul", [{"float": [8, 4, 8, 32]}, {"float": [8, 4, 32, 8]}], "float"),
            node("MatMul", [{"float": [8, 8, 32]}], "float"),
            node("QLinearAdd", [{"uint8": [1]}], "uint8"),
            node("QLinearGlobalAveragePool", [{"uint8": [1]}], "uint8"),
            node("QuantizeLinear", [{"float": [1]}], "uint8"),
        ]
    )
    assert [(k.operator, k.types, k.implementation) for k in profile.parse(text)] == [
        ("convolution", "u8*s8->u8", "CPUExecutionProvider/QLinearConv"),
        ("convolution", "f32", "CPUExecutionProvider/FusedConv"),
        ("linear", "u8*s8->f32", "CPUExecutionProvider/QGemm"),
        ("attention", "f32", "CPUExecutionProvider/MatMul"),
        ("linear", "f32", "CPUExecutionProvider/MatMul"),
        ("add", "u8", "CPUExecutionProvider/QLinearAdd"),
        ("pool", "u8", "CPUExecutionProvider/QLinearGlobalAveragePool"),
        ("other", "f32->u8", "CPUExecutionProvider/QuantizeLinear"),
    ]
    assert profile.parse(text)[0].milliseconds == 1.5


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[{"cat": "Node"}]', '[{"cat": "Session", "name": "x", "dur": 1}]']
)
def test_a_changed_onnxruntime_profile_is_no_evidence(text: str) -> None:
    with pytest.raises(NoEvidence):
        profile.parse(text)


def test_equal_kernels_are_counted_and_their_times_added() -> None:
    one = Kernel(operator="linear", types="f32", implementation="gemm", milliseconds=1.0)
    untimed = Kernel(operator="add", types="f32", implementation="jit")
    assert grouped([one, untimed, one]) == (
        Kernel(operator="linear", types="f32", implementation="gemm", count=2, milliseconds=2.0),
        untimed,
    )


@pytest.mark.parametrize(
    ("source", "weights", "destination", "text", "int8"),
    [
        ("f32", "f32", "f32", "f32", False),
        ("u8", "s8", "f32", "u8*s8->f32", True),
        ("s8", "s8", "s8", "s8", True),
        ("u8", "f32", "f32", "u8*f32->f32", False),
        ("bf16", "bf16", "f32", "bf16*bf16->f32", False),
        ("f32", None, "u8", "f32->u8", False),
    ],
)
def test_int8_is_what_multiplies_only_eight_bit_integers(
    source: str, weights: str | None, destination: str, text: str, int8: bool
) -> None:
    kernel = Kernel(
        operator="linear", types=types(source, weights, destination), implementation="x"
    )
    assert (kernel.types, kernel.is_int8) == (text, int8)


def test_what_native_code_prints_on_descriptor_1_is_captured_and_only_then(
    capfd: pytest.CaptureFixture[str],
) -> None:
    captured = captured_stdout(lambda: os.write(1, b"inside\n"))
    os.write(1, b"outside\n")
    assert (captured, capfd.readouterr().out) == ("inside\n", "outside\n")
