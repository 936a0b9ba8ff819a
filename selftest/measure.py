"""Runs both models: answers, kernels, speed."""

from __future__ import annotations

import os
import platform
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from selftest import cpu, digits
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence, grouped
from selftest.expectation import Expectation
from selftest.findings import Findings, Precise
from selftest.frameworks import Model, Precision, open_framework
from selftest.race import race, ratios, spread

BATCH = 128


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
