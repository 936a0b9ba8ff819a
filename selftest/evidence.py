"""Which kernels ran: the uniform record that every framework's own evidence becomes."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

INTEGERS = frozenset({"u8", "s8", "i8"})
OPERATORS = ("convolution", "linear")
"""What INT8 is about: whose weights are constant. A product of two activations is none of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """`types`: 'f32' when all are alike, otherwise 'source*weights->destination'."""

    operator: str
    types: str
    implementation: str
    count: int = 1
    milliseconds: float | None = None

    @property
    def is_int8(self) -> bool:
        """Whether everything that is multiplied is an 8-bit integer."""
        return set(self.types.split("->")[0].split("*")) <= INTEGERS


class NoEvidence(Exception):
    """The library's evidence is missing or has a format we do not know."""


def types(source: str, weights: str | None, destination: str) -> str:
    """The `types` text of a Kernel."""
    inputs = [source] if weights is None else [source, weights]
    if {*inputs, destination} == {source}:
        return source
    return f"{'*'.join(inputs)}->{destination}"


def grouped(kernels: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """Equal kernels counted, their times added; in order of first appearance."""
    groups: dict[tuple[str, str, str], list[Kernel]] = {}
    for kernel in kernels:
        key = (kernel.operator, kernel.types, kernel.implementation)
        groups.setdefault(key, []).append(kernel)
    return tuple(
        Kernel(
            operator=operator,
            types=types_,
            implementation=implementation,
            count=sum(one.count for one in same),
            milliseconds=_total([one.milliseconds for one in same]),
        )
        for (operator, types_, implementation), same in groups.items()
    )


def _total(times: list[float | None]) -> float | None:
    known = [time for time in times if time is not None]
    return sum(known) if len(known) == len(times) else None


def captured_stdout(action: Callable[[], object]) -> str:
    """What native code printed on file descriptor 1 during `action`; needs no writable disk."""
    return _captured(action, 1)


def captured_stderr(action: Callable[[], object]) -> str:
    """The same, on file descriptor 2."""
    return _captured(action, 2)


def _captured(action: Callable[[], object], descriptor: int) -> str:
    libc = ctypes.CDLL(None)
    memory, original = os.memfd_create("selftest"), os.dup(descriptor)
    try:
        libc.fflush(None)
        os.dup2(memory, descriptor)
        try:
            action()
        finally:
            libc.fflush(None)
            os.dup2(original, descriptor)
        size = os.lseek(memory, 0, os.SEEK_END)
        return os.pread(memory, size, 0).decode(errors="replace")
    finally:
        os.close(memory)
        os.close(original)
