"""What CTranslate2's log and oneDNN's say of matrix products; less than all is no evidence."""

from __future__ import annotations

import re

import pytest

from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks import gemm
from selftest.frameworks.gemm import RUN, Backends

HEADER = (
    "onednn_verbose,info,oneDNN v3.1.1 (commit 7f59ae114cba0f7d5fb1fe6099142e4c3b0037c8)\n"
    "onednn_verbose,info,cpu,isa:Intel AVX-512 with Intel DL Boost and bfloat16 support\n"
    "onednn_verbose,info,prim_template:operation,engine,primitive,implementation,prop_kind,"
    "memory_descriptors,attributes,auxiliary,problem_desc,exec_time\n"
)
INT8 = (
    "onednn_verbose,exec,cpu,gemm_api,,undef,src_u8::blocked:ab:f0 wei_s8::blocked:ba:f0 "
    "dst_s32::blocked:ab:f0,,,1024x192:192x576,0.5\n"
)
FP32 = (
    "onednn_verbose,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0 wei_f32::blocked:ba:f0 "
    "dst_f32::blocked:ab:f0,,,1024x192:192x576,2\n"
)
SCORES = (
    "onednn_verbose,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0 wei_f32::blocked:ba:f0 "
    "dst_f32::blocked:ab:f0,attr-oscale:common:0.125 ,,8x64:64x8,0.25\n"
)
VALUES = (
    "onednn_verbose,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0 wei_f32::blocked:ab:f0 "
    "dst_f32::blocked:ab:f0,,,8x8:8x64,0.125\n"
)
STARTED = """\
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info] CPU: ARM (NEON=true)
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info]  - Selected ISA: NEON
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info]  - Use Intel MKL: false
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info]  - SGEMM backend: OpenBLAS (packed: \
false)
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info]  - GEMM_S16 backend: none (packed: \
false)
[2026-11-20 15:04:52.837] [ctranslate2] [thread 1508] [info]  - GEMM_S8 backend: Ruy (packed: \
false, u8s8 preferred: false)
"""


def test_ctranslate2_names_its_libraries_once() -> None:
    assert gemm.backends(STARTED) == Backends(fp32="OpenBLAS", int8="Ruy")
    assert gemm.backends("[info] Loaded model on device cpu:0\n") is None


def test_onednns_log_tells_layers_from_attention() -> None:
    log = f"{RUN}\n{HEADER}{FP32}{RUN}\n{INT8}{SCORES}{VALUES}"
    assert gemm.parse(log) == (
        Kernel(
            operator="linear",
            types="u8*s8->s32",
            implementation="oneDNN/gemm",
            milliseconds=0.5,
        ),
        Kernel(operator="attention", types="f32", implementation="oneDNN/gemm", milliseconds=0.25),
        Kernel(operator="attention", types="f32", implementation="oneDNN/gemm", milliseconds=0.125),
    )


def test_layers_in_fp32_are_seen_as_such() -> None:
    log = f"{RUN}\n{HEADER}{FP32}{RUN}\n{FP32}"
    assert [(one.operator, one.types) for one in gemm.parse(log)] == [("linear", "f32")]


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (f"{RUN}\n{HEADER}{INT8}{RUN}\n", "shows no matrix product"),
        (f"{RUN}\n{INT8}{RUN}\n{INT8}", "no header we know"),
        (f"{RUN}\n{HEADER}{RUN}\nonednn_verbose,exec,cpu,gemm_api,1\n", "its own header"),
        ("", "no header we know"),
    ],
)
def test_any_other_log_is_no_evidence(log: str, why: str) -> None:
    with pytest.raises(NoEvidence, match=why):
        gemm.parse(log)


def test_a_process_that_fails_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "PROGRAM", "import sys; print('why', file=sys.stderr); sys.exit(3)")
    with pytest.raises(NoEvidence, match=re.escape("failed (why, exit code 3)")):
        gemm.logged({}, [], {})


def test_a_process_that_does_not_end_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "PROGRAM", "import time; time.sleep(9)")
    monkeypatch.setattr(gemm, "SECONDS", 0.1)
    with pytest.raises(NoEvidence, match="timed out"):
        gemm.logged({}, [], {})


def test_the_process_gets_the_translation_and_onednns_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DNNL_VERBOSE", "0")
    program = "import os, sys; print(sys.stdin.read(), os.environ.get('DNNL_VERBOSE'), {})"
    monkeypatch.setattr(gemm, "PROGRAM", program.format("os.environ['ONEDNN_VERBOSE']"))
    said = gemm.logged({"device": "cpu"}, [["1"]], {"beam_size": 1})
    given = '{"translator": {"device": "cpu"}, "sentences": [["1"]], "options": {"beam_size": 1}}'
    assert said == f"{given} None 1\n"
