"""The ladder: which levels a CPU can be limited to, and what an image showed at each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from inferpack.engine import Finished
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.process import ending
from inferpack.proof import Check, Report, last_line, read_report, reason
from inferpack.rungs import Rungs
from inferpack.store import read_record, write_record
from inferpack.tables import Record
from inferpack.wording import number, title_of

NETWORK: Literal["resnet50"] = "resnet50"  # by whose speed levels are compared
AS_IT_IS = "this CPU as it is"
NO_ROW = "expectation for this CPU"  # selftest's check that any row of the recipe applies
CANNOT_EXECUTE, CANNOT_RUN_HERE = 126, "cannot run on this CPU"  # of selftest/start.py
HEADER = (
    *("level", "how", f"{title_of(NETWORK)} FP32", f"{title_of(NETWORK)} INT8", "INT8/FP32"),
    *("INT8 gain", "INT8 kernels", "verdict"),
)
NUMBERS = HEADER[2:6]


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
    machine: str
    measured: int
    network: Literal["resnet50"]
    levels: tuple[Level, ...]


def read(folder: Path) -> Ladder | None:
    return read_record(folder / "ladder.json", Ladder)


def record(folder: Path, ladder: Ladder) -> Path:
    return write_record(folder / "ladder.json", ladder)


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
    ran = [item for item in report.int8.kernels if item.operator in ("convolution", "linear")]
    return replace(
        level,
        kernels=tuple(dict.fromkeys(item.implementation for item in ran)),
        isa=tuple(dict.fromkeys(item.isa for item in ran if item.isa)),
        row=report.row,
        passed=bool(report.checks) and not promised,
        reasons=tuple(reason(check) for check in wrong),
    )


def without_row(check: Check, report: Report) -> bool:
    return check.name == NO_ROW and report.row is None


def failures(levels: Iterable[Level]) -> tuple[str, ...]:
    """A line for each level that is not as it should be."""
    return tuple(f"{item.name}: {'; '.join(item.reasons)}" for item in levels if not item.passed)


def runs_here(level: Level) -> bool:
    """Whether there is a speed to measure."""
    return bool(level.kernels) and not level.emulated


def best(runs: Sequence[Level]) -> Level:
    """The run that others on this machine have slowed least; no failed one hides behind it."""
    return max(runs, key=lambda level: math.inf if level.int8 is None else level.int8)


def gains(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> dict[str, tuple[str, float]]:
    """By level: the next level that has less, and how much faster INT8 is than there."""
    pairs = [pair for pair in zip(tried, levels, strict=True) if pair[1].int8]
    found = {}
    for place, (rung, level) in enumerate(pairs):
        lower = next((pair for pair in pairs[place + 1 :] if pair[0].cpu < rung.cpu), None)
        if lower and level.int8 and lower[1].int8:
            found[rung.name] = lower[0].name, level.int8 / lower[1].int8
    return found


def worth(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> tuple[str, ...]:
    return tuple(
        f"{name} is worth {times:.2f} x in {title_of(NETWORK)} INT8 here, against {lower}"
        for name, (lower, times) in gains(tried, levels).items()
    )


def table(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> list[tuple[str, ...]]:
    """A row of HEADER for each level."""
    gained = {name: f"{times:.2f} x" for name, (_, times) in gains(tried, levels).items()}
    return [
        (
            level.name,
            level.how.partition(" ")[0] if "=" in level.how else level.how,
            *speeds(level),
            gained.get(level.name, ""),
            ", ".join(dict.fromkeys(short(name) for name in level.kernels)),
            verdict(level),
        )
        for level in levels
    ]


def speeds(level: Level) -> tuple[str, str, str]:
    if level.fp32 is None or level.int8 is None or level.speedup is None:
        text = "emulated" if level.emulated and level.kernels else ""
        return text, text, ""
    fp32, int8 = (f"{number(rate)} images/s" for rate in (level.fp32, level.int8))
    return fp32, int8, f"{level.speedup:.2f} x"


def short(implementation: str) -> str:
    """The instruction set that a kernel's name ends in, where it does.

    >>> short("brgconv_1x1:avx512_core_vnni"), short("gemm:jit"), short("CPU/QGemm")
    ('avx512_core_vnni', 'gemm:jit', 'QGemm')
    """
    last = implementation.rpartition(":")[2]
    names_isa = ":" in implementation and any(map(str.isdigit, last))
    return last if names_isa else implementation.rpartition("/")[2]


def verdict(level: Level) -> str:
    if not level.passed:
        return "FAIL"
    if not level.kernels:
        return "refused in one line"
    return "pass" if level.row is not None else "runs; no row for it"
