"""Runs both models: answers, kernels, speed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from numpy.typing import NDArray

from selftest import cpu, digits
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence, grouped
from selftest.expectation import Expectation
from selftest.findings import Findings, Precise
from selftest.frameworks import Model, Precision, open_framework

BATCH = 128
BLOCK_SECONDS = 0.012
STRETCHES = (1.0, 1.6, 0.7, 1.3)
ROUNDS_MIN, ROUNDS_ENOUGH = 3, 24
SPREAD_ENOUGH = 0.1
TOTAL_SECONDS = 3.0

Clock = Callable[[], float]


def examine(expectation: Expectation, data: Path) -> Findings:
    """Everything there is to know about this framework on this CPU."""
    framework = open_framework(expectation.framework, data)
    samples = digits.load(data)
    models = [framework.load(precision, samples.calibration) for precision in Precision]
    try:
        answers = [model(samples.images).argmax(1) for model in models]
        batch = np.ascontiguousarray(np.resize(samples.images, (BATCH, *samples.images.shape[1:])))
        evidence = [_kernels(model, batch) for model in models]
        fp32_run, int8_run = (partial(model, batch) for model in models)
        rates = race(fp32_run, int8_run, time.perf_counter)
    except RuntimeError as err:
        raise BrokenInstallation(
            f"{expectation.framework}: inference failed ({first_line(err)}); "
            "try without ISA or thread settings in the environment"
        ) from err
    fp32, int8 = (
        Precise(
            accuracy=_share(answer, samples.labels),
            images_per_s=BATCH * median(rate),
            spread=spread(rate),
            kernels=kernels,
            problem=problem,
        )
        for answer, rate, (kernels, problem) in zip(answers, rates, evidence, strict=True)
    )
    return Findings(
        version=framework.version,
        python=platform.python_version(),
        cpu=cpu.examine(os.environ),
        threads=framework.threads(),
        fp32=fp32,
        int8=int8,
        agreement=_share(*answers),
        speedup=median(ratios(*rates)),
    )


def _kernels(model: Model, batch: digits.Batch) -> tuple[tuple[Kernel, ...], str | None]:
    try:
        return grouped(model.kernels(batch)), None
    except NoEvidence as err:
        return (), str(err)


def _share(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    return float((one == other).mean())


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
