"""Which kernels ran before and run now, operator by operator."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from inferpack.difference import Change, other
from inferpack.expectation import Least, Operator
from inferpack.proof import Instructions, Kernel, Run

KINDS = ("reference", "not int8", "slow int8", "unnamed int8", "fast int8")  # from worst to best
ISAS = tuple(
    isa for isa in Least if isa not in (Least.SOME, Least.SLOW)
)  # from least to best for INT8
MULTIPLYING = tuple(Operator)
CLASS = re.compile(rf": ({'|'.join(KINDS)})(?: for (\w+))?")  # as `summary` tells it
ABOVE_REFERENCE, ROUNDING = (1, -1), 1e-9
DOT_PRODUCTS = ("vpdpb", "tdpb")
CHANCE = 0.01  # of missing in all samples what is there


def kernel_changes(precision: str, old: Run, new: Run, *, judged: bool) -> tuple[Change, ...]:
    """The operators whose kernels are others, and the instructions that are no longer seen.

    Not `judged`, as where another CPU has other kernels, none of it is worse.
    """
    operators = dict.fromkeys(kernel.operator for run in (old, new) for kernel in run.kernels)
    changed = (
        change
        for operator in operators
        for change in operator_changes(
            f"{precision} {operator}", of(operator, old), of(operator, new)
        )
    )
    found = (*changed, *instruction_changes(precision, old, new))
    return found if judged else tuple(replace(change, worse=False) for change in found)


def of(operator: str, run: Run) -> tuple[Kernel, ...]:
    return tuple(kernel for kernel in run.kernels if kernel.operator == operator)


def operator_changes(
    what: str, old: tuple[Kernel, ...], new: tuple[Kernel, ...]
) -> tuple[Change, ...]:
    """Other implementations, or the same ones in a worse class or proportion."""
    worse = is_worse(old, new)
    gone, come = told(old) - told(new), told(new) - told(old)
    if not gone and not come and not worse:
        return ()
    before, after = (gone, come) if gone or come else (counted(old), counted(new))
    note = f"{classes(old)} → {classes(new)}" if classes(old) != classes(new) else ""
    return (Change(what=what, before=listed(before), after=listed(after), note=note, worse=worse),)


def is_worse(old: tuple[Kernel, ...], new: tuple[Kernel, ...]) -> bool:
    """Whether, from any class on, a smaller part of the operator's runs is of it or better.

    An operator that multiplies and is no longer seen is worse. Another one may be fused away, and
    its class says little: it is worse only where more of it runs on reference kernels.
    """
    if not old or not new:
        return bool(old) and old[0].operator in MULTIPLYING
    known = map(rank, old) if old[0].operator in MULTIPLYING else (ABOVE_REFERENCE,)
    return any(part(old, least) > part(new, least) + ROUNDING for least in known)


def part(kernels: tuple[Kernel, ...], least: tuple[int, int]) -> float:
    """The share of runs whose class is at least this."""
    total = sum(kernel.count for kernel in kernels)
    return sum(kernel.count for kernel in kernels if rank(kernel) >= least) / total


def rank(kernel: Kernel) -> tuple[int, int]:
    return KINDS.index(kernel.kind), isa_rank(kernel.isa)


def isa_rank(isa: str | None) -> int:
    """How good an instruction set is for INT8; -1 for none or an unknown one."""
    return ISAS.index(Least(isa)) if isa in ISAS else -1


@cache  # a history has few of them, and asks often
def worst_rank(text: str) -> tuple[int, int]:
    """The worst one's of kernels in words; none is worse than any.

    >>> worst_rank("brg:avx2: fast int8 for avx2; gemm:jit: slow int8")
    (2, -1)
    """
    ranks = ((KINDS.index(kind), isa_rank(isa)) for kind, isa in CLASS.findall(text))
    return min(ranks, default=(-1, -1))


def told(kernels: Iterable[Kernel]) -> set[str]:
    return {kernel.implementation or kernel.types for kernel in kernels}


def counted(kernels: Iterable[Kernel]) -> set[str]:
    return {f"{kernel.count} x {kernel.implementation or kernel.types}" for kernel in kernels}


def classes(kernels: Iterable[Kernel]) -> str:
    """The classes of an operator's kernels, the best first."""
    ranked = sorted(kernels, key=rank, reverse=True)
    named = (f"{item.kind} {item.isa}" if item.isa else str(item.kind) for item in ranked)
    return ", ".join(dict.fromkeys(named)) or "none"


def listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def instruction_changes(precision: str, old: Run, new: Run) -> tuple[Change, ...]:
    """Dot products, or tiles of them, that were seen and now are not.

    Where few samples were taken, they may be missed by chance: then nothing is said. No samples at
    all are a proof the less.
    """
    what = f"{precision} instructions"
    if old.instructions is None or new.instructions is None:
        sampled = ["not sampled" if run.instructions is None else "sampled" for run in (old, new)]
        return other(what, *sampled, worse=new.instructions is None)
    before, after = dot_products(old.instructions), dot_products(new.instructions)
    samples = min(old.instructions.samples, new.instructions.samples)
    missed = (1 - min(1.0, sum(before.values()))) ** samples
    if not before or after or missed > CHANCE:
        return ()
    told = ", ".join(f"{name} {share:.0%}" for name, share in sorted(before.items()))
    return other(what, told, "no dot products seen", worse=True)


def dot_products(found: Instructions) -> dict[str, float]:
    return {name: share for name, share in found.seen.items() if name.startswith(DOT_PRODUCTS)}
