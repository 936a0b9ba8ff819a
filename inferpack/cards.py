"""One image as the report shows it: what is on record, in words and tables."""

from dataclasses import dataclass

from inferpack import figures, ladder
from inferpack.images import MB
from inferpack.ladder import Ladder
from inferpack.proof import Check, Report, Run
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
    """The kernels of one precision, and which instructions were seen to run."""

    precision: str
    rows: tuple[KernelRow, ...]
    instructions: str


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
    speed: str
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
        row_note=(found.row_note or "") if found else "",
        startup=f"{found.import_s:.2f} s" if found else "",
        accuracy=f"{found.fp32.accuracy:.2%} → {found.int8.accuracy:.2%}" if found else "",
        gain=gain(item),
        speed=f"{number(found.fp32.images_per_s)} → {number(found.int8.images_per_s)} images/s"
        f" ({ratio(found.speedup)})"
        if found
        else "",
        kernels=precisions(found) if found else (),
        checks=found.checks if found else (),
        levels=levels(item.ladder) if item.ladder else (),
        notes=item.notes,
    )


def size(item: Evidence) -> Size | None:
    if item.image is None:
        return None
    budget = item.variant.recipe.budget_mb
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


def precisions(found: Report) -> tuple[Kernels, Kernels]:
    return kernels("FP32", found.fp32), kernels("INT8", found.int8)


def kernels(precision: str, run: Run) -> Kernels:
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
    return Kernels(precision=precision, rows=rows, instructions=instructions(run))


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
