"""What types cannot say of a recipe's cells and rows, of targets and CPUs; each is a UsageError."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from packaging.requirements import InvalidRequirement, Requirement

from inferpack.errors import UsageError
from inferpack.expectation import Row, Task
from inferpack.model import GENERIC, Arch, Backend, Cell
from inferpack.rungs import CpuModel, Target

PINNED = re.compile(r"^[^=<>~!;,]+==[^*=<>~!;,]+$")
PART_OF_A_TAG = re.compile(r"[A-Za-z0-9._-]+")


def check_cells(where: str, cells: Iterable[Cell]) -> None:
    known: set[tuple[Backend, Arch, str]] = set()
    for cell in cells:
        check_cell(where, cell)
        name = (cell.backend, cell.arch, cell.target)
        if name in known:
            wrong = f"matrix has {cell.backend} on {cell.arch} for target '{cell.target}' twice"
            raise UsageError(where, wrong, "keep one of them")
        known.add(name)


def check_cell(where: str, cell: Cell) -> None:
    if cell.arch not in cell.backend.archs:
        right = ", ".join(cell.backend.archs)
        wrong = f"backend '{cell.backend}' does not exist on {cell.arch}"
        raise UsageError(where, wrong, f"it exists on {right}")
    if len(set(cell.flavours)) < len(cell.flavours):
        wrong = f"matrix: {cell.backend} on {cell.arch} has a flavour twice"
        raise UsageError(where, wrong, "name each once")
    for need in cell.needs:
        if need.arch is not cell.arch:
            raise UsageError(where, f"no {cell.arch} CPU has '{need}'", "remove it from needs")
    for text in cell.requires:
        try:
            Requirement(text)
        except InvalidRequirement as err:
            hint = "write it as in PEP 508: name==version"
            raise UsageError(where, f"'{text}' is not a requirement", hint) from err
    if not cell.requires or not PINNED.search(cell.requires[0]):
        wrong = "requires must begin with the framework, pinned to one version"
        raise UsageError(where, wrong, "write it as name==version")


def check_rows(where: str, rows: tuple[Row, ...], tasks: tuple[Task, ...]) -> None:
    for place, row in enumerate(rows):
        check_row(where, row, tasks)
        for earlier in rows[:place]:
            if earlier.hides(row):
                wrong = f"the row of cpu {row.name} never applies: that of {earlier.name} is first"
                raise UsageError(where, wrong, "put the strictest first, and each once")


def check_row(where: str, row: Row, tasks: tuple[Task, ...]) -> None:
    if not row.kernels:
        wrong = f"the row of cpu {row.name} names no kernels"
        raise UsageError(where, wrong, "give at least one operator and what it must be")
    if len({feature.is_arm for feature in row.cpu}) > 1:
        wrong = f"the row of cpu {row.name} mixes architectures"
        raise UsageError(where, wrong, "give each architecture a row of its own")
    for operator, least in row.kernels.items():
        if not least.may_be_asked(arm=row.cpu[0].is_arm):
            wrong = f"the row of cpu {row.name} asks '{least}' of {operator}"
            raise UsageError(where, wrong, "no CPU has both: name its own architecture's")
    for backend in row.backends:
        if backend not in list(Backend):
            near = get_close_matches(backend, list(Backend), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(Backend)}"
            raise UsageError(where, f"proof.rows: unknown backend '{backend}'", hint)
    for task in row.speedups:
        if task not in tasks:
            wrong = f"proof.rows.speedups: this framework has no task '{task}'"
            raise UsageError(where, wrong, f"it has {', '.join(tasks) or 'none'}")


def check_targets(where: str, targets: Mapping[str, Target]) -> None:
    for name, target in targets.items():
        if name == GENERIC:
            raise UsageError(where, f"'{name}' is the name of no target", "choose another")
        if not PART_OF_A_TAG.fullmatch(name):
            hint = "use letters, digits, '.', '_' and '-'"
            raise UsageError(where, f"'{name}' cannot be part of a tag", hint)
        for need in target.needs:
            if need.arch is not target.arch:
                raise UsageError(where, f"{name}: no {target.arch} CPU has '{need}'", "remove it")


def check_cpus(where: str, cpus: tuple[CpuModel, ...]) -> None:
    """Each architecture has the one by which its images are proven."""
    for arch in Arch:
        names = [cpu.name for cpu in cpus if cpu.arch is arch and cpu.smoke]
        if not names:
            raise UsageError(where, f"no CPU of {arch} has smoke = true", "give it to one")
        if len(names) > 1:
            wrong = f"{' and '.join(names)} of {arch} have smoke = true"
            raise UsageError(where, wrong, "keep one of them")
