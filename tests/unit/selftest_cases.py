"""An expectation, and findings that satisfy it: what the selftest tests start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from selftest.cpu import Cpu
from selftest.evidence import Kernel
from selftest.expectation import Accuracy, Expectation, Row
from selftest.findings import Findings, Precise, TaskFindings
from selftest.instructions import Instructions

ROWS = tuple(
    Row(
        cpu=cpu,
        kernels={"convolution": convolution, "linear": linear},
        speedup=speedup,
    )
    for cpu, convolution, linear, speedup in (
        (("avx512_vnni",), "avx512_vnni", "avx512_vnni", 1.5),
        (("avx_vnni",), "avx_vnni", "avx_vnni", 1.3),
        (("avx512f", "avx512bw"), "avx512", "avx512", 1.1),
        (("avx2",), "avx2", "slow", 1.0),
    )
)
EXPECTED = Expectation(
    variant="pytorch-onednn-py311-amd64",
    framework="pytorch",
    backend="onednn",
    accuracy=Accuracy(fp32_min=0.97, drop_max=0.01, agreement_min=0.98),
    rows=ROWS,
)
CONVOLUTION = Kernel(
    operator="convolution",
    types="u8*s8->u8",
    implementation="brg_conv_fwd:avx512_core_vnni",
    count=5,
    milliseconds=0.5,
)
LINEAR = Kernel(operator="linear", types="u8*s8->f32", implementation="brg_matmul:avx512_core_vnni")
DIGITS = TaskFindings(
    name="digits",
    unit="images",
    operators={"convolution": 5, "linear": 1},
    fp32=Precise(
        accuracy=0.99,
        per_s=1000.0,
        spread=0.01,
        kernels=(
            Kernel(operator="convolution", types="f32", implementation="jit:avx512_core", count=5),
        ),
        instructions=Instructions(samples=150, seen={"vfmadd": 0.7, "vpmaddwd.vex": 0.01}),
    ),
    int8=Precise(
        accuracy=0.988,
        per_s=2100.0,
        spread=0.02,
        kernels=(CONVOLUTION, LINEAR),
        instructions=Instructions(samples=140, seen={"vpdpbusd": 0.5, "vfmadd": 0.02}),
    ),
    agreement=0.995,
    speedup=2.1,
)
GOOD = Findings(
    version="2.13.0",
    python="3.11.2",
    import_s=0.21,
    cpu=Cpu(
        model="AMD EPYC",
        arch="x86_64",
        features=("avx2", "avx512f", "avx512bw", "avx512_vnni"),
        cores=2,
        quota=1.5,
        emulated=False,
    ),
    threads=2,
    tasks=(DIGITS,),
)
LAYERS = (
    Kernel(operator="linear", types="f32", implementation="brg_matmul:avx512_core", count=14),
    Kernel(operator="attention", types="f32", implementation="ref:any", count=4),
)
INT8_LAYERS = replace(LAYERS[0], types="u8*s8->f32", implementation=LINEAR.implementation)
ENCODER = replace(
    DIGITS,
    name="encoder",
    operators={"linear": 14},
    fp32=replace(DIGITS.fp32, kernels=LAYERS),
    int8=replace(DIGITS.int8, kernels=(INT8_LAYERS, LAYERS[1])),
)
BOTH = replace(GOOD, tasks=(DIGITS, ENCODER))


def good(**changes: Any) -> Findings:
    """One task, which is good but for what changes."""
    return replace(GOOD, tasks=(replace(DIGITS, **changes),))
