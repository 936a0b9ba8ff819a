"""What a night would do, and why: read from files and, where one is asked, from the engine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from inferpack import (
    due,
    history,
    images,
    matrix,
    pipeline,
    proof,
    stages,
    supply,
    wheelhouse,
    wheels,
)
from inferpack.errors import InferpackError, UsageError
from inferpack.images import MB
from inferpack.keys import Keys
from inferpack.model import Arch, LockedWheel, Variant
from inferpack.stages import Stage
from inferpack.store import read_record
from inferpack.tables import Record
from inferpack.wheel import BuiltWheel, WheelVariant
from inferpack.workshop import Workshop

HEADER = ("variant", "stage", "why", "usually", "to fetch")
NUMBERS = HEADER[3:]


class Step(Record, frozen=True):
    """A stage to run: `seconds` it took lately, None where it never ran; `bytes` to fetch."""

    stage: Stage
    why: tuple[str, ...]
    seconds: float | None
    bytes: int = 0


class Job(Record, frozen=True):
    """A variant with something to do; `needs`: the wheels that must be there before."""

    id: str
    arch: Arch
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """What its steps are known to take."""
        return sum(step.seconds or 0.0 for step in self.steps)


class Plan(Record, frozen=True):
    """`./inv plan --json`, the matrix of a CI engine: wheels' jobs come before the images'."""

    revision: str
    wheels: tuple[Job, ...]
    images: tuple[Job, ...]
    unchanged: tuple[str, ...]
    schema: Literal[1] = 1

    @property
    def jobs(self) -> tuple[Job, ...]:
        return (*self.wheels, *self.images)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """`since`: a folder laid out like build/, with records of other machines: of this one then
    neither the engine nor the CPU nor the caches count.
    """

    shop: Workshop
    keys: Keys
    built_here: tuple[WheelVariant, ...]
    since: Path | None
    fetching: set[LockedWheel] = field(default_factory=set)

    def wheel(self, variant: WheelVariant) -> Job:
        folder = (self.since or self.shop.root / "build") / "wheels" / variant.id
        if self.since:
            known = read_record(folder / "wheel.json", BuiltWheel)
        else:
            known = wheels.read(folder)
        keys = self.keys.wheel if self.since else self.keys.wheel_here
        try:
            why = stages.wheel(known, keys(variant))
        except InferpackError as err:
            why = (str(err),)
        size = sum(file.size for file in variant.archives)
        steps = (step(folder, Stage.WHEEL, why, size),) if why else ()
        return Job(id=variant.id, arch=variant.arch, steps=steps)

    def image(self, variant: Variant) -> Job:
        folder = (self.since or self.shop.root / "build") / variant.id
        try:
            steps = tuple(self.image_steps(variant, folder))
            own = supply.ours(self.keys.lock(variant).wheels, self.built_here, variant.arch)
            needs = tuple(wheel.id for _, wheel in own) if steps else ()
        except InferpackError as err:
            steps, needs = (step(folder, Stage.IMAGE, (str(err),)),), ()
        return Job(id=variant.id, arch=variant.arch, steps=steps, needs=needs)

    def image_steps(self, variant: Variant, folder: Path) -> Iterator[Step]:
        lock, known = self.keys.lock(variant), images.read(folder)
        if self.since:
            now, revision = self.keys.image(variant), self.keys.revision()
            budget = variant.budget_mb * MB
            why = stages.image(known, now, budget=budget, held=True, revision=revision)
        else:
            why = due.image(self.shop, self.keys, variant, known)
        if known is None or why:
            yield step(folder, Stage.IMAGE, why, self.fetched(lock.wheels))
            yield step(folder, Stage.PROOF, (str(Stage.IMAGE),))
            return
        machine = None if self.since else self.machine(variant, known.digest)
        if why := stages.proof(proof.read(folder), known.digest, machine, self.keys.judge(variant)):
            yield step(folder, Stage.PROOF, why)
        elif not self.since and (why := due.names(self.shop, self.keys, variant, known)):
            yield step(folder, Stage.NAMES, why)

    def fetched(self, wheels: tuple[LockedWheel, ...]) -> int:
        """Bytes of those to fetch; here what an earlier job fetches is there for the others."""
        if self.since:
            return sum(wheel.file.size for wheel in wheels)
        lacking = set(wheelhouse.missing(wheels, self.shop.cache)) - self.fetching
        self.fetching.update(lacking)
        return sum(wheel.file.size for wheel in lacking)

    def machine(self, variant: Variant, digest: str) -> str:
        name = ("machine", variant.arch, variant.cell.target)
        return self.keys.once(name, lambda: pipeline.machine(self.shop, variant, digest))


def step(folder: Path, stage: Stage, why: tuple[str, ...], fetched: int = 0) -> Step:
    seconds = history.usual_seconds(history.read(folder), stage)
    return Step(stage=stage, why=why, seconds=seconds, bytes=fetched)


def make(shop: Workshop, glob: str, since: Path | None = None) -> Plan:
    """Of what the globs choose, wheels and images of every architecture and flavour.

    UsageError where a glob matches neither, or `since` is no folder.
    """
    if since and not since.is_dir():
        raise UsageError(str(since), "is no folder", "name one with records, as build/ has them")
    known = Keys(shop=shop)
    found = every(shop)
    own = tuple(item for item in found if isinstance(item, WheelVariant))
    planner = Planner(shop=shop, keys=known, built_here=own, since=since)
    chosen = matrix.select(found, glob)
    made = [planner.wheel(item) for item in chosen if isinstance(item, WheelVariant)]
    images_ = [planner.image(item) for item in chosen if isinstance(item, Variant)]
    return Plan(
        revision=known.revision(),
        wheels=tuple(job for job in made if job.steps),
        images=tuple(job for job in images_ if job.steps),
        unchanged=tuple(job.id for job in (*made, *images_) if not job.steps),
    )


def every(shop: Workshop) -> tuple[Variant | WheelVariant, ...]:
    """All variants of wheels, then those of images."""
    return (*shop.wheel_variants(), *shop.variants())


def rows(plan: Plan) -> list[tuple[str, ...]]:
    """A row of HEADER for each step."""
    return [
        (
            job.id,
            one.stage,
            ", ".join(one.why),
            "" if one.seconds is None else f"{one.seconds:.0f} s",
            f"{one.bytes / MB:.1f} MB" if one.bytes else "",
        )
        for job in plan.jobs
        for one in job.steps
    ]


def summary(plan: Plan) -> str:
    """How much it is, and how little time it would take on any number of machines."""
    steps = [one for job in plan.jobs for one in job.steps]
    count = len(plan.jobs) + len(plan.unchanged)
    if not steps:
        return f"{count} variants are unchanged: nothing to do"
    least, path = critical_path(plan.jobs, {job.id: job.seconds for job in plan.jobs})
    known = [one.seconds for one in steps if one.seconds is not None]
    fetched = sum(one.bytes for one in steps) / MB
    parts = [f"{len(plan.jobs)} of {count} variants, {fetched:,.0f} MB to fetch"]
    if known:
        chain = " → ".join(path)
        parts += [f"about {duration(sum(known))}, {duration(least)} of it in a row ({chain})"]
    if len(known) < len(steps):
        parts += [
            f"{len(steps) - len(known)} stages never ran, and how long they take is not known"
        ]
    return "; ".join(parts)


def critical_path(
    jobs: Iterable[Job], seconds: Mapping[str, float]
) -> tuple[float, tuple[str, ...]]:
    """The longest chain of jobs that wait for each other, and what it takes in seconds."""

    def chain(job: Job) -> tuple[float, tuple[str, ...]]:
        first = max(
            (one for one in job.needs if one in seconds), key=seconds.__getitem__, default=None
        )
        before = (first,) if first else ()
        return sum(seconds[one] for one in (*before, job.id)), (*before, job.id)

    return max(map(chain, jobs), default=(0.0, ()))


def duration(seconds: float) -> str:
    """
    >>> duration(59.6), duration(3720)
    ('60 s', '62 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def encoded(plan: Plan) -> str:
    return msgspec.json.encode(plan).decode()
