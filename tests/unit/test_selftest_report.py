"""The report, for programs and for people."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from selftest import report
from selftest.cpu import X86_FEATURES
from selftest.evidence import Kernel
from selftest.instructions import Instructions
from selftest.verdict import judge
from tests.unit.selftest_cases import BOTH, DIGITS, ENCODER, EXPECTED, GOOD, LINEAR, good


def test_the_json_document_has_exactly_these_keys() -> None:
    document = json.loads(report.to_json(EXPECTED, GOOD, judge(EXPECTED, GOOD)))
    checks = document.pop("checks")
    assert checks[1] == {
        "task": "digits",
        "name": "fp32 accuracy",
        "passed": True,
        "expected": ">= 0.97",
        "saw": "0.9900",
    }
    (task,) = document.pop("tasks")
    assert document == {
        "schema": 3,
        "variant": "pytorch-onednn-py311-amd64",
        "framework": "pytorch",
        "version": "2.13.0",
        "backend": "onednn",
        "python": "3.11.2",
        "cpu": {
            "model": "AMD EPYC",
            "arch": "x86_64",
            "features": ["avx2", "avx512f", "avx512bw", "avx512_vnni"],
            "cores": 2,
            "quota": 1.5,
            "threads": 2,
        },
        "emulated": False,
        "import_s": 0.21,
        "row": ["avx512_vnni"],
        "row_note": None,
        "passed": True,
    }
    assert task == {
        "name": "digits",
        "unit": "images",
        "operators": {"convolution": 5, "linear": 1},
        "fp32": {
            "accuracy": 0.99,
            "per_s": 1000.0,
            "spread": 0.01,
            "kernels": [
                {
                    "operator": "convolution",
                    "types": "f32",
                    "implementation": "jit:avx512_core",
                    "count": 5,
                    "milliseconds": None,
                    "kind": "not int8",
                    "isa": "avx512",
                }
            ],
            "instructions": {"samples": 150, "seen": {"vfmadd": 0.7, "vpmaddwd.vex": 0.01}},
        },
        "int8": {
            "accuracy": 0.988,
            "per_s": 2100.0,
            "spread": 0.02,
            "kernels": [
                {
                    "operator": "convolution",
                    "types": "u8*s8->u8",
                    "implementation": "brg_conv_fwd:avx512_core_vnni",
                    "count": 5,
                    "milliseconds": 0.5,
                    "kind": "fast int8",
                    "isa": "avx512_vnni",
                },
                {
                    "operator": "linear",
                    "types": "u8*s8->f32",
                    "implementation": "brg_matmul:avx512_core_vnni",
                    "count": 1,
                    "milliseconds": None,
                    "kind": "fast int8",
                    "isa": "avx512_vnni",
                },
            ],
            "instructions": {"samples": 140, "seen": {"vpdpbusd": 0.5, "vfmadd": 0.02}},
        },
        "agreement": 0.995,
        "speedup": 2.1,
    }


LONGEST = tuple(
    Kernel(
        operator="convolution",
        types=f"u8*s8->{to}",
        implementation=f"brgconv_1x1_{number}:avx512_core_amx_fp16",
        milliseconds=1.0,
    )
    for number in range(3)
    for to in ("u8", "f32")
)
PAIRS = Instructions(
    samples=150, seen={"vpmaddwd.vex": 0.69, "vpmaddubsw.vex": 0.64, "mulps": 0.07}
)


def test_the_text_fits_a_screen_and_ends_in_the_verdict() -> None:
    model, features = "Intel(R) Xeon(R) Platinum 8592+ with a long name", X86_FEATURES
    cpu = replace(GOOD.cpu, model=model, features=features)
    long = replace(
        DIGITS,
        fp32=replace(DIGITS.fp32, kernels=LONGEST),
        int8=replace(DIGITS.int8, kernels=(*LONGEST, LINEAR), instructions=PAIRS),
    )
    most = replace(GOOD, cpu=cpu, tasks=(long, ENCODER))
    for found in (GOOD, BOTH, most):
        lines = report.to_text(EXPECTED, found, judge(EXPECTED, found)).splitlines()
        shown = lines[: 1 + next(i for i, line in enumerate(lines) if line.startswith("verdict"))]
        assert len(shown) <= 48
        assert max(map(len, shown)) <= 100
    lines = report.to_text(EXPECTED, GOOD, judge(EXPECTED, GOOD)).splitlines()
    assert lines[-1] == "verdict: PASS"


def test_the_table_tells_kernels_from_their_class_and_names_the_instructions() -> None:
    lines = report.to_text(EXPECTED, GOOD, judge(EXPECTED, GOOD)).splitlines()
    assert lines[4:7] == [
        "digits   accuracy    images/s  spread   instructions that multiply",
        "FP32       99.00%       1,000    1.0%   vfmadd 70% of 150 samples",
        "INT8       98.80%       2,100    2.0%   vpdpbusd 50% of 140 samples",
    ]
    assert lines[9:13] == [
        "digits            types      implementation                     count  share  class",
        "FP32  convolution f32        jit:avx512_core                        5         f32 avx512",
        "INT8  convolution u8*s8->u8  brg_conv_fwd:avx512_core_vnni          5   100%  "
        "fast int8 avx512_vnni",
        "INT8  linear      u8*s8->f32 brg_matmul:avx512_core_vnni            1         "
        "fast int8 avx512_vnni",
    ]


def test_the_text_says_why_there_are_no_samples() -> None:
    bare = good(int8=replace(DIGITS.int8, instructions=None, unsampled="it is forbidden"))
    text = report.to_text(EXPECTED, bare, judge(EXPECTED, bare))
    assert "INT8       98.80%       2,100    2.0%   not sampled: it is forbidden\n" in text


def test_the_verdict_says_that_it_goes_by_names_alone() -> None:
    bare = good(int8=replace(DIGITS.int8, instructions=None, unsampled="it is forbidden"))
    assert report.to_text(EXPECTED, bare, judge(EXPECTED, bare)).splitlines()[-1] == (
        "verdict: PASS, by names alone (not sampled: it is forbidden)"
    )


def test_the_text_says_when_a_cpu_could_do_more_than_its_row_asks() -> None:
    newer = replace(GOOD, cpu=replace(GOOD.cpu, features=(*GOOD.cpu.features, "amx_int8")))
    lines = report.to_text(EXPECTED, newer, judge(EXPECTED, newer)).splitlines()
    assert lines[-2:] == [
        "verdict: PASS",
        "no row names amx_int8: judged by the nearest lower one, avx512_vnni",
    ]


def test_colours_are_added_and_change_nothing_else() -> None:
    bad = good(speedup=1.2)
    for findings in (GOOD, bad):
        verdict = judge(EXPECTED, findings)
        text = report.to_text(EXPECTED, findings, verdict, report.coloured)
        assert "\033[32mok  \033[0m" in text
        assert ("\033[31mFAIL\033[0m" in text) == (findings is bad)
        assert re.sub(r"\033\[\d+m", "", text) == report.to_text(EXPECTED, findings, verdict)


def test_the_text_of_a_failure_ends_in_the_reasons() -> None:
    bad = good(speedup=1.2)
    lines = report.to_text(EXPECTED, bad, judge(EXPECTED, bad)).splitlines()
    assert lines[-2:] == [
        "verdict: FAIL",
        "digits: int8 speed: 1.20 times, should be >= 1.5 times fp32",
    ]


def test_a_check_is_one_line_for_all_tasks_that_pass_it() -> None:
    slow = replace(BOTH, tasks=(DIGITS, replace(ENCODER, speedup=1.2)))
    lines = report.to_text(EXPECTED, slow, judge(EXPECTED, slow)).splitlines()
    assert [line for line in lines if line.startswith(("ok ", "FAIL"))] == [
        "ok   expectation for this CPU   avx512_vnni",
        "ok   fp32 accuracy              0.9900",
        "ok   int8 accuracy drop         0.0020 (0.9900 to 0.9880)",
        "ok   agreement                  0.9950",
        "ok   fp32 kernels               "
        "digits f32: jit:avx512_core; encoder f32: brg_matmul:avx512_core",
        "ok   int8 kernels: convolution  brg_conv_fwd:avx512_core_vnni (fast int8 for avx512_vnni)",
        "ok   int8 kernels: linear       brg_matmul:avx512_core_vnni (fast int8 for avx512_vnni)",
        "ok   fp32 instructions          none of int8's",
        "ok   int8 instructions          vpdpbusd",
        "ok   int8 speed                 digits 2.10 times",
        "FAIL encoder: int8 speed                 1.20 times",
    ]
    assert lines[-1] == "encoder: int8 speed: 1.20 times, should be >= 1.5 times fp32"
