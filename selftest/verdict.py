"""Pure judgement: what this CPU should show, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from selftest.checks import KERNELS, Check, Verdict
from selftest.classes import (
    Kind,
    asked,
    best,
    classify,
    dominant,
    is_at_least,
    named,
    worst,
)
from selftest.evidence import OPERATORS, Kernel
from selftest.expectation import Expectation, Row, choose, note
from selftest.findings import Findings, TaskFindings
from selftest.judged import judged, kernel_problem, unclaimed, weighty
from selftest.wording import classed, names, typed

UNPROMISED = "unjudged, for the row names none"


def judge(expectation: Expectation, findings: Findings) -> Verdict:
    """Every task by the row of this CPU."""
    row = choose(expectation.rows, findings.cpu.features)
    checks = [a_row_applies(expectation, row, findings)]
    for task in findings.tasks:
        found = [check for make in CHECKS for check in make(expectation, row, task)]
        if row is not None:
            found.append(int8_is_fast(row, task, emulated=findings.cpu.emulated))
        checks += (replace(check, task=task.name) for check in found)
    return Verdict(row=row, row_note=note(row, findings.cpu.features), checks=tuple(checks))


def a_row_applies(expectation: Expectation, row: Row | None, findings: Findings) -> Check:
    return Check(
        name="expectation for this CPU",
        passed=row is not None,
        expected=" or ".join(row.name for row in expectation.rows),
        saw=row.name if row else f"{_features(findings)}, which is below all of them",
    )


def fp32_is_accurate(
    expectation: Expectation, row: Row | None, task: TaskFindings
) -> Iterable[Check]:
    least = expectation.accuracy.fp32_min
    yield _at_least("fp32 accuracy", task.fp32.accuracy, least)


def int8_keeps_accuracy(
    expectation: Expectation, row: Row | None, task: TaskFindings
) -> Iterable[Check]:
    drop, most = task.fp32.accuracy - task.int8.accuracy, expectation.accuracy.drop_max
    yield Check(
        name="int8 accuracy drop",
        passed=drop <= most + 1e-9,
        expected=f"<= {most:g}",
        saw=f"{drop:.4f} ({task.fp32.accuracy:.4f} to {task.int8.accuracy:.4f})",
    )


def answers_agree(expectation: Expectation, row: Row | None, task: TaskFindings) -> Iterable[Check]:
    yield _at_least("agreement", task.agreement, expectation.accuracy.agreement_min)


def fp32_is_real(expectation: Expectation, row: Row | None, task: TaskFindings) -> Iterable[Check]:
    """A baseline in BF16 or INT8 would make the speed ratio meaningless, a slow one buys it."""
    seen = judged(task.fp32.kernels)
    problem = _baseline_problem(seen, task)
    if strangers := unclaimed(expectation.backend, seen):
        problem = problem or f"{names(strangers)}, which is not {expectation.backend}"
    yield Check(
        name="fp32 kernels",
        passed=bool(seen) and problem is None,
        expected=f"all in f32, no reference {_weightiest(task)}",
        saw=problem or typed(seen) or task.fp32.problem or "no evidence of any kernel",
    )


def _weightiest(task: TaskFindings) -> str:
    """The kind that nearly all work is: where there are convolutions, they are."""
    return next(kind for kind in OPERATORS if kind in task.operators)


def _baseline_problem(seen: list[Kernel], task: TaskFindings) -> str | None:
    kind = _weightiest(task)
    those = [kernel for kernel in seen if kernel.operator == kind]
    slow = [one for one in those if named(one.implementation)[0] is Kind.REFERENCE]
    if wrong := [kernel for kernel in seen if kernel.types != "f32"]:
        return typed(wrong)
    if slow:
        return f"{kind} ran {names(slow)} ({Kind.REFERENCE.value})"
    count, all_of_them = sum(kernel.count for kernel in those), task.operators[kind]
    return f"{count} of {all_of_them} {kind}s" if seen and count < all_of_them else None


def int8_is_on_fast_kernels(
    expectation: Expectation, row: Row | None, task: TaskFindings
) -> Iterable[Check]:
    if row is None:
        return
    for kind, count in task.operators.items():
        least = row.kernels.get(kind)
        seen = [kernel for kernel in task.int8.kernels if kernel.operator == kind]
        problem = kernel_problem(least, seen, count, task.int8) if least else UNPROMISED
        yield Check(
            name=KERNELS + kind,
            passed=problem is None,
            expected=asked(least) if least else "what its row names",
            saw=problem or classed(seen, task.int8),
        )


def instructions_agree(
    expectation: Expectation, row: Row | None, task: TaskFindings
) -> Iterable[Check]:
    """Names are the library's word; what its threads were seen doing must not contradict them: the
    best that a name claims is seen, and nothing less than all claims is seen most.
    """
    claims = {
        found.isa
        for kernel in weighty(judged(task.int8.kernels))
        if (found := classify(kernel, task.int8.instructions)).kind is Kind.FAST and found.isa
    }
    claim, expected = best(claims), "any"
    if claim:
        expected = f"those of {claim} or better, as the kernels' names say"
    for name, one in (("fp32", task.fp32), ("int8", task.int8)):
        passed, saw = True, f"not sampled: {one.unsampled}"
        if one.instructions is not None:
            isas = one.instructions.isas
            most = dominant(one.instructions)
            agrees = is_at_least(best(isas), claim) and is_at_least(most, worst(claims))
            passed = agrees if name == "int8" else not isas
            saw = ", ".join(one.instructions.int8) or "none of int8's"
            if most != best(isas):
                saw += f" (most often {most}'s)"
        yield Check(
            name=f"{name} instructions",
            passed=passed,
            expected=expected if name == "int8" else "none of int8's",
            saw=saw,
        )


def int8_is_fast(row: Row, task: TaskFindings, *, emulated: bool) -> Check:
    return Check(
        name="int8 speed",
        passed=emulated or task.speedup >= row.speedup_of(task.name),
        expected=f">= {row.speedup_of(task.name):g} times fp32",
        saw=f"{task.speedup:.2f} times{' (emulated: not judged)' if emulated else ''}",
    )


CHECKS: tuple[Callable[[Expectation, Row | None, TaskFindings], Iterable[Check]], ...] = (
    fp32_is_accurate,
    int8_keeps_accuracy,
    answers_agree,
    fp32_is_real,
    int8_is_on_fast_kernels,
    instructions_agree,
)


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name=name, passed=value >= least, expected=f">= {least:g}", saw=f"{value:.4f}")


def _features(findings: Findings) -> str:
    return ", ".join(findings.cpu.features) or "no features we know"
