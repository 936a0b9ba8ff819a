"""What ONEDNN_VERBOSE=1 prints, format v1: which primitives ran, by which implementation.

https://uxlfoundation.github.io/oneDNN/dev_guide_verbose.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MARKER = "onednn_verbose,"
VERSION = "v1"
TEMPLATE = "template:"
FIELDS = (
    *("operation", "engine", "primitive", "implementation", "prop_kind"),
    *("memory_descriptors", "attributes", "auxiliary", "problem_desc", "exec_time"),
)
"""In oneDNN 3.x; the template line, where there is one, has the last word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """`argument` is src, wei, bia, dst, ...; `layout` a tag such as acdb, or else the kind."""

    argument: str
    type: str
    layout: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One primitive that ran. Text is the log's own."""

    engine: str
    primitive: str
    implementation: str
    """Empty for a call of the gemm functions, which do not say."""
    propagation: str
    tensors: tuple[Tensor, ...]
    attributes: str
    auxiliary: str
    problem: str
    milliseconds: float

    @property
    def types(self) -> str:
        """Of source and weights, such as "u8*s8"; where there are none, of the first tensor."""
        found: dict[str, str] = {}
        for tensor in self.tensors:
            found.setdefault(tensor.argument.partition("_")[0], tensor.type)
        inputs = [found[name] for name in ("src", "wei") if name in found]
        return "*".join(inputs or [tensor.type for tensor in self.tensors[:1]])


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """Of all executions with the same primitive, implementation and types."""

    primitive: str
    implementation: str
    types: str
    count: int
    milliseconds: float


def parse(text: str) -> tuple[Execution, ...]:
    """In the log's order; whatever else is in it is passed over.

    Raises ValueError, with its number, for a line about an execution that cannot be read.
    """
    fields: tuple[str, ...] = FIELDS
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        _, marker, rest = line.partition(MARKER)
        if not marker:
            continue
        version, *values = rest.split(",")
        if values and values[0].replace(".", "", 1).isdecimal():
            del values[0]  # ONEDNN_VERBOSE_TIMESTAMP=1
        if version != VERSION and "exec" in (version, *values[:2]):
            raise ValueError(f"line {number} is not in format {VERSION}: {line}")
        if values[:2] == ["primitive", "info"] and values[2:3]:
            fields = _template(values[2:]) or fields
        elif values[:2] == ["primitive", "exec"]:
            execution = _execution(fields, values[1:])
            if execution is None:
                raise ValueError(f"line {number} cannot be read as an execution: {line}")
            found.append(execution)
    return tuple(found)


def summary(executions: Sequence[Execution]) -> tuple[Total, ...]:
    """What took the most time first."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for each in executions:
        key = (each.primitive, each.implementation, each.types)
        groups.setdefault(key, []).append(each.milliseconds)
    totals = [
        Total(
            primitive=primitive,
            implementation=implementation,
            types=types,
            count=len(times),
            milliseconds=math.fsum(times),
        )
        for (primitive, implementation, types), times in groups.items()
    ]
    return tuple(sorted(totals, key=lambda total: -total.milliseconds))


def _template(values: Sequence[str]) -> tuple[str, ...]:
    """Its fields, as the lines have them behind the timestamp; none where it is no template."""
    if not values[0].startswith(TEMPLATE):
        return ()
    fields = (values[0].removeprefix(TEMPLATE), *values[1:])
    return tuple(field for field in fields if field != "timestamp")


def _execution(fields: Sequence[str], values: Sequence[str]) -> Execution | None:
    """None for what is none."""
    try:
        record = dict(zip(fields, values, strict=True))
        return Execution(
            engine=record["engine"],
            primitive=record["primitive"],
            implementation=record["implementation"],
            propagation=record["prop_kind"],
            tensors=tuple(map(_tensor, record["memory_descriptors"].split())),
            attributes=record["attributes"],
            auxiliary=record["auxiliary"],
            problem=record["problem_desc"],
            milliseconds=float(record["exec_time"]),
        )
    except (KeyError, ValueError):
        return None


def _tensor(text: str) -> Tensor:
    """src:s8:a:blocked:ab::f0, or src_s8::blocked:ab:f0 of the gemm functions."""
    argument, *rest = text.split(":")
    if len(rest) == 4:
        argument, _, type_ = argument.rpartition("_")
        rest.insert(0, type_)
    type_, _, kind, layout, *_ = rest
    return Tensor(argument=argument, type=type_, layout=layout or kind)
