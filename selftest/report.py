"""The run in JSON for programs, and in one screenful for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from textwrap import shorten

from selftest.expectation import Expectation
from selftest.findings import Findings, Precise
from selftest.verdict import Verdict, reasons

SCHEMA = 1
WIDTH = 68
"""Of what a check saw; a failing one is told in full below."""

ALWAYS_SHOWN = ("convolution", "linear")


def to_json(expectation: Expectation, findings: Findings, verdict: Verdict) -> str:
    cpu = findings.cpu
    document = {
        "schema": SCHEMA,
        "variant": expectation.variant,
        "framework": expectation.framework,
        "version": findings.version,
        "backend": expectation.backend,
        "python": findings.python,
        "cpu": {
            "model": cpu.model,
            "arch": cpu.arch,
            "features": list(cpu.features),
            "cores": cpu.cores,
            "quota": cpu.quota,
            "threads": findings.threads,
        },
        "emulated": cpu.emulated,
        "fp32": _precise(findings.fp32),
        "int8": _precise(findings.int8),
        "agreement": findings.agreement,
        "speedup": round(findings.speedup, 3),
        "row": list(verdict.row.cpu) if verdict.row else None,
        "checks": [asdict(check) for check in verdict.checks],
        "passed": verdict.passed,
    }
    return json.dumps(document, indent=1)


def _precise(precise: Precise) -> dict[str, object]:
    return {
        "accuracy": precise.accuracy,
        "images_per_s": round(precise.images_per_s, 1),
        "spread": round(precise.spread, 4),
        "kernels": [asdict(kernel) for kernel in precise.kernels],
    }


def to_text(expectation: Expectation, findings: Findings, verdict: Verdict) -> str:
    lines = [
        f"{expectation.variant}: {expectation.framework} {findings.version}, "
        f"Python {findings.python}",
        *_cpu(findings),
        "",
        f"{'':5} {'accuracy':>8} {'images/s':>10} {'spread':>7}",
        *(_speed(name, one) for name, one in _both(findings)),
        f"INT8 runs {findings.speedup:.2f} times as fast as FP32"
        f"{' (emulated: says nothing)' if findings.cpu.emulated else ''} "
        f"and agrees on {findings.agreement:.1%} of the images",
        "",
        f"{'':5} {'operator':11} {'types':15} {'implementation':42} {'count':>5} {'share':>6}",
        *(line for name, one in _both(findings) for line in _kernels(name, one)),
        "",
        *(
            f"{'ok  ' if check.passed else 'FAIL'} {check.name:26} {shorten(check.saw, WIDTH)}"
            for check in verdict.checks
        ),
        "",
        f"verdict: {'PASS' if verdict.passed else 'FAIL'}",
        *reasons(verdict),
    ]
    return "\n".join(lines)


def _both(findings: Findings) -> tuple[tuple[str, Precise], tuple[str, Precise]]:
    return ("FP32", findings.fp32), ("INT8", findings.int8)


def _cpu(findings: Findings) -> list[str]:
    cpu = findings.cpu
    quota = "no quota" if cpu.quota is None else f"quota {cpu.quota:g} CPUs"
    crowded = findings.threads > max(1, round(min(cpu.cores, cpu.quota or cpu.cores)))
    return [
        f"{cpu.model} ({cpu.arch}{', emulated' if cpu.emulated else ''}): {' '.join(cpu.features)}",
        f"{cpu.cores} cores, {quota}, {findings.threads} threads in use"
        f"{' (more than there are CPUs for: slower)' if crowded else ''}",
    ]


def _speed(name: str, one: Precise) -> str:
    return f"{name:5} {one.accuracy:8.2%} {one.images_per_s:10,.0f} {one.spread:7.1%}"


def _kernels(name: str, one: Precise) -> list[str]:
    """What multiplies, line by line; the rest in one."""
    total = sum(kernel.milliseconds or 0.0 for kernel in one.kernels)
    shown = [kernel for kernel in one.kernels if kernel.operator in ALWAYS_SHOWN]
    rest = [kernel for kernel in one.kernels if kernel.operator not in ALWAYS_SHOWN]
    lines = [
        f"{name:5} {kernel.operator:11} {kernel.types:15} {kernel.implementation:42} "
        f"{kernel.count:5} {_share(kernel.milliseconds, total)}"
        for kernel in shown
    ]
    if rest:
        kinds = ", ".join(dict.fromkeys(kernel.operator for kernel in rest))
        time = sum(kernel.milliseconds or 0.0 for kernel in rest)
        count = sum(kernel.count for kernel in rest)
        lines.append(f"{name:5} {kinds:70} {count:5} {_share(time, total)}")
    return lines or [f"{name:5} {one.problem or 'no kernel seen'}"]


def _share(milliseconds: float | None, total: float) -> str:
    return f"{milliseconds / total:6.0%}" if milliseconds is not None and total else f"{'':6}"
