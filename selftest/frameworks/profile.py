"""onnxruntime's profile (JSON) of one run as kernels; needs no onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from selftest.evidence import Kernel, NoEvidence, types

OPERATORS = (
    ("Reorder", "reorder"),
    ("Transpose", "reorder"),
    ("Conv", "convolution"),
    ("Gemm", "linear"),
    ("MatMul", "linear"),
    ("Pool", "pool"),
    ("Add", "add"),
)
"""Part of the operator's name to its kind; the first that fits."""

TYPES = {"float": "f32", "float16": "f16", "bfloat16": "bf16", "uint8": "u8", "int8": "s8"}

Shapes = list[dict[str, list[int]]]


def parse(text: str) -> tuple[Kernel, ...]:
    """One kernel per node that ran, in order; raises NoEvidence when there is none."""
    try:
        events = [event for event in json.loads(text) if event.get("cat") == "Node"]
        kernels = tuple(
            _kernel(event["args"], event["dur"])
            for event in events
            if event["name"].endswith("_kernel_time")
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as err:
        raise NoEvidence(f"onnxruntime's profile has a format we do not know: {err!r}") from err
    if not kernels:
        raise NoEvidence("onnxruntime's profile shows no operator")
    return kernels


def _kernel(node: Mapping[str, Any], microseconds: float) -> Kernel:
    name = str(node["op_name"])
    inputs, outputs = node["input_type_shape"], node["output_type_shape"]
    kind = next((kind for part, kind in OPERATORS if part in name), "other")
    if kind == "linear" and _is_batched(inputs):
        kind = "attention"
    multiplies = kind in ("convolution", "linear")
    return Kernel(
        operator=kind,
        types=types(_type(inputs[0]), _weights(inputs) if multiplies else None, _type(outputs[0])),
        implementation=f"{node['provider']}/{name}",
        milliseconds=microseconds / 1000,
    )


def _is_batched(inputs: Shapes) -> bool:
    """Whether each of a batch has its own second factor: no weights, which all of it share."""
    shapes = [shape for entry in inputs[1:2] for shape in entry.values()]
    return any(len(shape) > 2 for shape in shapes)


def _weights(inputs: Shapes) -> str:
    """Prepacked weights are not in the profile, but their zero points are: the only 8-bit vector
    behind the source (its own zero point and the destination's are scalars).
    """
    vectors = (kind for entry in inputs[1:] for kind, shape in entry.items() if shape)
    found: Iterable[str] = (TYPES[kind] for kind in vectors if kind in ("int8", "uint8"))
    return next(iter(found), _type(inputs[0]))


def _type(entry: Mapping[str, list[int]]) -> str:
    name = next(iter(entry))
    return TYPES.get(name, name)
