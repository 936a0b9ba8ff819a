"""The bench in JSON for programs, and as a table for people."""

from __future__ import annotations

import json
from dataclasses import asdict

from selftest.bench import Bench, Figures, Outcome
from selftest.expectation import Expectation
from selftest.peak import Peak
from selftest.report import cpu_lines, cpu_record
from selftest.throughput import RUNS_FOR_P99, Latency, Rate, Speed

SCHEMA = 1


def to_json(expectation: Expectation, bench: Bench) -> str:
    limits = _limits(bench.peak)
    document = {
        "schema": SCHEMA,
        "variant": expectation.variant,
        "framework": expectation.framework,
        "version": bench.version,
        "backend": expectation.backend,
        "python": bench.python,
        "cpu": cpu_record(bench.cpu, bench.threads),
        "emulated": bench.cpu.emulated,
        "peak": _peak(bench.peak),
        "networks": [
            {
                "name": outcome.network.name,
                "gop": outcome.network.gop,
                "fp32": _figures(outcome, outcome.fp32, limits[0]),
                "int8": _figures(outcome, outcome.int8, limits[1]),
                "speedup": round(outcome.speedup, 3),
            }
            for outcome in bench.outcomes
        ],
    }
    return json.dumps(document, indent=1)


def _peak(peak: Peak | None) -> dict[str, object] | None:
    if peak is None:
        return None
    return asdict(peak) | {
        "ghz": round(peak.ghz, 3),
        "fp32_gops": round(peak.fp32_gops, 1),
        "int8_gops": round(peak.int8_gops, 1),
    }


def _figures(outcome: Outcome, figures: Figures, limit: float | None) -> dict[str, object]:
    speed, gops = figures.speed, _gops(outcome, figures.speed)
    return {
        "error": float(f"{figures.error:.3g}"),
        "latency": {
            "runs": speed.latency.runs,
            "p50_ms": round(speed.latency.p50_ms, 3),
            "p99_ms": round(speed.latency.p99_ms, 3),
        },
        "batches": [_rate(rate) for rate in speed.batches],
        "best": _rate(speed.best),
        "gops": round(gops, 1),
        "of_peak": None if limit is None else round(gops / limit, 4),
    }


def _rate(rate: Rate) -> dict[str, object]:
    return {
        "batch": rate.batch,
        "images_per_s": round(rate.images_per_s, 1),
        "spread": round(rate.spread, 4),
    }


def _limits(peak: Peak | None) -> tuple[float | None, float | None]:
    """Of FP32 and INT8."""
    return (peak.fp32_gops, peak.int8_gops) if peak else (None, None)


def _gops(outcome: Outcome, speed: Speed) -> float:
    return outcome.network.gop * speed.best.images_per_s


def to_text(expectation: Expectation, bench: Bench) -> str:
    sizes = sorted({rate.batch for one in bench.outcomes for rate in one.fp32.speed.batches})
    lines = [
        f"{expectation.variant}: {expectation.framework} {bench.version}, Python {bench.python}",
        *cpu_lines(bench.cpu, bench.threads),
        _most(bench.peak),
        "",
        f"{'':18} {'one image: ms':^15} images/s by batch (* best)",
        f"{'':18} {'p50':>6} {'p99':>8} {''.join(f'{size:7} ' for size in sizes)}"
        f"{'spread':>7} {'GOP/s':>6} {'peak':>5}",
    ]
    for outcome in bench.outcomes:
        lines += _rows(outcome, sizes, bench.peak)
    speeds = [figures.speed for one in bench.outcomes for figures in (one.fp32, one.int8)]
    if not all(speed.latency.is_exact for speed in speeds):
        lines += ["", f"(in brackets: the slowest of fewer than {RUNS_FOR_P99} runs)"]
    if bench.cpu.emulated:
        lines += ["", "emulated: these speeds say nothing"]
    return "\n".join(lines)


def _most(peak: Peak | None) -> str:
    if peak is None:
        return "what this CPU could do at most is not known"
    return (
        f"at most {peak.fp32_gops:,.0f} GOP/s in FP32, {peak.int8_gops:,.0f} in INT8: "
        f"{peak.cores:g} cores at {peak.ghz:.2f} GHz (measured),\n"
        f"  {peak.model}{' (assumed)' if peak.assumed else ''}, {peak.source}"
    )


def _rows(outcome: Outcome, sizes: list[int], peak: Peak | None) -> list[str]:
    name, limits = outcome.network.name, _limits(peak)
    return [
        "",
        _row(f"{name:12} FP32", outcome, outcome.fp32, sizes, limits[0]),
        _row(f"{name:12} INT8", outcome, outcome.int8, sizes, limits[1]),
        f"{'':13}INT8 is {outcome.speedup:.2f} times as fast; logits are off numpy's by "
        f"{outcome.fp32.error:.1e} in FP32, {outcome.int8.error:.1e} in INT8",
    ]


def _row(
    title: str, outcome: Outcome, figures: Figures, sizes: list[int], limit: float | None
) -> str:
    speed, gops = figures.speed, _gops(outcome, figures.speed)
    rates = {rate.batch: rate for rate in speed.batches}
    cells = "".join(
        f"{rates[size].images_per_s:7.1f}{'*' if rates[size] is speed.best else ' '}"
        if size in rates
        else f"{'':8}"
        for size in sizes
    )
    share = f"{gops / limit:5.0%}" if limit else f"{'':5}"
    return (
        f"{title:18} {speed.latency.p50_ms:6.1f} {_p99(speed.latency):>8} {cells}"
        f"{speed.best.spread:7.1%} {gops:6.0f} {share}"
    )


def _p99(latency: Latency) -> str:
    return f"{latency.p99_ms:.1f} " if latency.is_exact else f"({latency.p99_ms:.1f})"
