"""A night: what the plan says, one variant after the other; one that fails stops no other.

Every stage leaves its record when it is done, so a night that was killed goes on where it stopped,
and the next one does only what failed or changed.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from msgspec import structs

from inferpack import (
    console,
    history,
    images,
    plan,
    proof,
    publish,
    stages,
    summary,
    supply,
    wheels,
)
from inferpack.errors import InferpackError
from inferpack.history import Entry
from inferpack.images import Image
from inferpack.model import Arch, Variant
from inferpack.plan import Job, Plan, critical_path, duration
from inferpack.proof import Proof
from inferpack.sending import Publisher
from inferpack.stages import Stage
from inferpack.wheel import BuiltWheel, WheelVariant
from inferpack.workshop import Workshop

HEADER = ("variant", "done", "seconds", "")
NUMBERS = ("seconds",)
FAILED = "FAILED"
SLOWEST = 3  # are named at the end
Work = Callable[[Workshop, Variant | WheelVariant], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a job; `error`: what failed, in words."""

    job: Job
    seconds: float
    error: str = ""


def night(
    shop: Workshop,
    glob: str,
    ready: Callable[[Collection[Arch], Collection[Arch]], None],
    publisher: Publisher | None = None,
) -> int:
    """Plans and runs a night and tells how it went; the exit code. `ready`: brings what images of
    these architectures, and wheels of those, need to run here; `publisher`: pushes each image once
    it is proven.
    """
    start = time.monotonic()
    planned = plan.make(shop, glob)
    if planned.jobs:
        wheels_ = (*planned.wheels, *(job for job in planned.images if job.needs))
        ready({job.arch for job in planned.images}, {job.arch for job in wheels_})
    outcomes = run(shop, planned, partial(make, publisher=publisher))
    lost = catch_up(shop, planned, publisher) if publisher else frozenset()
    settle(shop, set(planned.unchanged) - lost)
    if outcomes:
        console.table(HEADER, rows(outcomes), right=NUMBERS)
    console.note(conclusion(planned, outcomes, time.monotonic() - start))
    return int(any(one.error for one in outcomes) or bool(lost))


def make(
    shop: Workshop, variant: Variant | WheelVariant, *, publisher: Publisher | None = None
) -> None:
    """Builds and proves, and pushes an image by its digest, or raises InferpackError."""
    match variant:
        case Variant():
            supply.image(shop, variant)
            if publisher:
                publish.push_images(shop, publisher, (variant,))
        case WheelVariant():
            wheels.wheel(shop, variant)


def catch_up(shop: Workshop, planned: Plan, publisher: Publisher) -> frozenset[str]:
    """Pushes what is unchanged, where an earlier night was killed before that or the registry was
    away; gives the ids of what may still not be there.
    """
    unchanged = [variant for variant in shop.variants() if variant.id in planned.unchanged]
    lost = set[str]()
    for _, group in groupby(unchanged, key=lambda variant: variant.recipe.name):
        variants = tuple(group)
        try:
            publish.push_images(shop, publisher, variants)
        except InferpackError as err:
            console.fail(str(err))
            lost |= {variant.id for variant in variants}
    return frozenset(lost)


def run(shop: Workshop, planned: Plan, work: Work) -> tuple[Outcome, ...]:
    """Runs every job whose wheels are there, and adds what came of all to their histories."""
    known = {item.id: item for item in plan.every(shop)}
    outcomes: dict[str, Outcome] = {}
    for place, job in enumerate(planned.jobs, start=1):
        variant = known[job.id]
        console.note(f"[{place}/{len(planned.jobs)}] {job.id}: {told(job)}")
        start = time.monotonic()
        failed = [name for name in job.needs if name in outcomes and outcomes[name].error]
        error = attempt(shop, variant, work, failed)
        if error:
            console.fail(error)
            entry = Entry(at=shop.now(), revision=planned.revision, error=error)
            history.append(folder_of(shop, variant), entry)
        remember(shop, [variant])
        outcomes[job.id] = Outcome(job=job, seconds=time.monotonic() - start, error=error)
        console.note(f"  {job.id} ({outcomes[job.id].seconds:.1f} s)")
    remember(shop, (known[name] for name in planned.unchanged))
    return tuple(outcomes.values())


def attempt(shop: Workshop, variant: Variant | WheelVariant, work: Work, failed: list[str]) -> str:
    """What failed, as one line; empty where nothing did. `failed`: wheels that it needs."""
    if failed:
        return f"{variant.id}: needs {failed[0]}, which failed"
    try:
        work(shop, variant)
    except InferpackError as err:
        return str(err)
    return ""


def remember(shop: Workshop, variants: Iterable[Variant | WheelVariant]) -> None:
    """Adds to each one's history what is on record and not yet there: a night that was killed, or
    somebody between two nights, may have made it.
    """
    for variant in variants:
        folder = folder_of(shop, variant)
        made = on_record(variant, folder)
        known = {(entry.at, entry.digest) for entry in history.read(folder)}
        if made and (made.at, made.digest) not in known:
            history.append(folder, made)


def settle(shop: Workshop, names: Collection[str]) -> None:
    """Ends the errors of what is well again without a job: what broke it was taken back, or only
    its push had failed.
    """
    for variant in (item for item in plan.every(shop) if item.id in names):
        folder = folder_of(shop, variant)
        last, made = history.read(folder)[-1:], on_record(variant, folder)
        if made and any(entry.error for entry in last):
            history.append(folder, structs.replace(made, at=shop.now()))


def on_record(variant: Variant | WheelVariant, folder: Path) -> Entry | None:
    match variant:
        case WheelVariant():
            wheel = wheels.read(folder)
            return of_wheel(wheel) if wheel else None
        case Variant():
            image, proven = images.read(folder), proof.read(folder)
            if image is None or stages.proof(proven, image.digest, None) or proven is None:
                return None
            return of_image(image, proven)


def of_wheel(wheel: BuiltWheel) -> Entry:
    return Entry(
        at=wheel.built,
        revision="",
        version=wheel.version,
        digest=wheel.file.sha256,
        compressed=wheel.file.size,
        seconds={Stage.WHEEL: wheel.seconds},
    )


def of_image(image: Image, proven: Proof) -> Entry:
    report = proven.report
    return Entry(
        at=proven.proven,
        revision=image.revision,
        version=report.version,
        digest=image.digest,
        unpacked=image.unpacked,
        compressed=image.compressed,
        machine=proven.machine,
        emulated=report.emulated,
        seconds={Stage.IMAGE: image.seconds, Stage.PROOF: proven.seconds},
        speedups={task.name: task.speedup for task in report.tasks},
        kernels={
            f"{task.name} {operator}": "; ".join(summary.kernels(task, operator))
            for task in report.tasks
            for operator in task.operators
        },
    )


def folder_of(shop: Workshop, variant: Variant | WheelVariant) -> Path:
    return shop.folder(variant) if isinstance(variant, Variant) else shop.wheel_folder(variant)


def told(job: Job) -> str:
    return "; ".join(f"{step.stage} ({', '.join(step.why)})" for step in job.steps)


def rows(outcomes: Iterable[Outcome]) -> list[tuple[str, ...]]:
    """A row of HEADER for each; of a compiler's last words the table has the first line."""
    return [
        (
            one.job.id,
            FAILED if one.error else ", ".join(step.stage for step in one.job.steps),
            f"{one.seconds:.1f}",
            one.error.partition("\n")[0],
        )
        for one in outcomes
    ]


def conclusion(planned: Plan, outcomes: tuple[Outcome, ...], seconds: float) -> str:
    """How it went, what took longest, and what would even on any number of machines."""
    failed = sum(bool(one.error) for one in outcomes)
    counts = f"{len(outcomes) - failed} ok, {failed} failed, {len(planned.unchanged)} unchanged"
    if not outcomes:
        return f"{counts}, in {duration(seconds)}"
    took = {one.job.id: one.seconds for one in outcomes}
    least, path = critical_path(planned.jobs, took)
    slowest = sorted(took, key=took.__getitem__, reverse=True)[:SLOWEST]
    return "\n".join(
        (
            f"{counts}, in {duration(seconds)}",
            f"slowest: {', '.join(f'{name} {duration(took[name])}' for name in slowest)}",
            f"critical path: {duration(least)} ({' → '.join(path)})",
        )
    )
