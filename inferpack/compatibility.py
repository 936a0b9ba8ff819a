"""Which CPUs an image runs on: what it showed on each, judged and recorded."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from msgspec.structs import replace

from inferpack import emulation, ladder, proof, translation
from inferpack.engine import Finished
from inferpack.expectation import Feature
from inferpack.ladder import Level, Rung
from inferpack.model import Need, Variant
from inferpack.proof import Proof
from inferpack.rungs import CpuModel
from inferpack.store import read_record, write_record
from inferpack.tables import Record
from inferpack.translation import Phase, Translation

SIGILL = 132
NEEDS: Mapping[Need, frozenset[Feature]] = {
    Need.X86_64_V2: frozenset({Feature.SSE4_2}),
    Need.X86_64_V3: frozenset({Feature.AVX2, Feature.FMA}),
    Need.X86_64_V4: frozenset({Feature.AVX512F, Feature.AVX512BW}),
    Need.AVX: frozenset({Feature.AVX}),
    Need.ARMV8_2_A: frozenset({Feature.FP16}),
    Need.DOTPROD: frozenset({Feature.DOTPROD}),
    Need.I8MM: frozenset({Feature.I8MM}),
    Need.SVE: frozenset({Feature.SVE}),
}
"""Of what an image may need, the part that decides it among the CPUs we try."""

HEADER = ("CPU", "how", "outcome", "judged as", "INT8 kernels", "INT8 instructions translated")


class Outcome(StrEnum):
    INT8 = "INT8 proven"
    RUNS = "runs, no promise"
    REFUSED = "refused"
    SIGILL = "SIGILL"
    FAILED = "failed"


class Tried(Record, frozen=True):
    """What an image showed on one CPU; `translation`: where QEMU's log was read."""

    level: Level
    seconds: float
    translation: Translation | None = None

    @property
    def outcome(self) -> Outcome:
        if self.level.code == SIGILL:
            return Outcome.SIGILL
        if not self.level.passed:
            return Outcome.FAILED
        if ladder.is_refused(self.level):
            return Outcome.REFUSED
        return Outcome.INT8 if self.level.row is not None else Outcome.RUNS

    @property
    def instructions(self) -> str:
        """INT8's, as QEMU translated them; nothing where no log was read."""
        phases = self.translation.phases if self.translation else {}
        return translation.told(phases[Phase.INT8]) if phases.get(Phase.INT8) else ""


class Compatibility(Record, frozen=True):
    """build/<id>/cpus.json; `qemu`: the version that emulated."""

    digest: str
    variant: str
    qemu: str
    measured: int
    tried: tuple[Tried, ...]


def path_of(folder: Path) -> Path:
    return folder / "cpus.json"


def read(folder: Path) -> Compatibility | None:
    return read_record(path_of(folder), Compatibility)


def record(folder: Path, found: Compatibility) -> Path:
    return write_record(path_of(folder), found)


def rung(variant: Variant, cpu: CpuModel) -> Rung:
    """The CPU as a level to try: refused where it lacks what the image needs."""
    has = frozenset(cpu.features)
    lacks = any(not NEEDS[need] <= has for need in variant.cell.needs)
    return Rung(name=cpu.name, cpu=has, model=cpu.model, refused=lacks)


def judge(
    variant: Variant,
    cpu: CpuModel,
    finished: Finished,
    seen: Translation | None,
    *,
    timeout: float,
    seconds: float,
) -> Tried:
    """What the end of a container says about its CPU."""
    tried = rung(variant, cpu)
    level = ladder.judge(tried, variant, finished, timeout)
    if level.passed and not tried.refused:
        report = proof.read_report(variant, finished, timeout)
        if wrong := emulation.contradictions(variant, report, cpu, seen):
            level = replace(level, passed=False, reasons=(*level.reasons, *wrong))
    return Tried(level=level, seconds=round(seconds, 1), translation=seen)


def proven(known: Proof, name: str, model: str) -> Tried:
    """What the image's own proof has shown."""
    begun = Level(
        name=name,
        how=Rung(name=name, model=model).how,
        emulated=known.report.emulated,
        code=0,
        passed=False,
    )
    return Tried(
        level=ladder.shown(begun, known.report),
        seconds=known.seconds,
        translation=known.emulation.translation if known.emulation else None,
    )


def table(found: Iterable[Tried]) -> list[tuple[str, ...]]:
    """A row of HEADER for each CPU."""
    return [
        (
            item.level.name,
            item.level.how,
            item.outcome,
            "+".join(item.level.row or ()),
            ", ".join(item.level.isa),
            item.instructions,
        )
        for item in found
    ]


def failing(found: Iterable[Tried]) -> tuple[str, ...]:
    """The CPUs on which the image fails."""
    wrong = (Outcome.SIGILL, Outcome.FAILED)
    return tuple(item.level.name for item in found if item.outcome in wrong)
