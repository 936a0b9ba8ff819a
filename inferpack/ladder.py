"""The ladder: which levels a CPU can be limited to, and what an image showed at each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from inferpack.engine import Finished
from inferpack.errors import InferpackError
from inferpack.expectation import Operator
from inferpack.model import Variant
from inferpack.process import ending
from inferpack.proof import Check, Cpu, Report, last_line, read_report, reason
from inferpack.rungs import Rungs
from inferpack.store import read_record, write_record
from inferpack.tables import Record

NETWORK: Literal["resnet50"] = "resnet50"  # by whose speed levels are compared
AS_IT_IS = "this CPU as it is"
NO_ROW = "expectation for this CPU"  # selftest's check that any row of the recipe applies
CANNOT_EXECUTE, CANNOT_RUN_HERE = 126, "cannot run on this CPU"  # of selftest/start.py


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One level to try: `cpu` are the features that remain, `model` is QEMU's CPU, or none."""

    name: str
    cpu: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    refused: bool = False

    @property
    def how(self) -> str:
        if self.model:
            return f"qemu -cpu {self.model}"
        return " ".join(f"{name}={value}" for name, value in self.environment.items()) or AS_IT_IS


class Level(Record, frozen=True):
    """What an image showed at one rung.

    Speeds are those of the ladder's network with its best batch, in images/s; null where nothing
    may judge them, or the bench failed.
    `passed`: by the row of this level; where the recipe has none for it, the image ran and was
    right, and `row` is null; where no image can run, it was refused in one line, and `code` is
    that of the refusal.
    """

    name: str
    how: str
    emulated: bool
    code: int | None
    passed: bool
    fp32: float | None = None
    int8: float | None = None
    speedup: float | None = None
    kernels: tuple[str, ...] = ()
    isa: tuple[str, ...] = ()
    row: tuple[str, ...] | None = None
    reasons: tuple[str, ...] = ()


class Ladder(Record, frozen=True):
    """build/<id>/ladder.json."""

    digest: str
    variant: str
    framework: str
    cpu: Cpu
    measured: int
    network: Literal["resnet50"]
    levels: tuple[Level, ...]


def path_of(folder: Path) -> Path:
    return folder / "ladder.json"


def read(folder: Path) -> Ladder | None:
    return read_record(path_of(folder), Ladder)


def record(folder: Path, ladder: Ladder) -> Path:
    return write_record(path_of(folder), ladder)


def rungs(known: Rungs, switches: Iterable[str], features: Iterable[str]) -> tuple[Rung, ...]:
    """The levels of a framework with these switches, on a CPU with these features.

    The best level that this CPU has is the CPU as it is; the emulated ones exist everywhere.
    """
    names, has = tuple(switches), frozenset(features)
    masked = tuple(
        Rung(
            name=level.name,
            cpu=frozenset(level.cpu),
            environment={name: level.environment[name] for name in names},
        )
        for level in known.masked
        if names and has.issuperset(level.cpu)
    )
    best = Rung(name=masked[0].name, cpu=masked[0].cpu) if masked else Rung(name="native", cpu=has)
    emulated = (
        Rung(name=level.name, model=level.model, refused=level.refused) for level in known.emulated
    )
    return best, *masked[1:], *emulated


def judge(rung: Rung, variant: Variant, finished: Finished, timeout: float) -> Level:
    """What the end of a container says about its level."""
    level = Level(
        name=rung.name,
        how=rung.how,
        emulated=bool(rung.model),
        code=finished.code,
        passed=False,
    )
    if rung.refused:
        return refusal(level, variant, finished)
    try:
        report = read_report(variant, finished, timeout)
    except InferpackError as err:
        return failed(level, err)
    if report.emulated != level.emulated:
        wrong = f"selftest takes this for {'emulation' if report.emulated else 'a real CPU'}"
        return replace(level, reasons=(wrong,))
    return shown(level, report)


def failed(level: Level, err: InferpackError) -> Level:
    """The level with one more reason against it."""
    why = "; ".join(filter(None, (err.wrong, err.hint)))
    return replace(level, passed=False, reasons=(*level.reasons, why))


def refusal(level: Level, variant: Variant, finished: Finished) -> Level:
    """Below what the wheels are built for, the entry point says so in one line, and that is all."""
    lines = finished.stderr.strip().splitlines()
    clear = len(lines) == 1 and lines[0].startswith(f"{variant.id}: {CANNOT_RUN_HERE}")
    if clear and (finished.code, finished.stdout) == (CANNOT_EXECUTE, ""):
        return replace(level, passed=True, reasons=(lines[0],))
    how = "did not end" if finished.code is None else ending(finished.code)
    wrong = f"should refuse this CPU in one line, but {how}; {last_line(finished.stderr)}"
    return replace(level, reasons=(wrong,))


def shown(level: Level, report: Report) -> Level:
    """A report's part; a CPU without a row of its own fails only for what is wrong on any CPU."""
    wrong = [check for check in report.checks if not check.passed]
    promised = [check for check in wrong if not without_row(check, report)]
    ran = [
        item
        for task in report.tasks
        for item in task.int8.kernels
        if item.operator in tuple(Operator)
    ]
    unseen = () if report.row is not None else without_evidence(report)
    return replace(
        level,
        kernels=tuple(dict.fromkeys(item.implementation for item in ran)),
        isa=tuple(dict.fromkeys(item.isa for item in ran if item.isa)),
        row=report.row,
        passed=bool(report.checks) and not promised and not unseen,
        reasons=(*(reason(check) for check in wrong), *unseen),
    )


def without_evidence(report: Report) -> tuple[str, ...]:
    """A line for each operator of a task of which the report names no INT8 kernel, slow or not."""
    return tuple(
        f"{task.name}: int8 kernels: {operator}: no evidence of any kernel"
        for task in report.tasks
        for operator in task.operators
        if operator not in {item.operator for item in task.int8.kernels if item.kind != "not int8"}
    )


def without_row(check: Check, report: Report) -> bool:
    return check.name == NO_ROW and report.row is None


def failures(levels: Iterable[Level]) -> tuple[str, ...]:
    """A line for each level that is not as it should be."""
    return tuple(f"{item.name}: {'; '.join(item.reasons)}" for item in levels if not item.passed)


def is_refused(level: Level) -> bool:
    return level.code == CANNOT_EXECUTE


def runs_here(level: Level) -> bool:
    """Whether there is a speed to measure."""
    return bool(level.kernels) and not level.emulated


def best(runs: Sequence[Level]) -> Level:
    """The run that others on this machine have slowed least; no failed one hides behind it."""
    return max(runs, key=lambda level: math.inf if level.int8 is None else level.int8)


def verdict(level: Level) -> str:
    if not level.passed:
        return "FAIL"
    if is_refused(level):
        return "refused in one line"
    return "pass" if level.row is not None else "runs; no row for it"
