"""Inference in our images beside naive ones, in turns: `.venv/bin/python -m bench.speed [GLOB]`.

Both sides run the same wheels and the same `selftest --bench`; only the image around them differs.
A missed target is said, not an error. Wants an otherwise idle machine.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import ours, rival
from bench.commandline import run
from bench.names import PREFIX
from bench.rival import ZSTD, Minbase
from inferpack import console, hosts, pipeline, program, throughput
from inferpack.engine import Engine
from inferpack.model import Variant
from inferpack.store import write_record
from inferpack.tables import Record
from inferpack.throughput import Throughput
from inferpack.workshop import Workshop

ROUNDS = 3
LEAST = 1.0  # of naive
HEADER = ("variant", "network", "what", "naive", "ours", "of naive", "target", "")
RIGHT = HEADER[3:7]
LAUNCH = "import sys; sys.path.insert(0, '/opt/inferpack'); "
LAUNCH += "from selftest.__main__ import main; sys.exit(main())"


class Race(Record, frozen=True):
    """One variant, round by round."""

    variant: str
    naive: tuple[Throughput, ...]
    ours: tuple[Throughput, ...]


class Report(Record, frozen=True):
    """build/bench/speed.json: every raw value."""

    machine: str
    races: tuple[Race, ...]


def naive_image(shop: Workshop, base: Minbase, variant: Variant) -> str:
    image, name = base.images[ZSTD], f"{PREFIX}/naive-zstd:{variant.id}"
    folder = shop.root / "naive" / variant.id
    rival.context(variant, image, rival.wheels(shop, variant), folder)
    with console.step(f"build {name}"):
        rival.build(shop, folder, name, variant.arch, ZSTD)
    return name


def run_naive(shop: Workshop, engine: Engine, variant: Variant, name: str) -> Throughput:
    """Our selftest, mounted where our images have it."""
    expect = shop.root / f"{variant.id}.json"
    expect.write_bytes(program.expectations(variant))
    volumes = {
        str(shop.selftest): {"bind": f"/{program.HOME}/selftest", "mode": "ro"},
        str(expect): {"bind": f"/{program.HOME}/expect.json", "mode": "ro"},
    }
    command = ["python3", "-sP", "-c", LAUNCH, "--bench", "--json"]
    finished = engine.run(name, command, timeout=throughput.TIMEOUT, volumes=volumes)
    return throughput.judge(variant, finished, throughput.TIMEOUT)


def race(shop: Workshop, user: Workshop, base: Minbase, variant: Variant) -> Race:
    digest = pipeline.image(user, variant).digest
    name = naive_image(shop, base, variant)
    naive, own = in_turns(
        variant,
        lambda: run_naive(shop, shop.engine, variant, name),
        lambda: throughput.measure(variant, shop.engine, digest),
    )
    return Race(variant=variant.id, naive=naive, ours=own)


def in_turns(
    variant: Variant, naive: Callable[[], Throughput], own: Callable[[], Throughput]
) -> tuple[tuple[Throughput, ...], tuple[Throughput, ...]]:
    """What each side said, round by round; neither always comes first."""
    found: dict[str, list[Throughput]] = {"naive": [], "ours": []}
    sides = [("naive", naive), ("ours", own)]
    for number in range(1, ROUNDS + 1):
        for side, measure in sides:
            with console.step(f"{variant.id}, round {number}: {side}"):
                found[side].append(measure())
        sides.reverse()
    return tuple(found["naive"]), tuple(found["ours"])


def values(reports: tuple[Throughput, ...]) -> dict[tuple[str, str], float]:
    """(network, precision) → images/s of the best batch, the median of all rounds."""
    found: dict[tuple[str, str], list[float]] = {}
    for report in reports:
        for network in report.networks:
            found.setdefault((network.name, "FP32"), []).append(network.fp32.best.images_per_s)
            found.setdefault((network.name, "INT8"), []).append(network.int8.best.images_per_s)
    return {key: median(rates) for key, rates in found.items()}


def rows(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            item.variant,
            network,
            f"{precision}, images/s",
            f"{values(item.naive)[network, precision]:.1f}",
            f"{own:.1f}",
            f"{own / values(item.naive)[network, precision]:.2f}",
            f"≥ {LEAST:.2f}",
            "ok" if own >= LEAST * values(item.naive)[network, precision] else "MISSED",
        )
        for item in report.races
        for (network, precision), own in values(item.ours).items()
    ]


def main(user: Workshop, glob: str) -> Path:
    """Measures, prints the table, and returns the path of the raw values."""
    with ours.apart(user) as shop:
        variants = user.variants(glob)
        bases = rival.minbases(shop, variants)
        races = tuple(race(shop, user, bases[rival.suite(shop, item)], item) for item in variants)
    report = Report(machine=hosts.here(), races=races)
    console.table(HEADER, rows(report), right=RIGHT)
    return write_record(user.root / "build/bench/speed.json", report)


if __name__ == "__main__":
    run("bench.speed", __doc__, main)
