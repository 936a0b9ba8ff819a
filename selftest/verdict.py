"""Pure judgement: what this CPU should show, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from selftest.classes import (
    Kind,
    asked,
    best,
    classify,
    dominant,
    is_at_least,
    meets,
    named,
    untold,
    worst,
)
from selftest.evidence import Kernel
from selftest.expectation import Expectation, Row
from selftest.findings import Findings, Precise
from selftest.instructions import LEAST
from selftest.network import OPERATORS
from selftest.wording import classed, names, typed


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    name: str
    passed: bool
    expected: str
    saw: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """`row`: the one that was judged by, None when no row fits this CPU; `row_note`: when this CPU
    could do more than any row of its kind asks for.
    """

    row: Row | None
    row_note: str | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def judge(expectation: Expectation, findings: Findings) -> Verdict:
    row = choose(expectation.rows, findings.cpu.features)
    checks = (check for make in CHECKS for check in make(expectation, row, findings))
    return Verdict(row=row, row_note=note(row, findings.cpu.features), checks=tuple(checks))


def choose(rows: Iterable[Row], features: tuple[str, ...]) -> Row | None:
    """The first row all of whose features this CPU has: rows go from strictest to loosest."""
    return next((row for row in rows if set(row.cpu) <= set(features)), None)


def note(row: Row | None, features: tuple[str, ...]) -> str | None:
    """What this CPU has and the row does not know of."""
    more = untold(features, row.cpu) if row else ()
    if row is None or not more:
        return None
    return f"no row names {', '.join(more)}: judged by the nearest lower one, {row.name}"


def fp32_is_accurate(
    expectation: Expectation, row: Row | None, findings: Findings
) -> Iterable[Check]:
    least = expectation.accuracy.fp32_min
    yield _at_least("fp32 accuracy", findings.fp32.accuracy, least)


def int8_keeps_accuracy(
    expectation: Expectation, row: Row | None, findings: Findings
) -> Iterable[Check]:
    drop, most = findings.fp32.accuracy - findings.int8.accuracy, expectation.accuracy.drop_max
    yield Check(
        name="int8 accuracy drop",
        passed=drop <= most + 1e-9,
        expected=f"<= {most:g}",
        saw=f"{drop:.4f} ({findings.fp32.accuracy:.4f} to {findings.int8.accuracy:.4f})",
    )


def answers_agree(expectation: Expectation, row: Row | None, findings: Findings) -> Iterable[Check]:
    yield _at_least("agreement", findings.agreement, expectation.accuracy.agreement_min)


def a_row_applies(expectation: Expectation, row: Row | None, findings: Findings) -> Iterable[Check]:
    yield Check(
        name="expectation for this CPU",
        passed=row is not None,
        expected=" or ".join(row.name for row in expectation.rows),
        saw=row.name if row else f"{_features(findings)}, which is below all of them",
    )


def fp32_is_real(expectation: Expectation, row: Row | None, findings: Findings) -> Iterable[Check]:
    """A baseline in BF16 or INT8 would make the speed ratio meaningless, a slow one buys it."""
    seen = _judged(findings.fp32.kernels)
    problem = _baseline_problem(seen)
    yield Check(
        name="fp32 kernels",
        passed=bool(seen) and problem is None,
        expected="all in f32, no reference convolution",
        saw=problem or typed(seen) or findings.fp32.problem or "no evidence of any kernel",
    )


def _baseline_problem(seen: list[Kernel]) -> str | None:
    convolutions = [kernel for kernel in seen if kernel.operator == "convolution"]
    slow = [one for one in convolutions if named(one.implementation)[0] is Kind.REFERENCE]
    if wrong := [kernel for kernel in seen if kernel.types != "f32"]:
        return typed(wrong)
    if slow:
        return f"convolution ran {names(slow)} ({Kind.REFERENCE.value})"
    count, all_of_them = sum(kernel.count for kernel in convolutions), OPERATORS["convolution"]
    return f"{count} of {all_of_them} convolutions" if seen and count < all_of_them else None


def int8_is_on_fast_kernels(
    expectation: Expectation, row: Row | None, findings: Findings
) -> Iterable[Check]:
    for kind, least in (row.kernels if row else {}).items():
        seen = [kernel for kernel in findings.int8.kernels if kernel.operator == kind]
        problem = _kernel_problem(kind, least, seen, findings.int8)
        yield Check(
            name=f"int8 kernels: {kind}",
            passed=problem is None,
            expected=asked(least),
            saw=problem or classed(seen, findings.int8),
        )


def _kernel_problem(kind: str, least: str, seen: list[Kernel], int8: Precise) -> str | None:
    count, all_of_them = sum(kernel.count for kernel in seen), OPERATORS[kind]
    wrong = [kernel for kernel in seen if not meets(classify(kernel, int8.instructions), least)]
    if not seen:
        return f"unseen ({int8.problem or 'no evidence of any'})"
    if wrong:
        return classed(wrong, int8)
    if count != all_of_them:
        return f"{count} of {all_of_them} in INT8: {names(seen)}"
    return None


def instructions_agree(
    expectation: Expectation, row: Row | None, findings: Findings
) -> Iterable[Check]:
    """Names are the library's word; what its threads were seen doing must not contradict them: the
    best that a name claims is seen, and nothing less than all claims is seen most.
    """
    claims = {
        found.isa
        for kernel in _weighty(_judged(findings.int8.kernels))
        if (found := classify(kernel, findings.int8.instructions)).kind is Kind.FAST and found.isa
    }
    claim, expected = best(claims), "any"
    if claim:
        expected = f"those of {claim} or better, as the kernels' names say"
    for name, one in (("fp32", findings.fp32), ("int8", findings.int8)):
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


def int8_is_fast(expectation: Expectation, row: Row | None, findings: Findings) -> Iterable[Check]:
    if row is None:
        return
    emulated = findings.cpu.emulated
    yield Check(
        name="int8 speed",
        passed=emulated or findings.speedup >= row.speedup,
        expected=f">= {row.speedup:g} times fp32",
        saw=f"{findings.speedup:.2f} times{' (emulated: not judged)' if emulated else ''}",
    )


CHECKS: tuple[Callable[[Expectation, Row | None, Findings], Iterable[Check]], ...] = (
    fp32_is_accurate,
    int8_keeps_accuracy,
    answers_agree,
    a_row_applies,
    fp32_is_real,
    int8_is_on_fast_kernels,
    instructions_agree,
    int8_is_fast,
)


def reasons(verdict: Verdict) -> list[str]:
    """One line per failing check."""
    return [
        _reason(check, verdict.row.name if verdict.row else "")
        for check in verdict.checks
        if not check.passed
    ]


def _reason(check: Check, row: str) -> str:
    name, _, kind = check.name.partition(": ")
    if kind:
        return f"{name}: {kind} ran {check.saw}, this CPU ({row}) should run {check.expected}"
    return f"{name}: {check.saw}, should be {check.expected}"


def _at_least(name: str, value: float, least: float) -> Check:
    return Check(name=name, passed=value >= least, expected=f">= {least:g}", saw=f"{value:.4f}")


def _judged(kernels: Iterable[Kernel]) -> list[Kernel]:
    return [kernel for kernel in kernels if kernel.operator in OPERATORS]


def _weighty(kernels: list[Kernel]) -> list[Kernel]:
    """Those that take enough of the time to be seen computing."""
    total = sum(kernel.milliseconds or 0.0 for kernel in kernels)
    return [
        kernel
        for kernel in kernels
        if kernel.milliseconds is None or kernel.milliseconds >= 2 * LEAST * total
    ]


def _features(findings: Findings) -> str:
    return ", ".join(findings.cpu.features) or "no features we know"
