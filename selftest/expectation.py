"""expect.json: what this image promises, per CPU feature. Parsed once, here."""

# ruff: noqa: TRY004 - one kind of error at one border
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from selftest.classes import ISAS, SLOW, SOME, untold
from selftest.errors import BrokenInstallation
from selftest.evidence import OPERATORS


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Shares in 0..1."""

    fp32_min: float
    drop_max: float
    agreement_min: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What a CPU with all of these features must show; `kernels`: operator to the least
    instruction set that must run it in fast INT8, SLOW or SOME; `speedups`: of tasks with others.
    """

    cpu: tuple[str, ...]
    kernels: Mapping[str, str]
    speedup: float
    speedups: Mapping[str, float] = field(default_factory=dict)

    def speedup_of(self, task: str) -> float:
        return self.speedups.get(task, self.speedup)

    @property
    def name(self) -> str:
        return "+".join(self.cpu) or "any CPU"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """`rows` go from strictest to loosest."""

    variant: str
    framework: str
    backend: str
    accuracy: Accuracy
    rows: tuple[Row, ...]


def choose(rows: Iterable[Row], features: tuple[str, ...]) -> Row | None:
    """The first row all of whose features this CPU has: rows go from strictest to loosest."""
    return next((row for row in rows if set(row.cpu) <= set(features)), None)


def note(row: Row | None, features: tuple[str, ...]) -> str | None:
    """What this CPU has and the row does not know of."""
    more = untold(features, row.cpu) if row else ()
    if row is None or not more:
        return None
    return f"no row names {', '.join(more)}: judged by the nearest lower one, {row.name}"


def load(path: Path) -> Expectation:
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise BrokenInstallation(
            f"{path}: cannot be read ({err}); pull the image again, or mount a valid expect.json"
        ) from err
    try:
        return parse(document)
    except ValueError as err:
        raise BrokenInstallation(
            f"{path}: {err}; pull the image again, or mount a valid expect.json"
        ) from err


def parse(document: object) -> Expectation:
    """Raises ValueError with the path of what is wrong."""
    top = _table(document, "expect.json", ("variant", "framework", "backend", "accuracy", "rows"))
    accuracy = _table(top["accuracy"], "accuracy", ("fp32_min", "drop_max", "agreement_min"))
    rows = top["rows"]
    if not isinstance(rows, list) or not rows:
        raise ValueError("rows: must be a list of at least one row")
    return Expectation(
        variant=_text(top["variant"], "variant"),
        framework=_text(top["framework"], "framework"),
        backend=_text(top["backend"], "backend"),
        accuracy=Accuracy(
            fp32_min=_number(accuracy["fp32_min"], "accuracy.fp32_min"),
            drop_max=_number(accuracy["drop_max"], "accuracy.drop_max"),
            agreement_min=_number(accuracy["agreement_min"], "accuracy.agreement_min"),
        ),
        rows=tuple(_row(row, f"rows[{number}]") for number, row in enumerate(rows)),
    )


def _row(value: object, where: str) -> Row:
    row = _table(value, where, ("cpu", "kernels", "speedup", "speedups"))
    kernels, cpu, speedups = row["kernels"], row["cpu"], row["speedups"]
    if not isinstance(kernels, dict) or not kernels:
        raise ValueError(f"{where}.kernels: must name at least one operator")
    if not isinstance(cpu, list):
        raise ValueError(f"{where}.cpu: must be a list of CPU features")
    if not isinstance(speedups, dict):
        raise ValueError(f"{where}.speedups: must be an object")
    for kind, least in kernels.items():
        _choice(kind, f"{where}.kernels", OPERATORS)
        _choice(least, f"{where}.kernels.{kind}", (SOME, SLOW, *ISAS))
    return Row(
        cpu=tuple(_text(feature, f"{where}.cpu") for feature in cpu),
        kernels=kernels,
        speedup=_number(row["speedup"], f"{where}.speedup"),
        speedups={
            task: _number(ratio, f"{where}.speedups.{task}") for task, ratio in speedups.items()
        },
    )


def _table(value: object, where: str, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be an object")
    table = cast("dict[str, object]", value)
    if set(table) != set(keys):
        wrong = ", ".join(sorted(set(table) ^ set(keys)))
        raise ValueError(f"{where}: keys must be {', '.join(keys)}; missing or unknown: {wrong}")
    return table


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: must be text")
    return value


def _choice(value: object, where: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{where}: '{value}' is unknown; must be one of {', '.join(known)}")


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where}: must be a number")
    return float(value)
