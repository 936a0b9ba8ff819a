"""What one run of this program found out; judged by verdict, shown by report."""

from __future__ import annotations

from dataclasses import dataclass

from selftest.cpu import Cpu
from selftest.evidence import Kernel
from selftest.instructions import Instructions


@dataclass(frozen=True, kw_only=True, slots=True)
class Precise:
    """One precision. `spread`: interquartile range over median; `problem`: why no kernel is known,
    `unsampled`: why no instruction is.
    """

    accuracy: float
    images_per_s: float
    spread: float
    kernels: tuple[Kernel, ...]
    instructions: Instructions | None = None
    problem: str | None = None
    unsampled: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """`import_s`: seconds to import the framework; `agreement`: share of images with the same
    answer; `speedup`: INT8 over FP32.
    """

    version: str
    python: str
    import_s: float
    cpu: Cpu
    threads: int
    fp32: Precise
    int8: Precise
    agreement: float
    speedup: float
