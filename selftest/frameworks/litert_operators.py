"""LiteRT's evidence: its operators, and which of them a delegate has taken; no tensorflow needed.

XNNPACK, its delegate for CPUs, does not name its kernels: which instructions multiply is seen from
outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from selftest.evidence import Kernel, NoEvidence, types

OPERATORS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "convolution",
    "FULLY_CONNECTED": "linear",
    "ADD": "add",
    "MEAN": "pool",
    "QUANTIZE": "quantize",
    "DEQUANTIZE": "quantize",
}
WEIGHTED = ("convolution", "linear")
"""Their second operand is the weights."""

TYPES = {"int8": "s8", "uint8": "u8", "int32": "s32", "float32": "f32", "float16": "f16"}
DELEGATE = "DELEGATE"
LITERT = "LiteRT"
"""Runs by itself what no delegate has taken."""

CREATED = re.compile(r"Created TensorFlow Lite (\w+) delegate")


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """`inputs`, `outputs`: numbers of tensors; types by numpy's names."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operand_types: tuple[str, ...]
    result_types: tuple[str, ...]


def parse(operations: Sequence[Operation], log: str) -> tuple[Kernel, ...]:
    """Every operator of the model, in order, as "<who runs it>/<its name>"; `log`: what LiteRT said
    when it was made ready.
    """
    delegates = [one for one in operations if one.name == DELEGATE]
    created = CREATED.findall(log)
    if len(created) > 1 or len(delegates) > len(created) > 0:
        raise NoEvidence(f"LiteRT tells of {len(created)} delegates, and has {len(delegates)}")
    taken = {place for one in delegates for place in _between(operations, one)}
    who = f"{LITERT}-{created[0] if created else DELEGATE}"
    kernels = tuple(
        _kernel(one, who if place in taken else LITERT)
        for place, one in enumerate(operations)
        if one.name != DELEGATE
    )
    if not kernels:
        raise NoEvidence("LiteRT's model shows no operator")
    return kernels


def _between(operations: Sequence[Operation], delegate: Operation) -> Collection[int]:
    """The places of what computes a delegate's outputs from its inputs, which it replaces."""
    makers = {
        output: place
        for place, one in enumerate(operations)
        if one.name != DELEGATE
        for output in one.outputs
    }
    found: set[int] = set()
    wanted = set(delegate.outputs) - set(delegate.inputs)
    while wanted:
        place = makers.get(wanted.pop())
        if place is not None and place not in found:
            found.add(place)
            wanted |= set(operations[place].inputs) - set(delegate.inputs)
    return found


def _kernel(one: Operation, who: str) -> Kernel:
    operator = OPERATORS.get(one.name, "other")
    weights = one.operand_types[1] if operator in WEIGHTED else None
    return Kernel(
        operator=operator,
        types=types(*_short((one.operand_types[0], weights, one.result_types[0]))),
        implementation=f"{who}/{one.name}",
    )


def _short(names: Iterable[str | None]) -> tuple[str, str | None, str]:
    source, weights, result = (name and TYPES.get(name, name) for name in names)
    return source or "?", weights, result or "?"


def read(details: Iterable[Mapping[str, object]]) -> tuple[Operation, ...]:
    """From what the interpreter says of each operator, in numpy's arrays and types."""
    try:
        return tuple(
            Operation(
                name=str(one["op_name"]),
                inputs=_numbers(one["inputs"]),
                outputs=_numbers(one["outputs"]),
                operand_types=_names(one["operand_types"]),
                result_types=_names(one["result_types"]),
            )
            for one in details
        )
    except KeyError as err:
        raise NoEvidence(f"LiteRT's interpreter no longer tells {err}") from err


def _numbers(values: object) -> tuple[int, ...]:
    return tuple(int(value) for value in values)  # type: ignore[attr-defined]


def _names(kinds: object) -> tuple[str, ...]:
    return tuple(kind.__name__ for kind in kinds)  # type: ignore[attr-defined]
