"""One thing that is different: what it was, what it is, and whether that is worse."""

from dataclasses import dataclass

from inferpack.wording import number

LOUD = 0.25  # a share; runs that differ by more say little of the speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """`note` says what the judgement rests on."""

    what: str
    before: str
    after: str
    note: str = ""
    worse: bool = False

    def __str__(self) -> str:
        told = f"{self.what}: {self.before} → {self.after}"
        return told + (f" ({self.note})" if self.note else "")


def faster(
    what: str, before: float, after: float, *, unit: str, noise: float, tolerance: float
) -> tuple[Change, ...]:
    """A speed that differs by more than `noise`; worse where it fell by more than `tolerance`.

    Both are shares. For a `unit` of time, less is more. Where the noise is so loud that a loss may
    hide in it, a difference within it is told, and not judged.
    """
    gain = (before / after if unit == "ms" else after / before) - 1
    hidden, loud = abs(gain) <= noise, noise > max(LOUD, tolerance)
    if not gain or (hidden and not loud):
        return ()
    told = f"{'faster' if gain > 0 else 'slower'} by {abs(gain):.0%}, noise {noise:.0%}"
    return (
        Change(
            what=what,
            before=f"{number(before)} {unit}",
            after=f"{number(after)} {unit}",
            note=f"cannot be judged: noise {noise:.0%}" if hidden else told,
            worse=gain < -tolerance and not hidden,
        ),
    )


def righter(what: str, before: float, after: float, *, tolerance: float) -> tuple[Change, ...]:
    """A share of right answers that changed; worse where it fell by more than `tolerance`."""
    if before == after:
        return ()
    return (
        Change(
            what=what,
            before=f"{before:.2%}",
            after=f"{after:.2%}",
            worse=before - after > tolerance,
        ),
    )


def other(what: str, before: str, after: str, *, worse: bool = False) -> tuple[Change, ...]:
    """Words that changed."""
    if before == after:
        return ()
    return (Change(what=what, before=before, after=after, worse=worse),)
