"""What one run of this program found out; judged by verdict, shown by report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from selftest.cpu import Cpu
from selftest.evidence import Kernel
from selftest.instructions import Instructions


@dataclass(frozen=True, kw_only=True, slots=True)
class Precise:
    """One precision. `per_s`: inputs, or what else speed counts, per second; `spread`:
    interquartile range over median; `problem`: why no kernel is known, `unsampled`: why no
    instruction is.
    """

    accuracy: float
    per_s: float
    spread: float
    kernels: tuple[Kernel, ...]
    instructions: Instructions | None = None
    problem: str | None = None
    unsampled: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFindings:
    """`operators`: how often one inference should run each kind; `agreement`: share of inputs with
    the same answer; `speedup`: INT8 over FP32; `counted`: what speed counts, if not inputs.
    """

    name: str
    unit: str
    operators: Mapping[str, int]
    fp32: Precise
    int8: Precise
    agreement: float
    speedup: float
    counted: str = ""

    @property
    def pace(self) -> str:
        """What speed counts, in the plural."""
        return self.counted or self.unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """`import_s`: seconds to import the framework."""

    version: str
    python: str
    import_s: float
    cpu: Cpu
    threads: int
    tasks: tuple[TaskFindings, ...]
