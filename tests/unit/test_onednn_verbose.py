"""The wheel's reader of ONEDNN_VERBOSE, with lines that oneDNN 3.7.2 printed."""

import io
from pathlib import Path

import pytest
from onednn import verbose
from onednn.__main__ import main
from onednn.verbose import Execution, Tensor, Total, parse, summary

TEMPLATE = (
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,"
    "prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,exec_time"
)
MATMUL = (
    "onednn_verbose,v1,primitive,exec,cpu,matmul,brg_matmul:avx512_core_vnni,undef,"
    "src:s8::blocked:ab::f0 wei:s8:ap:blocked:AB16a64b4a::f1:s8m2 dst:f32::blocked:ab::f0"
    ",,,32x64:64x48,8.2168"
)
TIMED_MATMUL = (
    "onednn_verbose,v1,1795212929791.209961,primitive,exec,cpu,matmul,"
    "brg_matmul:avx512_core_vnni,undef,"
    "src:u8::blocked:ab::f0 wei:s8:ap:blocked:AB16a64b4a::f0 dst:f32::blocked:ab::f0"
    ",,,32x64:64x48,11.874"
)
CONVOLUTION = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,"
    "forward_inference,src:u8::blocked:acdb::f0 wei:s8:a:blocked:AcdB16a4b::f0 "
    "bia:undef::undef::: dst:f32::blocked:acdb::f0,attr-post-ops:eltwise_relu,"
    "alg:convolution_direct,"
    "mb1_ic16oc16_ih6oh6kh3sh1dh0ph1_iw6ow6kw3sw1dw0pw1,0.0480957"
)
REORDER = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,brgemm_matmul_copy_reorder_t,undef,"
    "src:s8::blocked:ab::f0 dst:s8:p:blocked:AB16a64b4a::f1:s8m2,,,64x48,0.00488281"
)
GEMM = (
    "onednn_verbose,v1,primitive,exec,cpu,gemm_api,,undef,"
    "src_f32::blocked:ab:f0 wei_f32::blocked:ab:f0 dst_f32::blocked:ab:f0,,,4x4:4x4,25.072"
)
OTHER = """\
onednn_verbose,v1,info,oneDNN v3.7.2 (commit N/A)
onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:2
onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost and bfloat16 support
onednn_verbose,v1,graph,info,template:operation,engine,partition_id,partition_kind,op_names,\
data_formats,logical_tensors,fpmath_mode,implementation,backend,exec_time
onednn_verbose,v1,primitive,create:cache_miss,cpu,reorder,jit:uni,undef,\
src:s8::blocked:acdb::f0 dst:s8::blocked:AcdB16a4b::f0,,,16x16x3x3,0.059082
onednn_verbose,v1,1795212929779.071045,primitive,create:cache_hit,cpu,reorder,jit:uni,undef,\
src:s8::blocked:acdb::f0 dst:s8::blocked:AcdB16a4b::f0,,,16x16x3x3,0.059082
accuracy 0.97
"""


def matmul(source: str, milliseconds: float) -> Execution:
    return Execution(
        engine="cpu",
        primitive="matmul",
        implementation="brg_matmul:avx512_core_vnni",
        propagation="undef",
        tensors=(
            Tensor(argument="src", type=source, layout="ab"),
            Tensor(argument="wei", type="s8", layout="AB16a64b4a"),
            Tensor(argument="dst", type="f32", layout="ab"),
        ),
        attributes="",
        auxiliary="",
        problem="32x64:64x48",
        milliseconds=milliseconds,
    )


def test_a_line_gives_a_whole_execution() -> None:
    assert parse(MATMUL) == (matmul("s8", 8.2168),)


def test_a_timestamp_in_front_changes_nothing() -> None:
    assert parse(TIMED_MATMUL) == (matmul("u8", 11.874),)
    template = TEMPLATE.replace("template:", "template:timestamp,")
    assert parse(f"{template}\n{TIMED_MATMUL}") == (matmul("u8", 11.874),)


def test_a_convolution_has_attributes_an_algorithm_and_no_bias() -> None:
    assert parse(CONVOLUTION) == (
        Execution(
            engine="cpu",
            primitive="convolution",
            implementation="brg_conv_fwd:avx512_core_vnni",
            propagation="forward_inference",
            tensors=(
                Tensor(argument="src", type="u8", layout="acdb"),
                Tensor(argument="wei", type="s8", layout="AcdB16a4b"),
                Tensor(argument="bia", type="undef", layout="undef"),
                Tensor(argument="dst", type="f32", layout="acdb"),
            ),
            attributes="attr-post-ops:eltwise_relu",
            auxiliary="alg:convolution_direct",
            problem="mb1_ic16oc16_ih6oh6kh3sh1dh0ph1_iw6ow6kw3sw1dw0pw1",
            milliseconds=0.0480957,
        ),
    )


def test_the_gemm_functions_write_their_tensors_in_the_older_way() -> None:
    (found,) = parse(GEMM)
    assert found.implementation == ""
    assert found.tensors == (
        Tensor(argument="src", type="f32", layout="ab"),
        Tensor(argument="wei", type="f32", layout="ab"),
        Tensor(argument="dst", type="f32", layout="ab"),
    )


@pytest.mark.parametrize(
    ("line", "types"),
    [(MATMUL, "s8*s8"), (TIMED_MATMUL, "u8*s8"), (REORDER, "s8"), (GEMM, "f32*f32")],
)
def test_types_are_those_of_source_and_weights(line: str, types: str) -> None:
    assert [each.types for each in parse(line)] == [types]


def test_without_a_source_the_first_tensor_has_the_type() -> None:
    line = MATMUL.replace("src:s8::blocked:ab::f0 wei:", "data:").replace("dst:f32", "diff:f32")
    assert [each.types for each in parse(line)] == ["s8"]


def test_everything_else_in_a_log_is_passed_over() -> None:
    log = f"{OTHER}{TEMPLATE}\n{MATMUL}\n{OTHER}"
    assert parse(log) == (matmul("s8", 8.2168),)
    assert parse(OTHER) == ()


def test_an_unfinished_line_of_the_program_may_stand_in_front() -> None:
    assert parse(f"epoch 1: 37%{MATMUL}") == parse(MATMUL)


def test_the_template_says_in_which_order_the_fields_are() -> None:
    template = TEMPLATE.replace("prop_kind,", "").replace(",exec_time", ",exec_time,prop_kind")
    line = MATMUL.replace("undef,", "") + ",undef"
    assert parse(f"{template}\n{line}") == (matmul("s8", 8.2168),)


@pytest.mark.parametrize(
    "line",
    [
        MATMUL.removesuffix(",8.2168"),
        MATMUL.replace("8.2168", "fast"),
        MATMUL.replace("src:s8::blocked:ab::f0", "src"),
        f"{MATMUL},more",
    ],
)
def test_an_execution_that_cannot_be_read_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be read as an execution") as caught:
        parse(f"{OTHER}{line}\n")
    number = len(OTHER.splitlines()) + 1
    assert str(caught.value) == f"line {number} cannot be read as an execution: {line}"


@pytest.mark.parametrize(
    "line",
    [
        MATMUL.replace("v1", "v0"),
        TIMED_MATMUL.replace("v1", "v0"),
        "onednn_verbose,exec,cpu,reorder,jit:uni,undef,src_f32::blocked:ab:f0,,,4x4,0.1",
    ],
)
def test_an_execution_in_another_format_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="is not in format v1") as caught:
        parse(line)
    assert str(caught.value) == f"line 1 is not in format v1: {line}"


def test_a_template_without_a_field_that_is_needed_makes_every_line_unreadable() -> None:
    template = TEMPLATE.replace("exec_time", "exec_ticks")
    with pytest.raises(ValueError, match="line 2 cannot be read as an execution"):
        parse(f"{template}\n{MATMUL}")


def test_a_summary_counts_and_adds_by_primitive_implementation_and_types() -> None:
    log = "\n".join((REORDER, MATMUL, TIMED_MATMUL, MATMUL))
    name = "brg_matmul:avx512_core_vnni"
    copy = "brgemm_matmul_copy_reorder_t"
    assert summary(parse(log)) == (
        Total(
            primitive="matmul", implementation=name, types="s8*s8", count=2, milliseconds=16.4336
        ),
        Total(primitive="matmul", implementation=name, types="u8*s8", count=1, milliseconds=11.874),
        Total(
            primitive="reorder", implementation=copy, types="s8", count=1, milliseconds=0.00488281
        ),
    )
    assert summary(()) == ()


def test_the_default_fields_are_those_of_the_template() -> None:
    assert TEMPLATE.endswith("template:" + ",".join(verbose.FIELDS))


def test_the_command_prints_a_table_of_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_bytes(f"{OTHER}{MATMUL}\n{REORDER}\n".encode() + b"\xff\n")
    table = """\
primitive  implementation                types  count     ms
matmul     brg_matmul:avx512_core_vnni   s8*s8      1  8.217
reorder    brgemm_matmul_copy_reorder_t  s8         1  0.005
"""
    assert main(["verbose", str(log)]) == 0
    assert capsys.readouterr() == (table, "")
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(f"{MATMUL}\n\xff\n{REORDER}\n".encode("latin-1")))
    )
    assert main(["verbose", "-"]) == 0
    assert capsys.readouterr() == (table, "")


def test_a_log_that_is_not_there_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none"
    assert main(["verbose", str(missing)]) == 2
    assert capsys.readouterr() == ("", f"onednn: {_no_such_file(missing)}\n")


def test_a_log_without_executions_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text(OTHER)
    assert main(["verbose", str(log)]) == 2
    reason = "the log shows no primitive that ran; was it made with ONEDNN_VERBOSE=1?"
    assert capsys.readouterr() == ("", f"onednn: {log}: {reason}\n")


def test_a_log_with_an_unreadable_execution_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text(f"{MATMUL},more\n{MATMUL}\n")
    assert main(["verbose", str(log)]) == 2
    reason = f"line 1 cannot be read as an execution: {MATMUL},more"
    assert capsys.readouterr() == ("", f"onednn: {log}: {reason}\n")


def _no_such_file(path: Path) -> str:
    return f"[Errno 2] No such file or directory: '{path}'"
