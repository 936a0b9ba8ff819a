"""Runs both models: answers, kernels, speed."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from selftest import cpu, digits
from selftest.evidence import Kernel, NoEvidence, grouped
from selftest.expectation import Expectation
from selftest.findings import Findings, Precise
from selftest.frameworks import Model, Precision, inference, open_framework
from selftest.instructions import Instructions, Unsampled
from selftest.race import race, ratios, spread
from selftest.sampler import sample

BATCH, BATCH_PER_THREAD = 128, 64
"""Images in a run, so that threads compute and do not wait for each other."""

BATCH_EMULATED = 8  # a race that nobody judges


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What ran in one precision, or why we do not know."""

    kernels: tuple[Kernel, ...]
    instructions: Instructions | None
    problem: str | None
    unsampled: str | None


def examine(expectation: Expectation, data: Path) -> Findings:
    """Everything there is to know about this framework on this CPU."""
    start = time.perf_counter()
    framework = open_framework(expectation.framework, data)
    import_s = time.perf_counter() - start
    samples, processor = digits.load(data), cpu.examine(os.environ)
    with inference(expectation.framework):
        models = [framework.load(precision, samples.calibration) for precision in Precision]
        answers = [model(samples.images).argmax(1) for model in models]
        size = BATCH if processor.emulated else batch_size(framework.threads())
        batch = np.ascontiguousarray(np.resize(samples.images, (size, *samples.images.shape[1:])))
        evidence = [_evidence(model, batch) for model in models]
        raced = batch[:BATCH_EMULATED] if processor.emulated else batch
        fp32_run, int8_run = (partial(model, raced) for model in models)
        rates = race(fp32_run, int8_run, time.perf_counter)
    fp32, int8 = (
        Precise(
            accuracy=_share(answer, samples.labels),
            images_per_s=len(raced) * median(rate),
            spread=spread(rate),
            kernels=ran.kernels,
            instructions=ran.instructions,
            problem=ran.problem,
            unsampled=ran.unsampled,
        )
        for answer, rate, ran in zip(answers, rates, evidence, strict=True)
    )
    return Findings(
        version=framework.version,
        python=platform.python_version(),
        import_s=import_s,
        cpu=processor,
        threads=framework.threads(),
        fp32=fp32,
        int8=int8,
        agreement=_share(*answers),
        speedup=median(ratios(*rates)),
    )


def batch_size(threads: int) -> int:
    return max(BATCH, BATCH_PER_THREAD * threads)


def _evidence(model: Model, batch: digits.Batch) -> Evidence:
    """The library's own word, then what its threads are seen doing."""
    kernels: tuple[Kernel, ...] = ()
    instructions, problem, unsampled = None, None, None
    try:
        kernels = grouped(model.kernels(batch))
    except NoEvidence as err:
        problem = str(err)
    model(batch)  # the first run of a batch size makes kernels
    try:
        instructions = sample(partial(model, batch))
    except Unsampled as err:
        unsampled = str(err)
    return Evidence(
        kernels=kernels, instructions=instructions, problem=problem, unsampled=unsampled
    )


def _share(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    return float((one == other).mean())
