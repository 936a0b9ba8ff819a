"""torch's own profile of one run as kernels: which operators ran, on numbers of which type.

For what logs nothing: the quantised operators of XNNPACK and of Arm's Compute Library (ACL), which
name no kernels, and FP32 products that oneDNN leaves to BLAS. Needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from selftest.evidence import Kernel, NoEvidence, types

TYPES = {"float": "f32", "c10::qint8": "s8", "c10::quint8": "u8", "c10::BFloat16": "bf16"}
KINDS = {
    "quantized::conv2d": "convolution",
    "quantized::conv2d_relu": "convolution",
    "quantized::linear": "linear",
    "quantized::linear_dynamic": "linear",
    "quantized::add": "add",
    "quantized::add_relu": "add",
    "aten::convolution": "convolution",
    "aten::addmm": "linear",
    "aten::mm": "linear",
    "aten::bmm": "attention",
}
"""Operators to what they compute. `aten::convolution` and the others compute in FP32 here."""

QUANTISED, DYNAMIC = "quantized::", "_dynamic"
BLAS = re.compile(r"BLAS_INFO=(\w+)")
BLAS_NAMES = {"open": "openblas"}
XNNPACK, QNNPACK, ACL = "XNNPACK", "qnnpack", "acl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operator that ran: its name and its inputs' types in torch's words."""

    name: str
    inputs: tuple[str, ...]
    milliseconds: float


def parse(operations: Iterable[Operation], blas: str) -> tuple[Kernel, ...]:
    """One kernel per operator that multiplies or adds; raises NoEvidence when there is none.

    `blas`: what computes products in FP32.
    """
    kernels = tuple(_kernel(one, blas) for one in operations if one.name in KINDS)
    if not kernels:
        raise NoEvidence("torch's profile shows no operator that we know")
    return kernels


def corrected(ran: Iterable[Kernel], logged: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """oneDNN's log knows better than torch who computed an operator: each kernel that it shows
    stands for one operator of its kind that ran, in FP32 or in INT8; which one is not told.
    """
    left: dict[tuple[str, bool], list[Kernel]] = {}
    for kernel in ran:
        left.setdefault((kernel.operator, kernel.is_int8), []).append(kernel)
    named = tuple(logged)
    for kernel in named:
        same = left.get((kernel.operator, kernel.is_int8))
        if same:
            same.pop()
            same[:] = [replace(one, milliseconds=None) for one in same]
    return (*named, *(kernel for same in left.values() for kernel in same))


def blas(configuration: str) -> str:
    """The library that torch was built to compute matrix products with, as it says itself."""
    found = BLAS.search(configuration)
    if found is None:
        raise NoEvidence("torch does not say which BLAS it was built with")
    return BLAS_NAMES.get(found[1], found[1])


def _kernel(one: Operation, blas_name: str) -> Kernel:
    """Weights are packed, and have no type of their own: torch packs them as signed numbers alone.

    A dynamic operator reads FP32, and quantises that itself.
    """
    source = TYPES.get(one.inputs[0] if one.inputs else "", "?")
    kind, name = KINDS[one.name], one.name.partition("::")[2]
    if not one.name.startswith(QUANTISED):
        return Kernel(
            operator=kind,
            types=types(source, None, source),
            implementation=f"{blas_name}/{name}",
            milliseconds=one.milliseconds,
        )
    result, library = source, _library(one.name, source)
    if one.name.endswith(DYNAMIC):
        source, result = "s8", "f32"
    return Kernel(
        operator=kind,
        types=types(source, None if kind == "add" else "s8", result),
        implementation=f"{library}_{name}" if library == ACL else f"{library}/{name}",
        milliseconds=one.milliseconds,
    )


def _library(name: str, source: str) -> str:
    """Who computes it: of torch's own two, QNNPACK reads unsigned numbers and XNNPACK signed ones.

    aten/src/ATen/native/quantized/cpu/qconv.cpp and qlinear_dynamic.cpp
    """
    if name.endswith(DYNAMIC):
        return ACL
    return XNNPACK if source == "s8" else QNNPACK
