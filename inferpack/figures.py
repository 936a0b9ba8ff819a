"""What is measured, as charts. What is not measured is said, never drawn."""

import math
from collections.abc import Callable, Collection, Iterator

from inferpack import ladder
from inferpack.charts import Bar, Chart, Dots, Group, Pair
from inferpack.images import MB
from inferpack.ladder import Ladder, Level
from inferpack.losses import speed_of
from inferpack.proof import Report
from inferpack.records import Evidence
from inferpack.sparklines import Nights, Spark
from inferpack.throughput import Network, Precise
from inferpack.trends import Outcome, Trend
from inferpack.wording import day, number, ratio, title_of

MISSING = "not measured"
EMULATED = "emulated: no speed is told"
TONES = {Outcome.PASSED: "good", Outcome.WORSE: "bad", Outcome.FAILED: "failed"}


def networks(evidence: tuple[Evidence, ...]) -> tuple[str, ...]:
    """The names of all networks measured, in their order."""
    return tuple(
        dict.fromkeys(
            network.name
            for item in evidence
            if item.bench
            for network in item.bench.report.networks
        )
    )


def of_network(evidence: tuple[Evidence, ...], name: str) -> tuple[Chart, ...]:
    """Throughput, share of the CPU's limit and latency of one network."""
    return (
        Chart(
            name=f"{name}-throughput",
            title=f"{title_of(name)} throughput",
            unit="Images per second with the best batch",
            groups=groups(evidence, name, throughput, lambda net: ratio(net.speedup)),
        ),
        Chart(
            name=f"{name}-peak",
            title=f"{title_of(name)} share of peak",
            unit="Of this CPU's limit; GOP/s in brackets",
            groups=groups(evidence, name, of_peak),
            limit=1.0,
        ),
        Chart(
            name=f"{name}-latency",
            title=f"{title_of(name)} latency",
            unit="One image at a time: p50 · p99",
            groups=groups(evidence, name, latency, gain),
        ),
    )


def groups(
    evidence: tuple[Evidence, ...],
    name: str,
    bar: Callable[[str, Precise], Bar],
    note: Callable[[Network], str] = lambda _: "",
) -> tuple[Group, ...]:
    """A group for each image; one without this network says so."""
    return tuple(
        Group(title=item.variant.recipe.title, note=note(found), bars=both(found, bar))
        if (found := network_of(item, name))
        else Group(title=item.variant.recipe.title, note=MISSING, bars=(), tone="soft")
        for item in evidence
    )


def network_of(item: Evidence, name: str) -> Network | None:
    known = item.bench.report.networks if item.bench else ()
    return next((network for network in known if network.name == name), None)


def both(network: Network, bar: Callable[[str, Precise], Bar]) -> tuple[Bar, Bar]:
    return bar("fp32", network.fp32), bar("int8", network.int8)


def throughput(series: str, found: Precise) -> Bar:
    return rate(series, found.best.images_per_s)


def rate(series: str, per_s: float) -> Bar:
    return Bar(series=series, value=per_s, text=number(per_s))


def of_peak(series: str, found: Precise) -> Bar:
    share = found.of_peak
    if share is None:
        return Bar(series=series, value=None, text=f"{number(found.gops)} GOP/s, peak unknown")
    return Bar(series=series, value=share, text=f"{share:.0%} ({number(found.gops)})")


def latency(series: str, found: Precise) -> Bar:
    p50, p99 = found.latency.p50_ms, found.latency.p99_ms
    return Bar(series=series, value=p50, text=f"{number(p50)} ms · {number(p99)}")


def gain(network: Network) -> str:
    return ratio(network.fp32.latency.p50_ms / network.int8.latency.p50_ms)


def climb(item: Evidence, climbed: Ladder) -> Chart:
    """What each ISA level is worth."""
    return Chart(
        name=f"ladder-{item.variant.id}",
        title=f"{item.variant.recipe.title} ISA ladder: {title_of(climbed.network)}",
        unit="Images per second with the best batch",
        groups=tuple(map(level, climbed.levels)),
    )


def level(found: Level) -> Group:
    """A level's bars; one that is emulated, or did not run, has none."""
    judged, tone = ladder.verdict(found), "good" if found.passed else "bad"
    if found.emulated or found.fp32 is None or found.int8 is None:
        text = EMULATED if found.emulated else "no speed was measured"
        bars = (Bar(series="", value=None, text=text),)
        return Group(title=found.name, note=judged, bars=bars, tone=tone)
    pair = rate("fp32", found.fp32), rate("int8", found.int8)
    times = ratio(found.speedup or found.int8 / found.fp32)
    return Group(title=found.name, note=f"{times} · {judged}", bars=pair, tone=tone)


def reference(evidence: tuple[Evidence, ...]) -> Chart:
    """How fast the proofs' own network ran."""
    return Chart(
        name="reference-speed",
        title="Speed on the digits",
        unit="Images per second",
        groups=tuple(
            on_digits(item.variant.recipe.title, item.proof.report)
            if item.proof
            else Group(title=item.variant.recipe.title, note=MISSING, bars=(), tone="soft")
            for item in evidence
        ),
    )


def on_digits(title: str, report: Report) -> Group:
    """Speed under emulation is none."""
    if report.emulated:
        return Group(title=title, note=EMULATED, bars=(), tone="soft")
    fp32, int8 = rate("fp32", report.main.fp32.per_s), rate("int8", report.main.int8.per_s)
    return Group(title=title, note=ratio(report.main.speedup), bars=(fp32, int8))


def accuracy(evidence: tuple[Evidence, ...]) -> Dots | None:
    """FP32 beside INT8, where any image is proven; the axis begins below all that is on it."""
    proven = [(item, item.proof.report.main) for item in evidence if item.proof]
    if not proven:
        return None
    required = min(item.variant.recipe.proof.accuracy.fp32_min for item, _ in proven)
    shares = [share for _, found in proven for share in (found.fp32.accuracy, found.int8.accuracy)]
    return Dots(
        name="accuracy",
        title="Accuracy on the digits",
        unit="Share of labelled test images that each model gets right",
        pairs=tuple(
            Pair(
                title=item.variant.recipe.title,
                fp32=found.fp32.accuracy,
                int8=found.int8.accuracy,
            )
            for item, found in proven
        ),
        low=max(0.0, math.floor(min(required, *shares) * 100 - 1) / 100),
        required=required,
    )


def nights(found: Trend) -> Nights:
    """A variant's history: size, speed, and how each night ended."""
    worse = {change.what for change in found.worse}
    told = f"{len(found.worse)} worse · " if found.worse else ""
    passed = sum(outcome is not Outcome.FAILED for outcome in found.outcomes)
    return Nights(
        name=f"history-{found.id}",
        title=found.title,
        unit=found.id,
        place=found.machine,
        sparks=tuple(sparks(found, worse)),
        note=f"{told}{passed} of {len(found.nights)} passed",
        tone="bad" if found.worse else "good",
        tones=tuple(TONES[outcome] for outcome in found.outcomes),
        dates=tuple(dict.fromkeys(day(night.at) for night in (found.nights[0], found.nights[-1]))),
    )


def sparks(found: Trend, worse: Collection[str]) -> Iterator[Spark]:
    """What was never measured has none; a speed that was emulated has no line."""
    size, speed = found.size.newest, found.speed.newest
    if size:
        yield Spark(
            title=found.sized.capitalize(),
            note=f"{size / MB:.1f} MB",
            tone="bad" if found.sized in worse else "",
            values=found.size.values,
            limit=found.size.limit,
        )
    if speed:
        yield Spark(
            title=f"INT8/FP32, {found.task}",
            note=ratio(speed),
            series="int8",
            tone="bad" if speed_of(found.task) in worse else "good",
            values=found.speed.values,
            elsewhere=found.speed.elsewhere,
            limit=found.speed.limit,
        )
    elif found.task:
        yield Spark(title=f"INT8/FP32, {found.task}", note=EMULATED, tone="soft")
