"""An expectation, and findings that satisfy it: what the selftest tests start from."""

from __future__ import annotations

from selftest.cpu import Cpu
from selftest.evidence import Kernel
from selftest.expectation import Accuracy, Expectation, Row
from selftest.findings import Findings, Precise

ROWS = tuple(
    Row(
        cpu=cpu,
        kernels={"convolution": pattern, "linear": pattern},
        speedup=speedup,
    )
    for cpu, pattern, speedup in (
        (("avx512_vnni",), r".*:avx512_core_(vnni|amx).*", 1.5),
        (("avx_vnni",), r".*:avx2_vnni.*", 1.3),
        (("avx512f", "avx512bw"), r".*:avx512_core.*", 1.1),
        (("avx2",), r".*(:avx2|:jit)", 1.0),
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
    ),
    int8=Precise(accuracy=0.988, images_per_s=2100.0, spread=0.02, kernels=(CONVOLUTION, LINEAR)),
    agreement=0.995,
    speedup=2.1,
)
