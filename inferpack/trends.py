"""A variant's nights as the report shows them; what is marked in them is for `losses` to say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from inferpack.difference import Change, other
from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.losses import (
    NIGHTS,
    PULLED,
    UNPACKED,
    UNSEEN,
    losses,
    smallness,
    split,
    tolerated,
    usual,
)


class Outcome(StrEnum):
    """How a night ended; worse: it passed, with a loss."""

    PASSED = "passed"
    WORSE = "worse"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """All nights on record of an image or a wheel, oldest first."""

    id: str
    title: str
    nights: tuple[Entry, ...]
    tolerance: Tolerance


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A number for each night, or None; `elsewhere`: those of other machines, with which the rest
    is not compared; `limit`: what is marked beyond it, where there was anything before.
    """

    values: tuple[float | None, ...]
    elsewhere: tuple[float | None, ...] = ()
    limit: float | None = None

    @property
    def newest(self) -> float | None:
        return next((value for value in reversed(self.values) if value is not None), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What is other than the night before; `at`: in seconds since 1970."""

    at: int
    change: Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """What is shown of a past: the last NIGHTS. `sized`: which size `size` is; `task`: the one that
    `speed` is of.
    """

    id: str
    title: str
    nights: tuple[Entry, ...]
    outcomes: tuple[Outcome, ...]
    sized: str
    size: Series
    task: str
    speed: Series
    worse: tuple[Change, ...]
    events: tuple[Event, ...]

    @property
    def machine(self) -> str:
        """Where the newest proof was."""
        return next((night.machine for night in reversed(self.nights) if night.machine), "")


def trend(past: Past) -> Trend | None:
    """None where no night is on record."""
    nights = past.nights[-NIGHTS:]
    if not nights:
        return None
    places = range(len(past.nights) - len(nights), len(past.nights))
    passed = [night for night in nights if not night.error]
    task = main_task(passed)
    return Trend(
        id=past.id,
        title=past.title,
        nights=nights,
        outcomes=tuple(outcome(past.nights[: place + 1], past.tolerance) for place in places),
        sized=UNPACKED if any(night.unpacked for night in passed) else PULLED,
        size=sizes(nights, past.tolerance),
        task=task,
        speed=speeds(nights, task, past.tolerance),
        worse=losses(past.nights, past.tolerance),
        events=(*versions(passed), *kernels(passed)),
    )


def outcome(nights: Sequence[Entry], tolerance: Tolerance) -> Outcome:
    """Of the newest, by what was known then."""
    if nights[-1].error:
        return Outcome.FAILED
    return Outcome.WORSE if losses(nights, tolerance) else Outcome.PASSED


def main_task(passed: Sequence[Entry]) -> str:
    """The first of those that the newest proof timed."""
    timed = (night for night in reversed(passed) if night.speedups)
    return next((next(iter(night.speedups)) for night in timed), "")


def sizes(nights: Sequence[Entry], tolerance: Tolerance) -> Series:
    """In bytes: unpacked, or of a wheel what is pulled."""
    values = tuple(
        None if night.error else night.unpacked or night.compressed or None for night in nights
    )
    before = [value for value in values if value is not None][:-1]
    limit = usual(before, smallness) * (1 + tolerance.size) if before else None
    return Series(values=values, limit=limit)


def speeds(nights: Sequence[Entry], task: str, tolerance: Tolerance) -> Series:
    """INT8 over FP32 on the newest proof's machine, and elsewhere."""
    timed = [
        night if task in night.speedups and not night.error and not night.emulated else None
        for night in nights
    ]
    machine = next((night.machine for night in reversed(timed) if night), "")
    values, elsewhere = (
        tuple(
            night.speedups[task] if night and (night.machine == machine) is here else None
            for night in timed
        )
        for here in (True, False)
    )
    known = [value for value in values if value is not None]
    before = split(known)[0] if len(known) > 1 else ()
    limit = usual(before, float) * (1 - tolerated(before, tolerance)) if before else None
    return Series(values=values, elsewhere=elsewhere, limit=limit)


def versions(passed: Sequence[Entry]) -> Iterator[Event]:
    for before, after in pairwise(passed):
        for change in other("version", before.version, after.version):
            yield Event(at=after.at, change=change)


def kernels(passed: Sequence[Entry]) -> Iterator[Event]:
    """Those that are others than in the night before on the same machine."""
    last: dict[str, dict[str, str]] = {}
    for night in passed:
        known = last.get(night.machine, night.kernels)
        if night.kernels:
            last[night.machine] = night.kernels
        for what in dict.fromkeys((*known, *night.kernels)) if night.kernels else ():
            told = (found.get(what) or UNSEEN for found in (known, night.kernels))
            for change in other(f"{what} kernel", *told):
                yield Event(at=night.at, change=change)
