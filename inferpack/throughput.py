"""What `selftest --bench` measured in a proven image, recorded beside its proof."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from inferpack import console, hosts, pipeline
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.proof import Cpu, decoded
from inferpack.store import locked, read_record, write_record
from inferpack.tables import Record
from inferpack.workshop import Workshop

TIMEOUT = 600.0  # seconds; a bench takes one or two minutes on two cores


class Peak(Record, frozen=True):
    """What this CPU could do at best: GOP/s from its clock, lanes and ports, and their source."""

    ghz: float
    cores: float
    fp32_gops: float
    int8_gops: float
    model: str
    source: str
    assumed: bool


class Latency(Record, frozen=True):
    """Of one image at a time."""

    runs: int
    p50_ms: float
    p99_ms: float


class Rate(Record, frozen=True):
    """`spread` is the share by which repeated runs differ."""

    batch: int
    images_per_s: float
    spread: float


class Precise(Record, frozen=True):
    """A network in FP32 or INT8; `error` against a plain numpy reference, as a share of its peak.

    `gops` is what the best batch achieves, `of_peak` the share of this CPU's limit.
    """

    error: float
    latency: Latency
    batches: tuple[Rate, ...]
    best: Rate
    gops: float
    of_peak: float | None


class Network(Record, frozen=True):
    """`gop` is the work for one image, in 1e9 operations; a multiply-add is two."""

    name: str
    gop: float
    fp32: Precise
    int8: Precise
    speedup: float


class Throughput(Record, frozen=True):
    """The JSON document of `selftest --bench --json`."""

    schema: Literal[1]
    variant: str
    framework: str
    version: str
    backend: str
    python: str
    cpu: Cpu
    emulated: bool
    peak: Peak | None
    networks: tuple[Network, ...]


class Bench(Record, frozen=True):
    """build/<id>/bench.json: what exactly this image did on this machine."""

    digest: str
    machine: str
    measured: int
    seconds: float
    report: Throughput


def path_of(folder: Path) -> Path:
    return folder / "bench.json"


def read(folder: Path) -> Bench | None:
    return read_record(path_of(folder), Bench)


def bench(shop: Workshop, variant: Variant) -> Path:
    """Measures the variant's proven image and returns the record's path."""
    digest, folder = pipeline.image(shop, variant).digest, shop.folder(variant)
    engine = shop.engine_for(variant.arch)
    with locked(folder), engine.reporting():
        path_of(folder).unlink(missing_ok=True)  # a bench that fails leaves no older one behind
        start = time.monotonic()
        with console.step("selftest --bench in the image"):
            report = measure(variant, engine, digest)
        made = Bench(
            digest=digest,
            machine=hosts.processor(engine, digest),
            measured=shop.now(),
            seconds=round(time.monotonic() - start, 1),
            report=report,
        )
        console.note(summary(report))
        return write_record(path_of(folder), made)


def measure(
    variant: Variant,
    engine: Engine,
    digest: str,
    *,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    owner: str = "",
) -> Throughput:
    """Runs the bench in the image as locked down as its proof, for selftest's own time or another.

    A container of the same `owner`, left by a run that was killed, is removed first.
    """
    finished = engine.run(
        digest,
        ["selftest", "--bench", *([] if seconds is None else [f"{seconds:g}"]), "--json"],
        timeout=TIMEOUT,
        environment=environment,
        owner=owner or f"{variant.id} in {engine.logs}",
    )
    return judge(variant, finished, TIMEOUT)


def judge(variant: Variant, finished: Finished, timeout: float) -> Throughput:
    """The report of a bench that ended well; anything else is an error that says why."""
    report = decoded("selftest --bench", variant, finished, timeout, kind=Throughput)
    if not report.networks:
        raise InferpackError(variant.id, "selftest --bench reports on no network")
    return report


def summary(report: Throughput) -> str:
    """What was measured, in a few lines a person reads."""
    lines = [
        f"  {report.framework} {report.version} ({report.backend}) on {report.cpu.model},"
        f" {report.cpu.threads} threads"
    ]
    for network in report.networks:
        lines.append(f"  {network.name}: INT8 runs {network.speedup:.2f} times as fast as FP32")
        lines += [line("FP32", network.fp32), line("INT8", network.int8)]
    return "\n".join(lines)


def line(precision: str, found: Precise) -> str:
    peak = "" if found.of_peak is None else f", {found.of_peak:.0%} of peak"
    return (
        f"  {precision} {found.best.images_per_s:8,.1f} images/s"
        f" (batch {found.best.batch}, spread {found.best.spread:.1%}){peak};"
        f" one image p50 {found.latency.p50_ms:.2f} ms, p99 {found.latency.p99_ms:.2f} ms"
    )
