"""What is newer on pip's indexes than what is locked, and which locked files are good no more."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inferpack import (
    advisory_files,
    console,
    findings,
    holdings,
    matrix,
    recipes,
    severity,
    upstream,
)
from inferpack.advisories import Component, Ecosystem, Family
from inferpack.errors import InferpackError
from inferpack.findings import Finding, Findings
from inferpack.holdings import Holding
from inferpack.model import File, Variant
from inferpack.upstream import Project, Release
from inferpack.wheel import WheelVariant
from inferpack.workshop import Workshop

HEADER = ("variant", "package", "locked", "newest", "uploaded", "note")
PYPI = Family(ecosystem=Ecosystem.PYPI)
SHOWN = 5  # releases that an error names


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What there is to tell of a holding; `alarms` ask for somebody at once, `notes` do not."""

    holding: Holding
    newest: Release | None = None
    alarms: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def release(self) -> str:
        return f"{self.holding.name} {self.holding.version}"

    @property
    def told(self) -> tuple[str, ...]:
        """A line under HEADER."""
        held = (f"held: {self.holding.held}",) if self.newest and self.holding.held else ()
        uploaded = self.newest.link.uploaded if self.newest else None
        return (
            self.holding.owner,
            self.holding.name,
            self.holding.version,
            str(self.newest.version) if self.newest else "",
            str(uploaded or ""),
            "; ".join((*self.alarms, *held, *self.notes)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """All holdings of the variants, and what the indexes have; `incomplete`: not all was read."""

    variants: tuple[Variant, ...]
    rows: tuple[Row, ...]
    projects: Mapping[str, Project]
    incomplete: bool


def watch(
    shop: Workshop, glob: str, advisories: list[Path], gate: str, *, whole: bool = False
) -> Watched:
    """Asks for what the glob's locks hold, of `whole` recipes or not. What cannot be read is warned
    of, and the others go on.
    """
    least = severity.parse(gate)
    known = advisory_files.read(advisories) if advisories else None
    found = select(shop, glob)
    if whole:
        found = select(shop, ",".join(sorted({item.recipe.name for item in found})))
    variants = tuple(item for item in found if isinstance(item, Variant))
    made = {item.recipe.name: item.recipe for item in found if isinstance(item, WheelVariant)}
    read = [*holdings.of_images(shop, variants), *holdings.of_wheels(shop, made.values())]
    held = [item for item in read if isinstance(item, Holding)]
    projects, unread = upstream.ask({item.name for item in held}, shop.indexes())
    problems = [*(item for item in read if isinstance(item, InferpackError)), *unread]
    for problem in problems:
        console.warn(str(problem))
    vulnerable: Findings | None = None
    if known:
        today = datetime.fromtimestamp(shop.now(), UTC).date()
        allowed = recipes.load_allowed(shop.recipes)
        vulnerable = findings.weigh(components(held), known, allowed, today=today, gate=least)
        for family in vulnerable.unheard:
            console.warn(f"no advisory speaks of {family}: nobody looked at its packages")
    rows = tuple(judged(item, projects[item.name], vulnerable) for item in held)
    return Watched(variants=variants, rows=rows, projects=projects, incomplete=bool(problems))


def select(shop: Workshop, glob: str) -> tuple[Variant | WheelVariant, ...]:
    known: tuple[Variant | WheelVariant, ...] = (*shop.variants(), *shop.wheel_variants())
    return matrix.select(known, glob)


def components(held: Iterable[Holding]) -> list[Component]:
    """As advisories know them, each once."""
    found = sorted({(item.name, item.version) for item in held})
    return [Component(family=PYPI, name=name, version=version) for name, version in found]


def judged(item: Holding, project: Project, vulnerable: Findings | None) -> Row:
    newest = upstream.newer(project, item.version, item.place)[-1:]
    alarms = [text for file in item.files for text in trouble(file, project)]
    notes: list[str] = []
    if vulnerable:
        own = Component(family=PYPI, name=item.name, version=item.version)
        for finding in (each for each in vulnerable.found if each.component == own):
            (alarms if vulnerable.stops(finding) else notes).append(told(finding, vulnerable))
    return Row(
        holding=item,
        newest=newest[0] if newest else None,
        alarms=tuple(alarms),
        notes=tuple(notes),
    )


def trouble(file: File, project: Project) -> Iterator[str]:
    """What the indexes say of a locked file; that none has it, where all could be asked."""
    links = [item.link for item in project.files if item.link.name == file.name]
    if not links and project.whole:
        yield f"gone: no index has {file.name}"
    if links and not any(link.sha256 in (None, file.sha256) for link in links):
        yield f"changed: the index has other bytes as {file.name}"
    reasons = [link.yanked for link in links if link.yanked is not None]
    if reasons:
        yield f"yanked: {max(reasons) or 'no reason is given'}"


def told(finding: Finding, among: Findings) -> str:
    fixed = f", fixed in {' or '.join(finding.fixed)}" if finding.fixed else ""
    allowed = f", {findings.told(among, finding.allow)}" if finding.allow else ""
    return f"{finding.id} ({finding.severity}{fixed}{allowed})"


def table(watched: Watched) -> list[tuple[str, ...]]:
    """Rows under HEADER, of what there is to tell of."""
    return [row.told for row in watched.rows if row.newest or row.alarms or row.notes]


def show(watched: Watched) -> None:
    """Prints the table, or that there is none."""
    if rows := table(watched):
        console.table(HEADER, rows)
    elif not watched.incomplete:
        console.note(f"nothing is newer than what is locked: {len(watched.rows)} files")


def insist(watched: Watched) -> None:
    """InferpackError where a locked file asks for somebody, or not all could be read."""
    alarms: dict[str, dict[str, None]] = {}
    for row in watched.rows:
        if row.alarms:
            alarms.setdefault(row.release, {}).update(dict.fromkeys(row.alarms))
    if alarms:
        listed = [f"{release} ({'; '.join(said)})" for release, said in sorted(alarms.items())]
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        hint = "./inv lock --upgrade takes others, where the recipes let it"
        raise InferpackError("locked", ", ".join(listed[:SHOWN]) + more, hint)
    if watched.incomplete:
        raise InferpackError("watch", "not all could be read: see the warnings above")
