"""CPU compatibility at a glance: a row for each image, a column for each CPU."""

from collections.abc import Iterable
from dataclasses import dataclass

from inferpack.compatibility import Outcome, Tried
from inferpack.model import Arch, Flavour
from inferpack.records import Evidence

UNTRIED = "not tried"
TONES = {Outcome.INT8: "good", Outcome.SIGILL: "bad", Outcome.FAILED: "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    """What an image showed on a CPU: `text` in a word or two, `more` on asking."""

    text: str
    more: str = ""
    tone: str = "soft"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """The images of one architecture; `qemu`: the versions that emulated."""

    arch: Arch
    qemu: str
    cpus: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]


def grids(evidence: Iterable[Evidence]) -> tuple[Grid, ...]:
    """One for each architecture of which any image was tried."""
    known = tuple(evidence)
    found = (grid(arch, [item for item in known if item.variant.arch is arch]) for arch in Arch)
    return tuple(one for one in found if one.cpus)


def grid(arch: Arch, evidence: list[Evidence]) -> Grid:
    """The CPUs in the order of the records, each once."""
    names = tuple(dict.fromkeys(name for item in evidence for name in tried(item)))
    rows = (
        (title(item), tuple(square(tried(item).get(name)) for name in names))
        for item in evidence
        if item.cpus or item.variant.flavour is Flavour.RUNTIME
    )
    versions = {item.cpus.qemu for item in evidence if item.cpus}
    return Grid(arch=arch, qemu=", ".join(sorted(versions)), cpus=names, rows=tuple(rows))


def tried(item: Evidence) -> dict[str, Tried]:
    """By the CPU's name."""
    return {one.level.name: one for one in item.cpus.tried} if item.cpus else {}


def title(item: Evidence) -> str:
    variant = item.variant
    return f"{variant.recipe.title} {variant.version} ({variant.backend}{variant.suffix})"


def square(found: Tried | None) -> Square:
    if found is None:
        return Square(text=UNTRIED)
    text, more = str(found.outcome), "; ".join(found.level.reasons)
    if found.outcome is Outcome.INT8:
        text = f"INT8 {', '.join(found.level.isa)}".rstrip()
    if found.outcome in (Outcome.INT8, Outcome.RUNS):
        more = found.instructions
    return Square(text=text, more=more, tone=TONES.get(found.outcome, "soft"))
