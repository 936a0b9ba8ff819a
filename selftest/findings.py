"""What one run of this program found out; judged by verdict, shown by report."""

from __future__ import annotations

from dataclasses import dataclass

from selftest.cpu import Cpu
from selftest.evidence import Kernel


@dataclass(frozen=True, kw_only=True, slots=True)
class Precise:
    """One precision. `spread`: interquartile range over median; `problem`: why no evidence."""

    accuracy: float
    images_per_s: float
    spread: float
    kernels: tuple[Kernel, ...]
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """`agreement`: share of images with the same answer; `speedup`: INT8 over FP32."""

    version: str
    python: str
    cpu: Cpu
    threads: int
    fp32: Precise
    int8: Precise
    agreement: float
    speedup: float
