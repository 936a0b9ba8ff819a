"""How fast two programs are against each other, on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median, quantiles

BLOCK_SECONDS = 0.012
STRETCHES = (1.0, 1.6, 0.7, 1.3)
ROUNDS_MIN, ROUNDS_ENOUGH = 3, 24
SPREAD_ENOUGH = 0.1
TOTAL_SECONDS = 3.0

Clock = Callable[[], float]


def race(
    fp32: Callable[[], object], int8: Callable[[], object], clock: Clock
) -> tuple[list[float], list[float]]:
    """Runs per second of both, round by round: short blocks turn by turn, so that load from
    outside hits both alike, and of changing length, so that it cannot fall into step with them.
    Ends when the rounds agree on the ratio or TOTAL_SECONDS are over.
    """
    rates: tuple[list[float], list[float]] = ([], [])
    lengths = [_block(run, clock) for run in (fp32, int8)]
    start = clock()
    while len(rates[0]) < ROUNDS_MIN or clock() - start < TOTAL_SECONDS:
        stretch = STRETCHES[len(rates[0]) % len(STRETCHES)]
        for run, length, own in zip((fp32, int8), lengths, rates, strict=True):
            own.append(_rate(run, max(1, round(length * stretch)), clock))
        if len(rates[0]) >= ROUNDS_ENOUGH and spread(ratios(*rates)) <= SPREAD_ENOUGH:
            break
    return rates


def ratios(fp32: Sequence[float], int8: Sequence[float]) -> list[float]:
    """INT8 over FP32, round by round."""
    return [fast / slow for slow, fast in zip(fp32, int8, strict=True)]


def _rate(run: Callable[[], object], length: int, clock: Clock) -> float:
    before = clock()
    for _ in range(length):
        run()
    return length / (clock() - before)


def _block(run: Callable[[], object], clock: Clock) -> int:
    """How many runs fill a block; measuring it warms up."""
    start, count = clock(), 0
    while clock() - start < 2 * BLOCK_SECONDS:
        run()
        count += 1
    return max(1, round(count * BLOCK_SECONDS / (clock() - start)))


def spread(values: Sequence[float]) -> float:
    """Interquartile range over median."""
    low, _, high = quantiles(values, n=4)
    return (high - low) / median(values)
