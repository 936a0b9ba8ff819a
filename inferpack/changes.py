"""What is different between two records of a kind, and whether it is worse than tolerated."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from inferpack import ladder
from inferpack.difference import Change, faster, other, righter
from inferpack.expectation import Tolerance
from inferpack.kernels import isa_rank, kernel_changes
from inferpack.ladder import Ladder, Level
from inferpack.proof import Cpu, Report, TaskReport, reason
from inferpack.throughput import Network, Precise, Throughput
from inferpack.wording import row

MISSING = "not measured"


def incomparable(old: Cpu, new: Cpu) -> str:
    """Why the speeds of two runs say nothing about each other, or nothing."""
    before, after = described(old), described(new)
    if before != after:
        return f"speed is not compared: {before} before, {after} now"
    if not alike(old, new):
        lost = " ".join(sorted(set(old.features) ^ set(new.features)))
        return f"speed is not compared: only one of the two CPUs has {lost}"
    return ""


def alike(old: Cpu, new: Cpu) -> bool:
    """Whether the same kernels may be expected of both."""
    return set(old.features) == set(new.features)


def described(cpu: Cpu) -> str:
    quota = "" if cpu.quota is None else f", quota {cpu.quota:g}"
    return f"{cpu.model} ({cpu.threads} threads{quota})"


def reports(old: Report, new: Report, tolerance: Tolerance) -> Iterator[Change]:
    """Of two selftests: verdict, kernels, accuracy, speed, versions."""
    yield from identity(old, new)
    yield from other("verdict", verdict(old), verdict(new), worse=old.passed and not new.passed)
    yield from other("judged as", row(old.row), row(new.row))
    judged = alike(old.cpu, new.cpu) and old.emulated == new.emulated
    timed = not (old.emulated or new.emulated or incomparable(old.cpu, new.cpu))
    before = {task.name: task for task in old.tasks}
    after = {task.name: task for task in new.tasks}
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            yield from answers(before[name], after[name], tolerance, judged=judged)
            if timed:
                yield from speeds(before[name], after[name], tolerance)
        else:
            states = ("proven" if name in known else MISSING for known in (before, after))
            yield from other(name, *states, worse=name in before)


def answers(
    old: TaskReport, new: TaskReport, tolerance: Tolerance, *, judged: bool
) -> Iterator[Change]:
    """What a task ran on, and how right it was."""
    for name, before, after in (("fp32", old.fp32, new.fp32), ("int8", old.int8, new.int8)):
        what = f"{new.name} {name}"
        yield from kernel_changes(what, before, after, judged=judged)
        yield from righter(
            f"{what} accuracy", before.accuracy, after.accuracy, tolerance=tolerance.accuracy
        )
    agreements = old.agreement, new.agreement
    yield from righter(f"{new.name} agreement", *agreements, tolerance=tolerance.accuracy)


def speeds(old: TaskReport, new: TaskReport, tolerance: Tolerance) -> Iterator[Change]:
    for name, before, after in (("fp32", old.fp32, new.fp32), ("int8", old.int8, new.int8)):
        yield from faster(
            f"{new.name} {name} speed",
            before.per_s,
            after.per_s,
            unit=f"{new.unit}/s",
            noise=before.spread + after.spread,
            tolerance=tolerance.speed,
        )
    what, ratios = f"{new.name} int8/fp32 speed", (old.speedup, new.speedup)
    yield from paired(what, ratios, (old.int8.per_s, new.int8.per_s), tolerance.speed)


def paired(
    what: str, speedups: tuple[float, float], int8: tuple[float, float], tolerance: float
) -> Iterator[Change]:
    """INT8 over FP32, which load slows alike: it tells what noise hides in both.

    Less of it is no worse where INT8 itself is as fast as before: then FP32 has gained. How much
    it varies is on no record, so the tolerance is the noise.
    """
    held = int8[1] >= int8[0] * (1 - tolerance)
    for change in faster(what, *speedups, unit="x", noise=tolerance, tolerance=tolerance):
        yield replace(change, worse=change.worse and not held)


def identity(old: Report | Throughput, new: Report | Throughput) -> Iterator[Change]:
    yield from other("variant", old.variant, new.variant)
    yield from other(f"{new.framework} version", old.version, new.version)
    yield from other("python version", old.python, new.python)


def verdict(report: Report) -> str:
    failed = "; ".join(reason(check) for check in report.checks if not check.passed)
    return "pass" if report.passed else f"FAIL, {failed or 'for no reason given'}"


def benches(old: Throughput, new: Throughput, tolerance: Tolerance) -> Iterator[Change]:
    """Of two benches: error and speed of every network."""
    yield from identity(old, new)
    speed = not (old.emulated or new.emulated or incomparable(old.cpu, new.cpu))
    before = {network.name: network for network in old.networks}
    after = {network.name: network for network in new.networks}
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            yield from networks(before[name], after[name], tolerance, speed=speed)
        else:
            states = ("measured" if name in known else MISSING for known in (before, after))
            yield from other(name, *states, worse=name in before)


def networks(old: Network, new: Network, tolerance: Tolerance, *, speed: bool) -> Iterator[Change]:
    for name, before, after in (("fp32", old.fp32, new.fp32), ("int8", old.int8, new.int8)):
        what = f"{new.name} {name}"
        if after.error - before.error > tolerance.accuracy:
            told = f"{before.error:.2e}", f"{after.error:.2e}"
            yield from other(f"{what} error", *told, worse=True)
        if speed:
            yield from rates(what, before, after, tolerance)
    if speed:
        int8 = old.int8.best.images_per_s, new.int8.best.images_per_s
        speedups = old.speedup, new.speedup
        yield from paired(f"{new.name} int8/fp32 throughput", speedups, int8, tolerance.speed)


def rates(what: str, old: Precise, new: Precise, tolerance: Tolerance) -> Iterator[Change]:
    """The best batch, and the median of one image. A p99 of one run is too rare to be judged."""
    yield from faster(
        f"{what} throughput",
        old.best.images_per_s,
        new.best.images_per_s,
        unit="images/s",
        noise=old.best.spread + new.best.spread,
        tolerance=tolerance.speed,
    )
    yield from faster(
        f"{what} latency",
        old.latency.p50_ms,
        new.latency.p50_ms,
        unit="ms",
        noise=alone(old) + alone(new),
        tolerance=tolerance.speed,
    )


def alone(found: Precise) -> float:
    """The spread of one image at a time, or of the best batch where that was not measured."""
    return next((rate.spread for rate in found.batches if rate.batch == 1), found.best.spread)


def ladders(old: Ladder, new: Ladder, tolerance: Tolerance) -> Iterator[Change]:
    """Of two ladders: verdict, kernels and speed of every level.

    A level records no spread: there the tolerance is the noise.
    """
    yield from other("variant", old.variant, new.variant)
    speed, same = not incomparable(old.cpu, new.cpu), alike(old.cpu, new.cpu)
    before = {level.name: level for level in old.levels}
    after = {level.name: level for level in new.levels}
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            yield from levels(before[name], after[name], tolerance, speed=speed, same=same)
        else:
            states = ("measured" if name in known else MISSING for known in (before, after))
            yield from other(name, *states, worse=same and name in before)


def levels(
    old: Level, new: Level, tolerance: Tolerance, *, speed: bool, same: bool
) -> Iterator[Change]:
    """`same`: the CPUs have the same features; an emulated one has them everywhere."""
    judged = same or (old.emulated and new.emulated)
    told = (
        ladder.verdict(level) + (f", {'; '.join(level.reasons)}" if not level.passed else "")
        for level in (old, new)
    )
    yield from other(f"{new.name} verdict", *told, worse=old.passed and not new.passed)
    yield from other(f"{new.name} judged as", row(old.row), row(new.row))
    yield from other(
        f"{new.name} int8 kernels",
        listed(old.kernels),
        listed(new.kernels),
        worse=judged and least(new.isa) < least(old.isa),
    )
    pairs = (("fp32", old.fp32, new.fp32), ("int8", old.int8, new.int8))
    for name, before, after in pairs:
        if speed and before and after:
            yield from faster(
                f"{new.name} {ladder.NETWORK} {name} throughput",
                before,
                after,
                unit="images/s",
                noise=tolerance.speed,
                tolerance=tolerance.speed,
            )


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"


def least(isas: Iterable[str]) -> int:
    """How good the worst of these instruction sets is."""
    return min(map(isa_rank, isas), default=-1)
