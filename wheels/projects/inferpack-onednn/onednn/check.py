"""Whether INT8 is exact and runs on fast kernels: oneDNN's results against plain Python's.

The values are such that no instruction set may round or saturate them. CPUs without VNNI add two
products in 16 bits, and halve the weights of signed convolutions beforehand: weights are even and
at most 64. https://uxlfoundation.github.io/oneDNN/dev_guide_int8_computations.html
"""

from __future__ import annotations

import os
import random
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
    """A variable of the environment that may hide what the CPU has, with its value, or nothing."""
    threads: int
    results: tuple[Result, ...]


def faults(report: Report) -> tuple[str, ...]:
    """What is wrong with each case: results and kernels. Speed is shown, and not judged: it is as
    much of what else runs here.
    """
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
    f32: dict[Operation, Measurement] = {}
    int8 = {}
    for case in CASES:
        if case.operation not in f32:  # just before: what else runs here changes with time
            f32[case.operation] = measure(case.operation, F32, isa, seconds)
        int8[case] = measure(case.operation, case.types, isa, seconds)
    return Report(
        version=onednn.version(),
        isa=isa,
        limit=next((f"{key}={os.environ[key]}" for key in LIMITS if os.environ.get(key)), ""),
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
        due = saturated(operation.small.answer(source, weights), types[2])
        exact = primitive.result() == due
        implementation = primitive.implementation
    # The reference would take seconds for the large one, minutes under emulation.
    slow = judge(implementation, isa) is Verdict.REFERENCE
    problem = operation.small if slow else operation.large
    with prepared(problem, types) as primitive:
        primitive.load([1] * elements(problem.source), [2] * elements(problem.weights))
        primitive.run()
        due = saturated(problem.uniform(2), types[2])
        return Measurement(
            implementation=primitive.implementation,
            exact=exact and primitive.result() == due,
            gops=speed(primitive, problem, seconds) if seconds else None,
        )


def speed(primitive: Primitive, problem: Problem, seconds: float) -> float:
    """In 10^9 operations a second, of the fastest run: what else runs here only slows it down."""
    fastest = total = primitive.run()
    while total < seconds:
        took = primitive.run()
        fastest, total = min(fastest, took), total + took
    return problem.operations / fastest / 1e9


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


def saturated(sums: list[int], result: Type) -> list[int]:
    """What must come out: to eight bits where the result has no more."""
    match result:
        case Type.F32:
            return sums
        case Type.S8:
            return [max(-128, min(127, each)) for each in sums]
        case Type.U8:
            return [max(0, min(255, each)) for each in sums]
