"""Two records or two images side by side: what changed, and what got worse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec
from msgspec.structs import replace

from inferpack import changes, console, contents, images
from inferpack.contents import Contents
from inferpack.difference import Change
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError, UsageError
from inferpack.expectation import Tolerance
from inferpack.ladder import Ladder
from inferpack.process import ending
from inferpack.proof import FAILING_VERDICT, Proof, Report, Run, TaskReport, last_line
from inferpack.throughput import Bench
from inferpack.workshop import Workshop

KINDS: dict[str, type[Proof | Bench | Ladder]] = {
    "proven": Proof,
    "levels": Ladder,
    "measured": Bench,
}  # by a key that tells a record from the others, asked in this order
ROUNDS = 3
TIMEOUT = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One side: what was measured, and what the image holds where that is known."""

    name: str
    variant: str
    framework: str
    record: Report | Bench | Ladder
    contents: Contents | None

    @property
    def kind(self) -> str:
        return "proof" if isinstance(self.record, Report) else type(self.record).__name__.lower()


def are_files(old: str, new: str, here: Path) -> bool:
    """Whether two records are compared, or else two images; one of each is an error.

    A relative name is one below `here`, the user's own folder.
    """
    found = [is_file(name, here) for name in (old, new)]
    if found[0] != found[1]:
        raise UsageError(f"{old} and {new}", "are a file and an image", "compare two of a kind")
    return found[0]


def is_file(name: str, here: Path) -> bool:
    path = here / name
    if path.is_file():
        return True
    if name.endswith(".json") or path.exists():
        hint = "name a proof.json, bench.json or ladder.json below build/"
        raise UsageError(name, "is no file", hint)
    return False


def load(name: str, here: Path) -> Subject:
    """A record of any kind; what its image holds is read from image.json beside it."""
    path = here / name
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
        kind = next(kind for key, kind in KINDS.items() if key in document)
        record = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as err:
        raise UsageError(name, f"cannot be read: {err.strerror}") from err
    except (StopIteration, msgspec.MsgspecError) as err:
        why = f": {err}" if isinstance(err, msgspec.ValidationError) else ""
        wrong = f"is no proof, bench or ladder of this inferpack{why}"
        raise UsageError(name, wrong, "./inv image, bench and proof-ladder write them") from err
    image = images.read(path.parent)
    held = contents.of_record(image) if image and image.digest == record.digest else None
    origin = record if isinstance(record, Ladder) else record.report
    return Subject(
        name=name,
        variant=origin.variant,
        framework=origin.framework,
        record=record.report if isinstance(record, Proof) else record,
        contents=held,
    )


def files(shop: Workshop, old: str, new: str, here: Path) -> tuple[Change, ...]:
    """Of two records, whose relative names are below `here`."""
    return different(shop, load(old, here), load(new, here))


def references(shop: Workshop, old: str, new: str) -> tuple[Change, ...]:
    """Two images of the engine, each asked by its own selftest, turn by turn."""
    digests = [found(shop.engine, name) for name in (old, new)]
    if digests[0] == digests[1]:
        console.note(f"both are {digests[0]}")
        return ()
    sides = tuple(zip((old, new), digests, strict=True))
    said: dict[str, list[Report]] = {name: [] for name in (old, new)}
    with shop.engine.reporting():
        for number in range(1, ROUNDS + 1):
            with console.step(f"selftest in both images, round {number} of {ROUNDS}"):
                for name, digest in sides:
                    said[name].append(examine(shop.engine, name, digest))
            of_one_framework((old, new), [rounds[0].framework for rounds in said.values()])
        before, after = (
            Subject(
                name=name,
                variant=said[name][0].variant,
                framework=said[name][0].framework,
                record=fastest(said[name]),
                contents=contents.of_image(shop.engine, name, digest),
            )
            for name, digest in sides
        )
    return different(shop, before, after)


def found(engine: Engine, reference: str) -> str:
    digest = engine.digest(reference)
    if digest is None:
        hint = "docker pull it, or name two record files"
        raise UsageError(reference, "is neither a file nor an image of this engine", hint)
    return digest


def examine(engine: Engine, reference: str, digest: str) -> Report:
    """What the image's selftest says, passing or not."""
    finished = engine.run(digest, ["selftest", "--json"], timeout=TIMEOUT)
    return report_of(reference, finished)


def report_of(reference: str, finished: Finished) -> Report:
    last = last_line(finished.stderr)
    if finished.code is None:
        raise InferpackError(reference, f"selftest did not end within {TIMEOUT:.0f} s", last)
    if finished.code not in (0, FAILING_VERDICT):
        raise InferpackError(reference, f"selftest {ending(finished.code)}", last)
    try:
        return msgspec.json.decode(finished.stdout, type=Report)
    except msgspec.MsgspecError as err:
        raise InferpackError(reference, f"selftest's report is unreadable: {err}", last) from err


def fastest(rounds: list[Report]) -> Report:
    """One report of several: the best speeds, the noise between the rounds, and of INT8 over FP32
    the median, as it may err to both sides.
    """
    turns = zip(*(report.tasks for report in rounds), strict=True)
    return replace(rounds[-1], tasks=tuple(map(steadied, turns)))


def steadied(rounds: Sequence[TaskReport]) -> TaskReport:
    return replace(
        rounds[-1],
        fp32=best([task.fp32 for task in rounds]),
        int8=best([task.int8 for task in rounds]),
        speedup=median(task.speedup for task in rounds),
    )


def best(runs: list[Run]) -> Run:
    """The last run with the best speed: load from outside only ever slows it down."""
    rates = [run.per_s for run in runs]
    between = (max(rates) - min(rates)) / max(rates)
    return replace(
        runs[-1],
        per_s=max(rates),
        spread=max(between, *(run.spread for run in runs)),
    )


def different(shop: Workshop, old: Subject, new: Subject) -> tuple[Change, ...]:
    """Every change, by the tolerance of the recipe the new side belongs to."""
    of_one_framework((old.name, new.name), (old.framework, new.framework))
    tolerance = tolerance_of(shop, new.variant)
    held = (
        contents.changes(old.contents, new.contents, tolerance)
        if old.contents and new.contents
        else ()
    )
    return (*measured(old, new, tolerance), *held)


def of_one_framework(names: Sequence[str], frameworks: Sequence[str]) -> None:
    if frameworks[0] != frameworks[1]:
        wrong = f"are of {' and '.join(frameworks)}"
        raise UsageError(" and ".join(names), wrong, "compare two of one framework")


def measured(old: Subject, new: Subject, tolerance: Tolerance) -> Iterator[Change]:
    """What the two records themselves say; UsageError where they are of two kinds."""
    match old.record, new.record:
        case Report() as before, Report() as after:
            say(changes.incomparable(before.cpu, after.cpu))
            return changes.reports(before, after, tolerance)
        case Bench() as before, Bench() as after:
            say(changes.incomparable(before.report.cpu, after.report.cpu))
            return changes.benches(before.report, after.report, tolerance)
        case Ladder() as before, Ladder() as after:
            say(changes.incomparable(before.cpu, after.cpu))
            return changes.ladders(before, after, tolerance)
    wrong = f"are a {old.kind} and a {new.kind}"
    raise UsageError(f"{old.name} and {new.name}", wrong, "compare two of a kind")


def say(text: str) -> None:
    if text:
        console.note(text)


def tolerance_of(shop: Workshop, variant: str) -> Tolerance:
    """The recipe's; the default for a variant that no recipe has."""
    known = {item.id: item.recipe.proof.tolerance for item in shop.variants()}
    return known.get(variant, Tolerance())


def told(changed: tuple[Change, ...]) -> str:
    """A line for each change, what got worse marked and last, and their count."""
    if not changed:
        return "nothing changed"
    ordered = sorted(changed, key=lambda change: change.worse)
    lines = [f"{'WORSE' if change.worse else '     '}  {change}" for change in ordered]
    worse = sum(change.worse for change in changed)
    count = f"{len(changed)} change{'s' if len(changed) > 1 else ''}"
    return "\n".join((*lines, f"{count}, {worse or 'none'} for the worse"))
