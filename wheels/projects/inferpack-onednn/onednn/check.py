"""Whether INT8 is exact and fast here: what oneDNN computes is compared with plain Python.

The values are such that no instruction set may round or saturate them. CPUs without VNNI add two
products in 16 bits, and halve the weights of signed convolutions beforehand: weights are even and
at most 64. https://uxlfoundation.github.io/oneDNN/dev_guide_int8_computations.html
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass

import onednn
from onednn import _library
from onednn.primitives import Primitive, Type, Types, prepared
from onednn.problems import Convolution, Matmul, Problem, elements
from onednn.verdict import Verdict, judge

SECONDS = 0.2
"""Enough on an idle machine; threads that wait for a CPU can make a run a hundred times longer."""

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
EVERY_ARM = tuple(onednn.ISAS["aarch64"].values())
WIDE_ARM = ("sve_512",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """The same thing twice: small for the comparison, large for the speed."""

    small: Problem
    large: Problem

    @property
    def name(self) -> str:
        return self.small.name


MATMUL = Operation(
    small=Matmul(rows=32, inner=64, columns=48), large=Matmul(rows=384, inner=384, columns=384)
)
POINTWISE = Operation(
    small=Convolution(size=8, inputs=32, outputs=32, kernel=1),
    large=Convolution(size=28, inputs=256, outputs=256, kernel=1),
)
SQUARE = Operation(
    small=Convolution(size=6, inputs=16, outputs=16, kernel=3),
    large=Convolution(size=28, inputs=96, outputs=96, kernel=3),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    operation: Operation
    types: Types
    on_arm: tuple[str, ...] = ()
    """The instruction sets of Arm that oneDNN has a fast implementation for; of x86, it is all."""

    @property
    def type_names(self) -> str:
        source, weights, result = self.types
        return f"{source}*{weights}->{result}"

    def needs_speed(self, isa: str) -> bool:
        return isa not in EVERY_ARM or isa in self.on_arm


F32 = (Type.F32, Type.F32, Type.F32)
SIGNED, UNSIGNED = (Type.S8, Type.S8, Type.F32), (Type.U8, Type.S8, Type.F32)
NARROW = (Type.S8, Type.S8, Type.S8)
CASES = (
    Case(operation=MATMUL, types=SIGNED, on_arm=EVERY_ARM),
    Case(operation=MATMUL, types=UNSIGNED),
    Case(operation=POINTWISE, types=NARROW, on_arm=WIDE_ARM),
    Case(operation=POINTWISE, types=UNSIGNED, on_arm=WIDE_ARM),
    Case(operation=SQUARE, types=NARROW, on_arm=WIDE_ARM),
    Case(operation=SQUARE, types=UNSIGNED, on_arm=WIDE_ARM),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    implementation: str
    exact: bool
    gops: float | None
    """10^9 multiplications and additions a second; None where it was not measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    case: Case
    verdict: Verdict
    int8: Measurement
    f32: Measurement

    @property
    def ratio(self) -> float | None:
        """How much faster INT8 is than f32."""
        if self.int8.gops is None or self.f32.gops is None:
            return None
        return self.int8.gops / self.f32.gops


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    version: onednn.Version
    isa: str
    limit: str
    """What the environment allows at most, or nothing: the CPU may have more."""
    threads: int
    results: tuple[Result, ...]


def faults(report: Report) -> tuple[str, ...]:
    """What is wrong with each case; none for a machine on which INT8 is exact and fast."""
    found = []
    for result in report.results:
        name = f"{result.case.operation.name} {result.case.type_names}"
        if not result.int8.exact:
            found.append(f"{name} is not exact with {result.int8.implementation}")
        if not result.f32.exact:
            found.append(f"{result.case.operation.name} f32 is not exact")
        if result.verdict is not Verdict.FAST and result.case.needs_speed(report.isa):
            found.append(f"{name} runs on {result.int8.implementation} ({result.verdict.value})")
    return tuple(dict.fromkeys(found))


def run(seconds: float = SECONDS) -> Report:
    """Each speed is measured for about so many seconds, or not at all for 0.

    Raises OneDnnError where oneDNN cannot be loaded or refuses a case.
    """
    isa = onednn.cpu_isa()
    operations = dict.fromkeys(case.operation for case in CASES)
    f32 = {operation: measure(operation, F32, isa, seconds) for operation in operations}
    int8 = {case: measure(case.operation, case.types, isa, seconds) for case in CASES}
    return Report(
        version=onednn.version(),
        isa=isa,
        limit=next(filter(None, map(os.environ.get, LIMITS)), ""),
        threads=_library.threads(),
        results=tuple(
            Result(
                case=case,
                verdict=judge(measured.implementation, isa),
                int8=measured,
                f32=f32[case.operation],
            )
            for case, measured in int8.items()
        ),
    )


def measure(operation: Operation, types: Types, isa: str, seconds: float) -> Measurement:
    with prepared(operation.small, types) as primitive:
        source, weights = values(operation.small, types)
        primitive.load(source, weights)
        primitive.run()
        exact = primitive.result() == answer(operation.small, types, source, weights)
        implementation = primitive.implementation
    # The reference would take seconds for the large one, minutes under emulation.
    slow = judge(implementation, isa) is Verdict.REFERENCE
    problem = operation.small if slow else operation.large
    with prepared(problem, types) as primitive:
        return Measurement(
            implementation=primitive.implementation,
            exact=exact,
            gops=speed(primitive, problem, seconds) if seconds else None,
        )


def speed(primitive: Primitive, problem: Problem, seconds: float) -> float:
    """In 10^9 operations a second, of the fastest run: what else runs here only slows it down."""
    primitive.load([1] * elements(problem.source), [2] * elements(problem.weights))
    primitive.run()
    times = [primitive.run()]
    while sum(times) < seconds:
        times.append(primitive.run())
    return problem.operations / min(times) / 1e9


def values(problem: Problem, types: Types) -> tuple[list[int], list[int]]:
    """Always the same source and weights; see above for their range.

    Where the result has eight bits they are small, lest most of it saturates.
    """
    draw = random.Random(f"{problem} {types}")  # noqa: S311  nothing secret
    if types[2] is not Type.F32:
        sources, even = range(-3, 4), range(-2, 3, 2)
    else:
        sources = range(256) if types[0] is Type.U8 else range(-128, 128)
        even = range(-64, 65, 2)
    source = draw.choices(sources, k=elements(problem.source))
    return source, draw.choices(even, k=elements(problem.weights))


def answer(
    problem: Problem, types: Types, source: Sequence[int], weights: Sequence[int]
) -> list[int]:
    """What must come out: sums, saturated to eight bits where the result has no more."""
    sums = problem.answer(source, weights)
    match types[2]:
        case Type.F32:
            return sums
        case Type.S8:
            return [max(-128, min(127, each)) for each in sums]
        case Type.U8:
            return [max(0, min(255, each)) for each in sums]
