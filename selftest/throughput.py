"""How fast two models are: latency one image at a time, then batches that grow while there is time.

FP32 and INT8 run in turns, so that load from outside hits both alike; in blocks, because a model
that runs alone keeps its weights in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from statistics import median

from selftest.race import Clock, spread

BATCHES = (1, 2, 4, 8, 16, 32)
LATENCY_RUNS, LATENCY_BLOCK = 200, 10
RUNS_FOR_P99 = 100
LATENCY_SHARE = 0.35
"""Of the time there is."""

ROUNDS = 7
ROUNDS_MIN = 3
BLOCK_SECONDS = 0.1

Run = Callable[[], object]
Prepare = Callable[[int], Run]
"""From a batch size to one warm inference with it."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Of one image."""

    runs: int
    p50_ms: float
    p99_ms: float

    @property
    def is_exact(self) -> bool:
        """Whether p99 is more than just the slowest run."""
        return self.runs >= RUNS_FOR_P99


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """`spread`: interquartile range over median."""

    batch: int
    images_per_s: float
    spread: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    latency: Latency
    batches: tuple[Rate, ...]

    @property
    def best(self) -> Rate:
        return max(self.batches, key=lambda rate: rate.images_per_s)


def measure(
    fp32: Prepare, int8: Prepare, seconds: float, clock: Clock, tell: Tell
) -> tuple[Speed, Speed]:
    """Both models' speed; takes about `seconds`, and longer only where a few runs alone do."""
    start = clock()
    runs = (fp32(1), int8(1))
    tell("latency")
    latencies = _latencies(runs, start + LATENCY_SHARE * seconds, clock)
    rates: tuple[list[Rate], list[Rate]] = ([], [])
    end = start + seconds
    for batch in BATCHES:
        begun = clock()
        tell(f"batch {batch}")
        runs = (fp32(batch), int8(batch))
        for own, rate in zip(rates, _rates(runs, batch, end, clock), strict=True):
            own.append(rate)
        if end - clock() < 2 * (clock() - begun):
            break
    first, second = (
        Speed(latency=latency, batches=tuple(own))
        for latency, own in zip(latencies, rates, strict=True)
    )
    return first, second


def _latencies(runs: tuple[Run, Run], end: float, clock: Clock) -> Iterator[Latency]:
    times: tuple[list[float], list[float]] = ([], [])
    while len(times[0]) < LATENCY_RUNS and (not times[0] or clock() < end):
        for run, own in zip(runs, times, strict=True):
            run()  # brings the weights back into the cache
            own += [_seconds(run, clock) for _ in range(LATENCY_BLOCK)]
    return (
        Latency(runs=len(own), p50_ms=1000 * median(own), p99_ms=1000 * percentile(own, 0.99))
        for own in times
    )


def _rates(runs: tuple[Run, Run], batch: int, end: float, clock: Clock) -> Iterator[Rate]:
    lengths = [max(1, round(BLOCK_SECONDS / _seconds(run, clock))) for run in runs]
    rates: tuple[list[float], list[float]] = ([], [])
    while len(rates[0]) < ROUNDS_MIN or (len(rates[0]) < ROUNDS and clock() < end):
        for run, length, own in zip(runs, lengths, rates, strict=True):
            own.append(length * batch / _seconds(run, clock, length))
    return (Rate(batch=batch, images_per_s=median(own), spread=spread(own)) for own in rates)


def _seconds(run: Run, clock: Clock, times: int = 1) -> float:
    start = clock()
    for _ in range(times):
        run()
    return clock() - start


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
