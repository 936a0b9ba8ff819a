"""What was measured, as one HTML page that needs nothing else, and as Markdown."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inferpack import cards, figures, grid, records, trends, wording
from inferpack.cards import Card
from inferpack.charts import Chart, Dots
from inferpack.grid import Grid
from inferpack.proof import Cpu
from inferpack.records import Evidence
from inferpack.sparklines import Nights
from inferpack.store import disk, write
from inferpack.throughput import Network, Peak
from inferpack.trends import Event, Past, Trend
from inferpack.workshop import Workshop

if TYPE_CHECKING:
    from jinja2 import Environment


Drawn = Chart | Dots | Nights
EVENTS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A CPU that something was measured on, and what it could do at best."""

    cpu: Cpu
    peak: Peak | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A network of the bench: its charts, and every image's numbers."""

    name: str
    title: str
    gop: float
    charts: tuple[Chart, ...]
    results: tuple[tuple[str, Network], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A variant's history, and its chart."""

    trend: Trend
    chart: Nights


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What the templates show; nothing is computed there."""

    machines: tuple[Machine, ...]
    first: str
    last: str
    cards: tuple[Card, ...]
    networks: tuple[Measured, ...]
    ladders: tuple[Chart, ...]
    accuracy: Dots | None
    reference: Chart
    grids: tuple[Grid, ...]
    histories: tuple[Kept, ...] = ()

    @property
    def proven(self) -> int:
        return sum(card.proven for card in self.cards)

    @property
    def losses(self) -> int:
        return sum(len(kept.trend.worse) for kept in self.histories)

    @property
    def events(self) -> tuple[tuple[str, Event], ...]:
        """What changed in any variant, the newest first."""
        found = [(kept.trend.id, event) for kept in self.histories for event in kept.trend.events]
        return tuple(sorted(found, key=lambda one: -one[1].at)[:EVENTS])


def page(evidence: tuple[Evidence, ...], pasts: tuple[Past, ...] = ()) -> Page:
    times = sorted(moment for item in evidence for moment in moments(item))
    return Page(
        machines=machines(evidence),
        first=wording.moment(times[0]) if times else "",
        last=wording.moment(times[-1]) if times else "",
        cards=tuple(map(cards.card, evidence)),
        networks=tuple(measured(evidence, name) for name in figures.networks(evidence)),
        ladders=tuple(figures.climb(item, item.ladder) for item in evidence if item.ladder),
        accuracy=figures.accuracy(evidence),
        reference=figures.reference(evidence),
        grids=grid.grids(evidence),
        histories=tuple(
            Kept(trend=found, chart=figures.nights(found))
            for past in pasts
            if (found := trends.trend(past))
        ),
    )


def moments(item: Evidence) -> tuple[int, ...]:
    """When each of its records was measured, in seconds since 1970."""
    proven = (item.proof.proven,) if item.proof else ()
    others = (item.bench, item.ladder, item.cpus)
    return (*proven, *(record.measured for record in others if record))


def machines(evidence: tuple[Evidence, ...]) -> tuple[Machine, ...]:
    """Each real CPU once, with its peak where a bench has told it."""
    reports = [item.proof.report for item in evidence if item.proof]
    cpus = [report.cpu for report in reports if not report.emulated]
    peaks = {item.bench.report.cpu.model: item.bench.report.peak for item in evidence if item.bench}
    cpus += [item.bench.report.cpu for item in evidence if item.bench]
    known = {cpu.model: cpu for cpu in reversed(cpus)}
    return tuple(
        Machine(cpu=known[model], peak=peaks.get(model))
        for model in dict.fromkeys(cpu.model for cpu in cpus)
    )


def measured(evidence: tuple[Evidence, ...], name: str) -> Measured:
    results = tuple(
        (item.variant.recipe.title, network)
        for item in evidence
        if (network := figures.network_of(item, name))
    )
    return Measured(
        name=name,
        title=wording.title_of(name),
        gop=results[0][1].gop,
        charts=figures.of_network(evidence, name),
        results=results,
    )


def html(made: Page, templates: Path) -> str:
    return environment(templates, escape=True).get_template("index.html.j2").render(page=made)


def markdown(made: Page, templates: Path) -> str:
    return environment(templates, escape=False).get_template("report.md.j2").render(page=made)


def drawing(chart: Drawn, templates: Path) -> str:
    """A chart as an SVG file of its own, light or dark as its reader is."""
    return environment(templates, escape=True).get_template("chart.svg.j2").render(chart=chart)


def environment(templates: Path, *, escape: bool) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    jinja = Environment(
        loader=FileSystemLoader(templates / "report"),
        undefined=StrictUndefined,
        autoescape=escape,  # noqa: S701  # off for Markdown, whose cells have a filter
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters |= {
        "cell": cell,
        "day": wording.day,
        "number": wording.number,
        "ratio": wording.ratio,
    }
    return jinja


def cell(text: object) -> str:
    """Text that may stand in a Markdown table.

    >>> print(cell("a|b <i>"))
    a\\|b &lt;i>
    """
    return " ".join(str(text).replace("|", r"\|").replace("<", "&lt;").split())


def write_report(shop: Workshop, folder: Path) -> Path:
    """Writes the page, its Markdown and its charts, and removes the charts of an older page;
    returns the page's path.
    """
    evidence = tuple(records.gather(shop, variant) for variant in shop.variants())
    made = page(evidence, records.pasts(shop))
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    charts = {folder / f"{chart.name}.svg": chart for chart in drawings(made)}
    for path, chart in charts.items():
        write(path, drawing(chart, shop.templates))
    for path in set(folder.glob("*.svg")) - charts.keys():
        path.unlink()
    write(folder / "report.md", markdown(made, shop.templates))
    return write(folder / "index.html", html(made, shop.templates))


def drawings(made: Page) -> tuple[Drawn, ...]:
    charts = [chart for network in made.networks for chart in network.charts]
    nights = (kept.chart for kept in made.histories)
    return (*charts, *made.ladders, *((made.accuracy,) if made.accuracy else ()), *nights)
