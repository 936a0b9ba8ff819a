"""Proves an image at each level that this CPU can be limited to, and times the real ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from inferpack import console, emulation, gains, ladder, pipeline, recipes, throughput
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.ladder import Ladder, Level, Rung
from inferpack.model import Variant
from inferpack.proof import Proof
from inferpack.store import locked
from inferpack.throughput import Throughput
from inferpack.wording import title_of
from inferpack.workshop import Workshop

TIMEOUT = 120.0  # seconds on the real CPU
BENCH_SECONDS = 20.0  # for two networks: a few batch sizes of each, beside what building them takes
ROUNDS = 2  # of levels that are compared


@dataclass(frozen=True, kw_only=True, slots=True)
class Climbed:
    """What was tried and what it showed, level by level; `path` is the record."""

    tried: tuple[Rung, ...]
    levels: tuple[Level, ...]
    path: Path


def climb(
    shop: Workshop, variant: Variant, *, seconds: float = BENCH_SECONDS, rounds: int = ROUNDS
) -> Climbed:
    """Tries every level, and records what they showed, failures and all.

    `seconds` is what each bench takes, `rounds` how often levels that are compared are timed.
    """
    proven = pipeline.image(shop, variant)
    made = emulation.emulator(shop, variant.arch)
    emulation.refuse_unreachable(made, variant, proven.digest)
    climber = Climber(
        engine=made.engine,
        variant=variant,
        digest=proven.digest,
        emulator=made.path,
        seconds=seconds,
        rounds=rounds,
    )
    return recorded(shop, climber, proven)


def recorded(shop: Workshop, climber: "Climber", proven: Proof) -> Climbed:
    """Climbs alone in the variant's folder; a climb that fails leaves no older record behind."""
    known, switches = recipes.load_ladder(shop.recipes), climber.variant.recipe.switches
    tried = ladder.rungs(known, switches, proven.report.cpu.features)
    folder = shop.folder(climber.variant)
    with locked(folder), climber.engine.reporting():
        ladder.path_of(folder).unlink(missing_ok=True)
        levels = climber.levels(tried)
        found = Ladder(
            digest=proven.digest,
            variant=climber.variant.id,
            framework=proven.report.framework,
            cpu=proven.report.cpu,
            measured=shop.now(),
            network=ladder.NETWORK,
            levels=levels,
        )
        return Climbed(tried=tried, levels=levels, path=ladder.record(folder, found))


def told(climbed: Climbed, variant: Variant, root: Path) -> str:
    """Shows the table and gives the record's path; InferpackError where a level fails."""
    rows = gains.table(climbed.tried, climbed.levels)
    console.table(gains.HEADER, rows, right=gains.NUMBERS)
    for line in gains.worth(climbed.tried, climbed.levels):
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
    seconds: float
    rounds: int

    def levels(self, tried: tuple[Rung, ...]) -> tuple[Level, ...]:
        """Every level is proven once; those that run here are timed in turns."""
        levels = [self.prove(rung) for rung in tried]
        timed = [place for place, level in enumerate(levels) if ladder.runs_here(level)]
        runs: dict[int, list[Level]] = {place: [] for place in timed}
        for _ in range(self.rounds if len(timed) > 1 else 1):
            for place in timed:
                runs[place].append(self.time(tried[place], levels[place]))
            timed.reverse()  # no level always comes first
        return tuple(
            promised(ladder.best(runs[place])) if place in runs else level
            for place, level in enumerate(levels)
        )

    def prove(self, rung: Rung) -> Level:
        with console.step(f"{rung.name}: {rung.how}"):
            timeout = emulation.TIMEOUT if rung.model else TIMEOUT
            finished = self.run(rung, timeout)
        return ladder.judge(rung, self.variant, finished, timeout)

    def time(self, rung: Rung, level: Level) -> Level:
        """The level with its speeds, or with why it has none."""
        try:
            with console.step(f"{rung.name}: {title_of(ladder.NETWORK)}"):
                report = throughput.measure(
                    self.variant,
                    self.engine,
                    self.digest,
                    seconds=self.seconds,
                    environment=rung.environment,
                    owner=self.owner,
                )
                return timed(level, report)
        except InferpackError as err:
            return ladder.failed(level, err)

    def run(self, rung: Rung, timeout: float) -> Finished:
        """selftest at one level."""
        command, environment = ["selftest", "--json"], dict(rung.environment)
        options = dict[str, Any]()
        if environment:
            command += ["--only", ",".join(sorted(rung.cpu))]
        if rung.model:
            environment |= emulation.TOLD
            command, options = emulation.by_path(self.emulator, rung.model, refused=rung.refused)
        return self.engine.run(
            self.digest,
            command,
            timeout=timeout,
            environment=environment,
            owner=self.owner,
            **options,
        )

    @property
    def owner(self) -> str:
        return f"ladder of {self.variant.id} in {self.engine.logs}"


def timed(level: Level, report: Throughput) -> Level:
    """InferpackError where the bench was of other networks."""
    found = next((item for item in report.networks if item.name == ladder.NETWORK), None)
    if found is None:
        raise InferpackError(report.variant, f"the bench reports on no {ladder.NETWORK}")
    return replace(
        level,
        fp32=found.fp32.best.images_per_s,
        int8=found.int8.best.images_per_s,
        speedup=found.speedup,
    )


def promised(level: Level) -> Level:
    """A row promises fast INT8: fast kernels are not enough where a real network gets slower, as
    by weights that are laid out anew in every call.
    """
    if level.row is None or level.speedup is None or level.speedup >= 1:
        return level
    wrong = f"{title_of(ladder.NETWORK)} in INT8 runs at {level.speedup:.2f} x of FP32"
    return ladder.failed(level, InferpackError(level.name, wrong))
