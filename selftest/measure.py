"""Runs both models of every task: answers, kernels, speed."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from selftest import cpu, marker
from selftest.evidence import Kernel, NoEvidence, grouped
from selftest.expectation import Expectation
from selftest.findings import Findings, Precise, TaskFindings
from selftest.frameworks import Framework, Model, Precision, inference, open_framework
from selftest.instructions import Instructions, Unsampled
from selftest.race import race, ratios, spread
from selftest.sampler import sample
from selftest.tasks import Array, Task

BATCH, BATCH_PER_THREAD = 512, 256
"""Inputs in a run, so that threads compute and do not wait for each other, in a transformer with
its many small operators too, and on CPUs that are shared.
"""

BATCH_EMULATED = 32
RACED_EMULATED = 8  # in a race that nobody judges
ANSWERED_EMULATED = 256  # so many that a single wrong one more is still allowed

PHASES = {Precision.FP32: marker.FP32, Precision.INT8: marker.INT8}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What ran in one precision, or why we do not know."""

    kernels: tuple[Kernel, ...]
    instructions: Instructions | None
    problem: str | None
    unsampled: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A model of one precision, what it answers, and what ran."""

    model: Model
    answers: Array
    evidence: Evidence


def examine(expectation: Expectation, data: Path) -> Findings:
    """Everything there is to know about this framework on this CPU."""
    start = time.perf_counter()
    framework = open_framework(expectation.framework, data)
    import_s = time.perf_counter() - start
    processor = cpu.examine(os.environ)
    with inference(expectation.framework):
        tasks = tuple(
            _task(framework, task, emulated=processor.emulated) for task in framework.tasks()
        )
    return Findings(
        version=framework.version,
        python=platform.python_version(),
        import_s=import_s,
        cpu=processor,
        threads=framework.threads(),
        tasks=tasks,
    )


def batch_size(threads: int) -> int:
    return max(BATCH, BATCH_PER_THREAD * threads)


def shortened(task: Task) -> Task:
    """With fewer inputs: for emulation, where each takes some twenty times as long."""
    return replace(
        task, inputs=task.inputs[:ANSWERED_EMULATED], labels=task.labels[:ANSWERED_EMULATED]
    )


def _task(framework: Framework, task: Task, *, emulated: bool) -> TaskFindings:
    if emulated:
        task = shortened(task)
    examined = [_examined(framework, task, one, emulated=emulated) for one in Precision]
    size = RACED_EMULATED if emulated else task.batch or batch_size(framework.threads())
    raced = _batch(task, size)
    fp32_run, int8_run = (partial(one.model, raced) for one in examined)
    rates = race(fp32_run, int8_run, time.perf_counter)
    fp32, int8 = (
        Precise(
            accuracy=_share(one.answers, task.labels),
            per_s=size * task.per_input * median(rate),
            spread=spread(rate),
            kernels=one.evidence.kernels,
            instructions=one.evidence.instructions,
            problem=one.evidence.problem,
            unsampled=one.evidence.unsampled,
        )
        for one, rate in zip(examined, rates, strict=True)
    )
    return TaskFindings(
        name=task.name,
        unit=task.unit,
        operators=task.operators,
        fp32=fp32,
        int8=int8,
        agreement=_share(*(one.answers for one in examined)),
        speedup=median(ratios(*rates)),
        counted=task.counted,
    )


def _examined(
    framework: Framework, task: Task, precision: Precision, *, emulated: bool
) -> Examined:
    marker.mark(PHASES[precision])
    model = framework.load(task, precision)
    answers = task.answers(model(task.inputs))
    size = BATCH_EMULATED if emulated else task.batch or batch_size(framework.threads())
    batch = _batch(task, size)
    evidence = _evidence(model, batch)
    marker.mark(marker.OTHER)
    return Examined(model=model, answers=answers, evidence=evidence)


def _batch(task: Task, size: int) -> Array:
    """The inputs again and again."""
    return np.ascontiguousarray(np.resize(task.inputs, (size, *task.inputs.shape[1:])))


def _evidence(model: Model, batch: Array) -> Evidence:
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


def _share(one: Array, other: Array) -> float:
    return float((one == other).mean())
