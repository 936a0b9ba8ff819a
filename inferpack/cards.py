"""One image as the report shows it: what is on record, in words and tables."""

from dataclasses import dataclass

from inferpack import figures, ladder
from inferpack.images import MB
from inferpack.ladder import Ladder
from inferpack.proof import Check, Proof, Report, Run, TaskReport
from inferpack.records import Evidence
from inferpack.wording import moment, number, ratio, row


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Megabytes, and for the unpacked size its share of the budget."""

    unpacked: str
    pulled: str
    budget: str
    used: float


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelRow:
    operator: str
    types: str
    implementation: str
    kind: str
    isa: str
    count: str
    share: float | None

    @property
    def time(self) -> str:
        return "" if self.share is None else f"{self.share:.0%}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernels:
    """The kernels of a task in one precision, and which instructions were seen to run."""

    title: str
    rows: tuple[KernelRow, ...]
    instructions: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRow:
    """What a task showed in FP32 and in INT8."""

    name: str
    accuracy: str
    speed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelRow:
    """One ISA level; a speed that was not measured is empty."""

    name: str
    how: str
    emulated: bool
    fp32: str
    int8: str
    gain: str
    kernels: tuple[str, ...]
    judged: str
    verdict: str
    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """Everything the report says of one image."""

    id: str
    title: str
    version: str
    backend: str
    reference: str
    digest: str
    built: str
    size: Size | None
    proven: bool
    judged: str
    row_note: str
    startup: str
    accuracy: str
    gain: str
    tasks: tuple[TaskRow, ...]
    kernels: tuple[Kernels, ...]
    checks: tuple[Check, ...]
    levels: tuple[LevelRow, ...]
    notes: tuple[str, ...]


def card(item: Evidence) -> Card:
    found = item.proof.report if item.proof else None
    variant, image = item.variant, item.image
    return Card(
        id=variant.id,
        title=variant.recipe.title,
        version=variant.version,
        backend=str(variant.backend),
        reference=variant.reference,
        digest=image.digest if image else "",
        built=moment(image.built) if image else "",
        size=size(item),
        proven=bool(found and found.passed),
        judged=row(found.row) if found else "",
        row_note=row_note(item.proof) if item.proof else "",
        startup=startup(found) if found else "",
        accuracy=accuracy(found.main) if found else "",
        gain=gain(item),
        tasks=tuple(task_row(task, found) for task in found.tasks) if found else (),
        kernels=precisions(found) if found else (),
        checks=found.checks if found else (),
        levels=levels(item.ladder) if item.ladder else (),
        notes=item.notes,
    )


def size(item: Evidence) -> Size | None:
    if item.image is None:
        return None
    budget = item.variant.budget_mb
    return Size(
        unpacked=f"{item.image.unpacked / MB:.1f} MB",
        pulled=f"{item.image.compressed / MB:.1f} MB",
        budget=f"{budget} MB",
        used=round(item.image.unpacked / MB / budget, 4),
    )


def gain(item: Evidence) -> str:
    """INT8 over FP32 of ResNet-50."""
    network = figures.network_of(item, ladder.NETWORK)
    return ratio(network.speedup) if network else ""


def accuracy(task: TaskReport) -> str:
    return f"{task.fp32.accuracy:.2%} → {task.int8.accuracy:.2%}"


def startup(report: Report) -> str:
    return "emulated" if report.emulated else f"{report.import_s:.2f} s"


def row_note(proven: Proof) -> str:
    """What the row does not say: of the CPU, and of one that was emulated."""
    known = proven.emulation
    emulated = f"{proven.report.cpu.model}, emulated by QEMU {known.qemu}" if known else ""
    return "; ".join(filter(None, (proven.report.row_note, emulated)))


def task_row(task: TaskReport, report: Report) -> TaskRow:
    rates = f"{number(task.fp32.per_s)} → {number(task.int8.per_s)} {task.unit}/s"
    speed = figures.EMULATED if report.emulated else f"{rates} ({ratio(task.speedup)})"
    return TaskRow(name=task.name, accuracy=accuracy(task), speed=speed)


def precisions(found: Report) -> tuple[Kernels, ...]:
    return tuple(
        kernels(f"{task.name}, {precision}", run)
        for task in found.tasks
        for precision, run in (("FP32", task.fp32), ("INT8", task.int8))
    )


def kernels(title: str, run: Run) -> Kernels:
    total = sum(kernel.milliseconds or 0.0 for kernel in run.kernels)
    rows = tuple(
        KernelRow(
            operator=kernel.operator,
            types=kernel.types,
            implementation=kernel.implementation,
            kind=str(kernel.kind),
            isa=kernel.isa or "",
            count=str(kernel.count),
            share=kernel.milliseconds / total
            if kernel.milliseconds is not None and total
            else None,
        )
        for kernel in run.kernels
    )
    return Kernels(title=title, rows=rows, instructions=instructions(run))


def instructions(run: Run) -> str:
    """What was seen in the processor's own pipeline, most frequent first."""
    found = run.instructions
    if found is None:
        return "not sampled"
    seen = sorted(found.seen.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} {share:.0%}" for name, share in seen) or "none of interest"
    return f"{told} of {found.samples:,} samples"


def levels(climbed: Ladder) -> tuple[LevelRow, ...]:
    return tuple(
        LevelRow(
            name=level.name,
            how=level.how,
            emulated=level.emulated,
            fp32="" if level.emulated or level.fp32 is None else number(level.fp32),
            int8="" if level.emulated or level.int8 is None else number(level.int8),
            gain="" if level.emulated or level.speedup is None else ratio(level.speedup),
            kernels=level.kernels,
            judged=row(level.row),
            verdict=ladder.verdict(level),
            passed=level.passed,
            reasons=level.reasons,
        )
        for level in climbed.levels
    )
