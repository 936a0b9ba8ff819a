"""An expectation, and findings that satisfy it: what the selftest tests start from."""

from __future__ import annotations

from selftest.cpu import Cpu
from selftest.evidence import Kernel
from selftest.expectation import Accuracy, Expectation, Row
from selftest.findings import Findings, Precise
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
    fp32=Precise(
        accuracy=0.99,
        images_per_s=1000.0,
        spread=0.01,
        kernels=(
            Kernel(operator="convolution", types="f32", implementation="jit:avx512_core", count=5),
        ),
        instructions=Instructions(samples=150, seen={"vfmadd": 0.7, "vpmaddwd.vex": 0.01}),
    ),
    int8=Precise(
        accuracy=0.988,
        images_per_s=2100.0,
        spread=0.02,
        kernels=(CONVOLUTION, LINEAR),
        instructions=Instructions(samples=140, seen={"vpdpbusd": 0.5, "vfmadd": 0.02}),
    ),
    agreement=0.995,
    speedup=2.1,
)
