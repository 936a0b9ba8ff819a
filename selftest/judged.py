"""What the kernels that ran are worth to a row of a recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable

from selftest.classes import SEEN, SOME, Kind, classify, meets, named
from selftest.evidence import OPERATORS, Kernel
from selftest.findings import Precise
from selftest.instructions import LEAST
from selftest.wording import classed, names

CLAIMS = {"openblas": re.compile(r"openblas/.*", re.IGNORECASE)}
"""Backends that are one library, and how it names all kernels that multiply in FP32."""


def unclaimed(backend: str, kernels: Iterable[Kernel]) -> list[Kernel]:
    """Those in FP32 that another library ran than the one that the backend is named for."""
    claim = CLAIMS.get(backend)
    return [one for one in judged(kernels) if claim and not claim.fullmatch(one.implementation)]


def kernel_problem(least: str, seen: list[Kernel], all_of_them: int, int8: Precise) -> str | None:
    """Why the kernels of one kind, `seen`, are not what a row asks for; None where they are."""
    if not seen:
        return f"unseen ({int8.problem or 'no evidence of any'})"
    if wrong := [kernel for kernel in seen if not _satisfies(kernel, least, int8)]:
        return classed(wrong, int8)
    count = sum(kernel.count for kernel in seen)
    if least == SOME:
        return None if any(kernel.is_int8 for kernel in seen) else f"none in INT8: {names(seen)}"
    if count != all_of_them:
        return f"{count} of {all_of_them} in INT8: {names(seen)}"
    return None


def judged(kernels: Iterable[Kernel]) -> list[Kernel]:
    return [kernel for kernel in kernels if kernel.operator in OPERATORS]


def weighty(kernels: list[Kernel]) -> list[Kernel]:
    """Those that take enough of the time to be seen computing."""
    total = sum(kernel.milliseconds or 0.0 for kernel in kernels)
    return [
        kernel
        for kernel in kernels
        if kernel.milliseconds is None or kernel.milliseconds >= 2 * LEAST * total
    ]


def _satisfies(kernel: Kernel, least: str, int8: Precise) -> bool:
    if least == SOME:
        return named(kernel.implementation)[0] is not Kind.REFERENCE
    return meets(classify(kernel, int8.instructions), least) or _escapes(kernel, int8)


def _escapes(kernel: Kernel, int8: Precise) -> bool:
    """Whether it takes too little time for its instructions to be seen, beside kernels that are not
    INT8: then the library's name for it, which names none, must do.
    """
    return (
        kernel.is_int8
        and named(kernel.implementation) == (Kind.FAST, SEEN)
        and int8.instructions is not None
        and not int8.instructions.int8
        and not any(one.is_int8 for one in weighty(judged(int8.kernels)))
    )
