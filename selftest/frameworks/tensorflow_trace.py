"""TensorFlow's own trace: the operators that ran, and how long; no tensorflow needed.

What oneDNN runs is named _Mkl...; any other is TensorFlow's own, made of Eigen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from selftest.evidence import Kernel, NoEvidence

OPERATORS = {
    "Conv2D": "convolution",
    "DepthwiseConv2dNative": "convolution",
    "MatMul": "linear",
    "AddV2": "add",
    "Mean": "pool",
}
FUSED = "_Fused"
ONEDNN = "_Mkl"
UNWEIGHED = ("Const", "NoOp", "_Arg", "_Retval")
"""Nothing is computed there."""

LABEL = re.compile(r"\S+ = (\w+)\(")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """`label`: "[memory] <node> = <operator>(<inputs>)"; `types`: of the outputs."""

    label: str
    types: tuple[str, ...]
    milliseconds: float


def parse(steps: Iterable[Step]) -> tuple[Kernel, ...]:
    """Every operator that ran and computes; f32 is what puts out nothing but that."""
    kernels = tuple(
        Kernel(
            operator=OPERATORS.get(name.removeprefix(FUSED), "other"),
            types="f32" if set(step.types) == {"float32"} else "->" + ",".join(step.types),
            implementation=f"{'oneDNN' if name.startswith(ONEDNN) else 'Eigen'}/{name}",
            milliseconds=step.milliseconds,
        )
        for step in steps
        if (found := LABEL.search(step.label)) and (name := found[1]) not in UNWEIGHED
    )
    if not kernels:
        raise NoEvidence("TensorFlow's trace shows no operator")
    return kernels
