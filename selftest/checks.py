"""What was judged, and why it failed, in words."""

from __future__ import annotations

from dataclasses import dataclass

from selftest.expectation import Row

KERNELS = "int8 kernels: "
"""How the checks begin that say which kernels ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """`task`: the one that it is about; None: about none of them."""

    name: str
    passed: bool
    expected: str
    saw: str
    task: str | None = None

    @property
    def title(self) -> str:
        return f"{self.task}: {self.name}" if self.task else self.name


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


def reasons(verdict: Verdict) -> list[str]:
    """One line per failing check."""
    return [
        _reason(check, verdict.row.name if verdict.row else "")
        for check in verdict.checks
        if not check.passed
    ]


def _reason(check: Check, row: str) -> str:
    if check.name.startswith(KERNELS):
        return f"{check.title} ran {check.saw}, this CPU ({row}) should run {check.expected}"
    return f"{check.title}: {check.saw}, should be {check.expected}"
