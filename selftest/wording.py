"""Kernels in words, as checks and their reasons tell them."""

from __future__ import annotations

from collections.abc import Iterable

from selftest.classes import Class, Kind, classify
from selftest.evidence import Kernel
from selftest.findings import Precise


def names(kernels: Iterable[Kernel]) -> str:
    return ", ".join(dict.fromkeys(kernel.implementation for kernel in kernels))


def typed(kernels: list[Kernel]) -> str:
    return f"{kernels[0].types}: {names(kernels)}" if kernels else ""


def classed(kernels: Iterable[Kernel], precise: Precise) -> str:
    """Names, each class behind those that are of it."""
    groups: dict[str, list[Kernel]] = {}
    for kernel in kernels:
        found = classify(kernel, precise.instructions)
        groups.setdefault(_told(found, kernel, precise), []).append(kernel)
    return ", ".join(f"{names(same)} ({text})" for text, same in groups.items())


def _told(found: Class, kernel: Kernel, precise: Precise) -> str:
    """The class in words, with what keeps us from knowing more."""
    if found.kind is Kind.NOT_INT8:
        return f"{found.kind.value}: {kernel.types}"
    if found.kind is Kind.UNNAMED and precise.unsampled:
        return f"{found}, {precise.unsampled}"
    return str(found)
