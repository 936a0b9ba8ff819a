"""What has got worse in a variant's nights.

A night is held against what was usual before it, among the last NIGHTS: what most of the last
LATELY of them had or what most of all of them had, whichever is better. So a loss is marked from
the night that shows it until it is gone, or until most nights have it and it is usual itself; and
a loss by small steps is marked once these come to more than is tolerated.

Only nights that passed are compared: sizes with all, kernels and speeds with those on the same
machine, and emulated speeds with none. How much worse it may be is the recipe's tolerance, as for
`./inv compare`. Sizes and kernels are those of the newest night. A speed varies, so it is the mean
of the newest two, and the fewer nights it is held against, the more is tolerated: twice as much
with one, a tenth more with LATELY and more. Where nights vary by 5 %, that marks three of a
thousand for nothing, and nine of ten losses of 15 % on their first or second night.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import mean
from typing import Any, TypeVar

from inferpack import contents
from inferpack.difference import Change, faster, other
from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.kernels import worst_rank
from inferpack.wording import day

T = TypeVar("T")
NIGHTS, LATELY = 60, 10
UNSEEN = "not seen"
UNPACKED, PULLED = "unpacked", "pulled"


def losses(nights: Sequence[Entry], tolerance: Tolerance) -> tuple[Change, ...]:
    """Of the newest night, and where it failed of the newest that passed too."""
    recent = nights[-NIGHTS:]
    passed = [night for night in recent if not night.error]
    found = (
        *failure(recent),
        *kernels(passed),
        *speeds(passed, tolerance),
        *sizes(passed, tolerance),
    )
    return tuple(change for change in found if change.worse)


def usual(before: Sequence[T], goodness: Callable[[T], Any]) -> T:
    """The better of the middle of the last ones and the middle of all."""
    spans = (before[-LATELY:], before)
    middles = (sorted(span, key=goodness)[len(span) // 2] for span in spans)
    return max(middles, key=goodness)


def failure(nights: Sequence[Entry]) -> Iterator[Change]:
    """Why the newest failed, and since when nights do."""
    passed = [place for place, night in enumerate(nights) if not night.error]
    failed = nights[passed[-1] + 1 if passed else 0 :]
    if failed:
        before = f"passed on {day(nights[passed[-1]].at)}" if passed else "never passed"
        note = f"{len(failed)} nights since {day(failed[0].at)}" if len(failed) > 1 else ""
        yield Change(what="night", before=before, after=failed[-1].error, note=note, worse=True)


def kernels(passed: Sequence[Entry]) -> Iterator[Change]:
    """Operators that run in a worse class, or are seen no more."""
    proven = alike([night for night in passed if night.kernels])
    for what in dict.fromkeys(what for night in proven[:-1] for what in night.kernels):
        *before, now = (night.kernels.get(what, "") for night in proven)
        known = usual(before, worst_rank)
        worse = worst_rank(now) < worst_rank(known)
        yield from other(f"{what} kernel", known or UNSEEN, now or UNSEEN, worse=worse)


def speeds(passed: Sequence[Entry], tolerance: Tolerance) -> Iterator[Change]:
    """INT8 over FP32 of every task that the newest night with any has."""
    timed = alike([night for night in passed if night.speedups and not night.emulated])
    for task in timed[-1].speedups if timed else ():
        found = [night.speedups[task] for night in timed if task in night.speedups]
        if len(found) > 1:
            before, newest = split(found)
            allowed = tolerated(before, tolerance)
            rates = usual(before, float), mean(newest)
            yield from faster(speed_of(task), *rates, unit="x", noise=allowed, tolerance=allowed)


def speed_of(task: str) -> str:
    return f"{task} int8/fp32 speed"


def alike(nights: list[Entry]) -> list[Entry]:
    """Those on the newest one's machine, of which nothing but the name is on record."""
    return [night for night in nights if night.machine == nights[-1].machine]


def split(found: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Those that tell what is usual, and the newest two; of two, one each."""
    place = len(found) - min(2, len(found) - 1)
    return found[:place], found[place:]


def tolerated(before: Sequence[float], tolerance: Tolerance) -> float:
    return tolerance.speed * (1 + 1 / min(len(before), LATELY))


def sizes(passed: Sequence[Entry], tolerance: Tolerance) -> Iterator[Change]:
    """Of a wheel there is only the one that is pulled."""
    unpacked = [night.unpacked for night in passed if night.unpacked]
    pulled = [night.compressed for night in passed if night.compressed]
    for what, found in ((UNPACKED, unpacked), (PULLED, pulled)):
        if len(found) > 1:
            before = usual(found[:-1], smallness)
            yield from contents.total(what, before, found[-1], tolerance)


def smallness(size: int) -> int:
    return -size
