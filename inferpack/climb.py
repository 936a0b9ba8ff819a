"""Runs a proven image at each level that this CPU can be limited to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferpack import console, ladder, pipeline, recipes
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.ladder import Ladder, Level, Rung
from inferpack.model import Variant
from inferpack.workshop import Workshop

TIMEOUT = 120.0  # seconds on the real CPU; emulation takes some ten times as long
EMULATED_TIMEOUT = 300.0
ROUNDS = 4
MOUNTED = "/qemu"
# As the first lines of these scripts have it.
START = ["/usr/bin/python3", "-IS", "/opt/inferpack/start"]
SELFTEST = ["/usr/bin/python3", "-sP", "/usr/local/bin/selftest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Climbed:
    """What was tried and what it showed, level by level; `path` is the record."""

    tried: tuple[Rung, ...]
    levels: tuple[Level, ...]
    path: Path


def climb(shop: Workshop, variant: Variant) -> Climbed:
    """Tries every level, and records what they showed, failures and all."""
    proven = pipeline.image(shop, variant)
    known, switches = recipes.load_ladder(shop.recipes), variant.recipe.switches
    tried = ladder.rungs(known, switches, proven.report.cpu.features)
    climber = Climber(
        engine=shop.engine,
        variant=variant,
        digest=proven.digest,
        emulator=shop.emulator(variant.arch),
    )
    with shop.engine.reporting():
        levels = climber.levels(tried)
    found = Ladder(
        digest=proven.digest,
        machine=pipeline.processor(),
        measured=shop.now(),
        levels=levels,
    )
    path = ladder.record(shop.folder(variant), found)
    return Climbed(tried=tried, levels=levels, path=path)


def told(climbed: Climbed, variant: Variant, root: Path) -> str:
    """Shows the table and gives the record's path; InferpackError where a level fails."""
    rows = ladder.table(climbed.tried, climbed.levels)
    console.table(ladder.HEADER, rows, right=ladder.NUMBERS)
    for line in ladder.worth(climbed.tried, climbed.levels):
        console.result(line)
    path = str(climbed.path.relative_to(root))
    if lines := ladder.failures(climbed.levels):
        for line in lines:
            console.fail(line)
        wrong = f"{len(lines)} of {len(rows)} levels fail"
        raise InferpackError(variant.id, wrong, f"{path} holds them all")
    return path


@dataclass(frozen=True, kw_only=True, slots=True)
class Climber:
    """An image, and the engine and emulator that run it."""

    engine: Engine
    variant: Variant
    digest: str
    emulator: Path

    def levels(self, tried: tuple[Rung, ...]) -> tuple[Level, ...]:
        """Every level; speeds that are compared are measured until they agree, in turns."""
        runs = [[self.step(rung)] for rung in tried]
        timed = [place for place, (level,) in enumerate(runs) if level.int8 is not None]
        for _ in range(1, ROUNDS if len(timed) > 1 else 1):
            timed.reverse()  # no level always comes first
            for place in timed:
                if not ladder.settled(runs[place]):
                    runs[place].append(self.step(tried[place]))
        return tuple(map(ladder.best, runs))

    def step(self, rung: Rung) -> Level:
        with console.step(f"{rung.name}: {rung.how}"):
            timeout = EMULATED_TIMEOUT if rung.model else TIMEOUT
            finished = self.run(rung, timeout)
        return ladder.judge(rung, self.variant, finished, timeout)

    def run(self, rung: Rung, timeout: float) -> Finished:
        """selftest at one level.

        The emulator is called by its path: programs that an emulated one starts would not be
        emulated, so selftest is its only program, and only a refusal is asked of the entry point.
        """
        command, environment = ["selftest", "--json"], dict(rung.environment)
        options = dict[str, Any]()
        if environment:
            command += ["--only", ",".join(sorted(rung.cpu))]
        if rung.model:
            program = [*START, "selftest"] if rung.refused else SELFTEST
            command = ["-cpu", rung.model, *program, "--json"]
            environment["INFERPACK_EMULATED"] = "1"
            # Under QEMU, a process that dies of a signal as the first of its container hangs.
            options = {
                "entrypoint": [MOUNTED],
                "init": True,
                "volumes": {str(self.emulator): {"bind": MOUNTED, "mode": "ro"}},
            }
        return self.engine.run(
            self.digest,
            command,
            timeout=timeout,
            environment=environment,
            owner=f"ladder of {self.variant.id} in {self.engine.logs}",
            **options,
        )
