"""Pure judgement: what this CPU should show, and whether it did."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from selftest.evidence import Kernel
from selftest.expectation import Expectation, Row
from selftest.findings import Findings
from selftest.network import OPERATORS


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    name: str
    passed: bool
    expected: str
    saw: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """`row`: the one that was judged by, None when no row fits this CPU."""

    row: Row | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def judge(expectation: Expectation, findings: Findings) -> Verdict:
    row = choose(expectation.rows, findings.cpu.features)
    checks = (check for make in CHECKS for check in make(expectation, row, findings))
    return Verdict(row=row, checks=tuple(checks))


def choose(rows: Iterable[Row], features: tuple[str, ...]) -> Row | None:
    """The first row all of whose features this CPU has: rows go from strictest to loosest."""
    return next((row for row in rows if set(row.cpu) <= set(features)), None)


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
        saw=row.name if row else f"none of these on a CPU with {_features(findings)}",
    )


def fp32_is_real(expectation: Expectation, row: Row | None, findings: Findings) -> Iterable[Check]:
    """A baseline in BF16 or INT8 would make the speed ratio meaningless."""
    seen = _judged(findings.fp32.kernels)
    wrong = [kernel for kernel in seen if kernel.types != "f32"]
    saw = _typed(wrong or seen) or findings.fp32.problem or "no evidence of any kernel"
    yield Check(
        name="fp32 kernels", passed=bool(seen and not wrong), expected="all in f32", saw=saw
    )


def int8_is_on_fast_kernels(
    expectation: Expectation, row: Row | None, findings: Findings
) -> Iterable[Check]:
    for kind, pattern in (row.kernels if row else {}).items():
        seen = [kernel for kernel in findings.int8.kernels if kernel.operator == kind]
        problem = _kernel_problem(kind, pattern, seen, findings.int8.problem)
        yield Check(
            name=f"int8 kernels: {kind}",
            passed=problem is None,
            expected=pattern,
            saw=problem or _named(seen),
        )


def _kernel_problem(
    kind: str, pattern: str, seen: list[Kernel], no_evidence: str | None
) -> str | None:
    count, all_of_them = sum(kernel.count for kernel in seen), OPERATORS.get(kind)
    not_int8 = [kernel for kernel in seen if not kernel.is_int8]
    slow = [kernel for kernel in seen if not re.fullmatch(pattern, kernel.implementation)]
    if not seen:
        return f"unseen ({no_evidence or 'no evidence of any'})"
    if not_int8:
        return _typed(not_int8)
    if slow:
        return _named(slow)
    if all_of_them is not None and count != all_of_them:
        return f"{count} of {all_of_them} in INT8: {_named(seen)}"
    return None


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


def _judged(kernels: Iterable[Kernel], kinds: Mapping[str, int] = OPERATORS) -> list[Kernel]:
    return [kernel for kernel in kernels if kernel.operator in kinds]


def _named(kernels: Iterable[Kernel]) -> str:
    return ", ".join(dict.fromkeys(kernel.implementation for kernel in kernels))


def _typed(kernels: list[Kernel]) -> str:
    return f"{kernels[0].types}: {_named(kernels)}" if kernels else ""


def _features(findings: Findings) -> str:
    return ", ".join(findings.cpu.features) or "no features we know"
