"""ResNet-50 and MobileNetV2 in FP32 and INT8: right answers first, then speed against the peak."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from selftest import cpu, peak, reference, throughput, weights
from selftest.cpu import Cpu
from selftest.digits import Batch, Logits
from selftest.errors import BrokenInstallation, WrongAnswers
from selftest.expectation import Expectation
from selftest.frameworks import Benched, Model, Precision, inference, open_framework
from selftest.networks import IMAGE, NETWORKS, Network
from selftest.peak import Peak
from selftest.throughput import Run, Speed, Tell

ERROR_MAX = {Precision.FP32: 1e-3, Precision.INT8: 0.2}
"""Of the largest logit: rounding in another order, and 8 bits (about 0.02) without calibration."""

SEED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Of one precision; `error`: the largest difference to numpy's logits over the largest one."""

    error: float
    speed: Speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    network: Network
    fp32: Figures
    int8: Figures

    @property
    def speedup(self) -> float:
        return self.int8.speed.best.images_per_s / self.fp32.speed.best.images_per_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    version: str
    python: str
    cpu: Cpu
    threads: int
    peak: Peak | None
    outcomes: tuple[Outcome, ...]


@dataclass(kw_only=True, slots=True)
class Contestant:
    """A model that shows with every batch size that it computes the right thing."""

    name: str
    model: Model
    image: Batch
    logits: Logits
    error_max: float
    error: float = field(default=0.0, init=False)

    def prepare(self, size: int) -> Run:
        """Raises WrongAnswers. Every image of a batch is the same: speed does not depend on it."""
        batch = np.repeat(self.image, size, axis=0)
        error = reference.error(self.model(batch), self.logits)
        if not error <= self.error_max:  # a NaN is not
            raise WrongAnswers(
                f"{self.name}: wrong logits at batch {size}: off by {error:.2g} of the largest, "
                f"should be <= {self.error_max:g}"
            )
        self.error = max(self.error, error)
        return partial(self.model, batch)


def examine(expectation: Expectation, data: Path, seconds: float, tell: Tell) -> Bench:
    """Takes about `seconds` in all."""
    framework = open_framework(expectation.framework, data)
    if not isinstance(framework, Benched):
        raise BrokenInstallation(
            f"{expectation.framework}: runs none of the bench's networks; selftest without --bench "
            "tells how fast its own task is"
        )
    this_cpu = cpu.examine(os.environ)
    limit = peak.measure(this_cpu)
    end = time.perf_counter() + seconds
    with inference(expectation.framework):
        outcomes = tuple(
            _outcome(framework, network, (end - time.perf_counter()) / left, tell)
            for left, network in zip(range(len(NETWORKS), 0, -1), NETWORKS, strict=True)
        )
    return Bench(
        version=framework.version,
        python=platform.python_version(),
        cpu=this_cpu,
        threads=framework.threads(),
        peak=limit,
        outcomes=outcomes,
    )


def contestants(framework: Benched, network: Network) -> tuple[Contestant, ...]:
    """Both precisions, on the same weights."""
    numbers = weights.make(network)
    shape = (1, network.channels, network.size, network.size)
    image = np.random.Generator(np.random.PCG64(SEED)).random(shape, dtype=np.float32)
    outputs = reference.run(network, numbers, image)
    ranges = reference.ranges(outputs)
    return tuple(
        Contestant(
            name=f"{network.name} {precision.value}",
            model=framework.build(network, numbers, ranges, precision),
            image=outputs[IMAGE],
            logits=outputs[network.layers[-1].name],
            error_max=ERROR_MAX[precision],
        )
        for precision in Precision
    )


def _outcome(framework: Benched, network: Network, seconds: float, tell: Tell) -> Outcome:
    tell(f"{network.name}: building")
    start = time.perf_counter()
    fp32, int8 = contestants(framework, network)
    left = seconds - (time.perf_counter() - start)
    speeds = throughput.measure(
        fp32.prepare,
        int8.prepare,
        left,
        time.perf_counter,
        lambda what: tell(f"{network.name}: {what}"),
    )
    first, second = (
        Figures(error=one.error, speed=speed)
        for one, speed in zip((fp32, int8), speeds, strict=True)
    )
    return Outcome(network=network, fp32=first, int8=second)
