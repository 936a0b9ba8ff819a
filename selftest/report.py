"""The run in JSON for programs, and in one screenful for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from textwrap import shorten, wrap

from selftest.checks import Check, Verdict, reasons
from selftest.classes import Kind, classify
from selftest.cpu import Cpu
from selftest.evidence import OPERATORS, Kernel
from selftest.expectation import Expectation
from selftest.findings import Findings, Precise, TaskFindings
from selftest.instructions import LEAST

SCHEMA = 3
WIDTH = 100
SAW = 68
"""Columns for what a check saw; a failing one is told in full below."""

RED, GREEN, DIM = 31, 32, 2

Paint = Callable[[str, int], str]
"""A text as a terminal shows it in a colour or weight (ECMA-48's SGR number)."""


def plain(text: str, _code: int) -> str:
    return text


def coloured(text: str, code: int) -> str:
    return f"\033[{code}m{text}\033[0m"


def to_json(expectation: Expectation, findings: Findings, verdict: Verdict) -> str:
    document = {
        "schema": SCHEMA,
        "variant": expectation.variant,
        "framework": expectation.framework,
        "version": findings.version,
        "backend": expectation.backend,
        "python": findings.python,
        "cpu": cpu_record(findings.cpu, findings.threads),
        "emulated": findings.cpu.emulated,
        "import_s": round(findings.import_s, 3),
        "tasks": [_task(task) for task in findings.tasks],
        "row": list(verdict.row.cpu) if verdict.row else None,
        "row_note": verdict.row_note,
        "checks": [asdict(check) for check in verdict.checks],
        "passed": verdict.passed,
    }
    return json.dumps(document, indent=1)


def _task(task: TaskFindings) -> dict[str, object]:
    return {
        "name": task.name,
        "unit": task.pace,
        "operators": dict(task.operators),
        "fp32": _precise(task.fp32),
        "int8": _precise(task.int8),
        "agreement": task.agreement,
        "speedup": round(task.speedup, 3),
    }


def cpu_record(cpu: Cpu, threads: int) -> dict[str, object]:
    return {
        "model": cpu.model,
        "arch": cpu.arch,
        "features": list(cpu.features),
        "cores": cpu.cores,
        "quota": cpu.quota,
        "threads": threads,
    }


def _precise(precise: Precise) -> dict[str, object]:
    return {
        "accuracy": precise.accuracy,
        "per_s": round(precise.per_s, 1),
        "spread": round(precise.spread, 4),
        "kernels": [_kernel(kernel, precise) for kernel in precise.kernels],
        "instructions": asdict(precise.instructions) if precise.instructions else None,
    }


def _kernel(kernel: Kernel, precise: Precise) -> dict[str, object]:
    found = classify(kernel, precise.instructions)
    return asdict(kernel) | {"kind": found.kind.value, "isa": found.isa}


def to_text(
    expectation: Expectation, findings: Findings, verdict: Verdict, paint: Paint = plain
) -> str:
    passed = verdict.passed
    lines = [
        f"{expectation.variant}: {expectation.framework} {findings.version} (imported in "
        f"{findings.import_s:.2f} s), Python {findings.python}",
        *cpu_lines(findings.cpu, findings.threads),
        "",
        *(line for task in findings.tasks for line in _speeds(task, findings.cpu)),
        "",
        *(line for task in findings.tasks for line in _kernels(task, paint)),
        "",
        *_checks(verdict, paint),
        "",
        paint(f"verdict: {'PASS' if passed else 'FAIL'}", GREEN if passed else RED)
        + (_reservation(findings, paint) if passed else ""),
        *([verdict.row_note] if verdict.row_note else []),
        *reasons(verdict),
    ]
    return "\n".join(lines)


def _reservation(findings: Findings, paint: Paint) -> str:
    """What a PASS does without."""
    runs = [run for task in findings.tasks for _, run in _both(task)]
    reasons = [run.unsampled for run in runs if run.instructions is None]
    if not reasons:
        return ""
    told = shorten(f"not sampled: {reasons[-1]}", WIDTH - 32)
    return paint(f", by names alone ({told})", RED)


def _both(task: TaskFindings) -> tuple[tuple[str, Precise], tuple[str, Precise]]:
    return ("FP32", task.fp32), ("INT8", task.int8)


def cpu_lines(cpu: Cpu, threads: int) -> list[str]:
    quota = "no quota" if cpu.quota is None else f"quota {cpu.quota:g} CPUs"
    crowded = threads > max(1, round(min(cpu.cores, cpu.quota or cpu.cores)))
    name = f"{cpu.model} ({cpu.arch}{', emulated' if cpu.emulated else ''})"
    return [
        *wrap(f"{name}: {' '.join(cpu.features)}", WIDTH, subsequent_indent="  "),
        f"{cpu.cores} cores, {quota}, {threads} threads in use"
        f"{' (more than there are CPUs for: slower)' if crowded else ''}",
    ]


def _speeds(task: TaskFindings, cpu: Cpu) -> list[str]:
    return [
        f"{task.name:8} accuracy {f'{task.pace}/s':>11}  spread   instructions that multiply",
        *(
            f"{name:8} {one.accuracy:8.2%} {one.per_s:11,.0f} {one.spread:7.1%}   "
            f"{shorten(_instructions(one), WIDTH - 40)}"
            for name, one in _both(task)
        ),
        f"INT8 runs {task.speedup:.2f} times as fast as FP32"
        f"{' (emulated: says nothing)' if cpu.emulated else ''} "
        f"and agrees on {task.agreement:.1%} of the {task.unit}",
    ]


def _instructions(one: Precise) -> str:
    """What the samples show, most often seen first."""
    if one.instructions is None:
        return f"not sampled: {one.unsampled}"
    seen = sorted(one.instructions.seen.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{name} {share:.0%}" for name, share in seen if share >= LEAST)
    return f"{shares or 'none'} of {one.instructions.samples} samples"


def _kernels(task: TaskFindings, paint: Paint) -> list[str]:
    return [
        f"{task.name:17} {'types':10} {'implementation':34} count  share  class",
        *(line for name, one in _both(task) for line in _of(name, one, paint)),
    ]


def _of(name: str, one: Precise, paint: Paint) -> list[str]:
    """What multiplies, line by line; the rest in one. Shares are of the time that the library's own
    evidence accounts for, which is less than the run takes.
    """
    total = sum(kernel.milliseconds or 0.0 for kernel in one.kernels)
    shown = [kernel for kernel in one.kernels if kernel.operator in OPERATORS]
    rest = [kernel for kernel in one.kernels if kernel.operator not in OPERATORS]
    lines = [
        f"{name:5} {kernel.operator:11} {kernel.types:10} {kernel.implementation:34} "
        f"{kernel.count:5} {_share(kernel.milliseconds, total)}  {_class(kernel, one, paint)}"
        for kernel in shown
    ]
    if rest:
        kinds = ", ".join(dict.fromkeys(kernel.operator for kernel in rest))
        time = sum(kernel.milliseconds or 0.0 for kernel in rest)
        count = sum(kernel.count for kernel in rest)
        lines.append(f"{name:5} {kinds:57} {count:5} {_share(time, total)}")
    return lines or [f"{name:5} {one.problem or 'no kernel seen'}"]


def _class(kernel: Kernel, one: Precise, paint: Paint) -> str:
    """Fast INT8 stands out well, and other INT8 badly."""
    found = classify(kernel, one.instructions)
    if found.kind is Kind.NOT_INT8:
        return paint(f"{kernel.types.partition('*')[0]} {found.isa or ''}".rstrip(), DIM)
    text = f"{found.kind.value} {found.isa or ''}".rstrip()
    return paint(text, GREEN if found.kind is Kind.FAST else RED)


def _share(milliseconds: float | None, total: float) -> str:
    return f"{milliseconds / total:6.0%}" if milliseconds is not None and total else f"{'':6}"


def _checks(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """A line for each check that holds, whatever it saw in each task; and for each failure."""
    for name in dict.fromkeys(check.name for check in verdict.checks):
        same = [check for check in verdict.checks if check.name == name]
        if held := [check for check in same if check.passed]:
            saw = _saw(held, everywhere=held == same)
            yield f"{paint('ok  ', GREEN)} {name:26} {shorten(saw, SAW)}"
        for check in same:
            if not check.passed:
                yield f"{paint('FAIL', RED)} {check.title:35} {shorten(check.saw, SAW - 9)}"


def _saw(held: list[Check], *, everywhere: bool) -> str:
    """Once where all tasks saw the same."""
    if everywhere and len({check.saw for check in held}) == 1:
        return held[0].saw
    return "; ".join(f"{check.task} {check.saw}" for check in held)
