"""Checks that INT8 is exact and runs on this CPU's fast kernels, or reads a log of ONEDNN_VERBOSE.

Exit code 0: it is; 1: it is not, with the reason; 2: it could not be found out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from onednn import OneDnnError, check, verbose
from onednn.check import Report, Result
from onednn.verdict import Verdict

COLUMNS = ("case", "types", "implementation", "verdict", "exact", "INT8 GOPS", "f32 GOPS", "ratio")
LOG_COLUMNS = ("primitive", "implementation", "types", "count", "ms")
NUMBERS = {"INT8 GOPS", "f32 GOPS", "ratio", "count", "ms"}


def main(argv: Sequence[str] | None = None, *, examine: Callable[[], Report] = check.run) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command and options.json:
        parser.error("--json is of the check, not of a log")
    if options.command == "verbose":
        return _summarise(options.file)
    try:
        report = examine()
    except OneDnnError as err:
        print(f"onednn: {err}", file=sys.stderr)
        return 2
    print(to_json(report) if options.json else to_text(report))
    faults = check.faults(report)
    if faults:
        print(f"onednn: {'; '.join(faults)}", file=sys.stderr)
    return 1 if faults else 0


def to_text(report: Report) -> str:
    version = report.version
    limit = f" ({report.limit})" if report.limit else ""
    isa = f"{report.isa}{limit}"
    head = f"oneDNN {version} ({version.threading}), {isa}, {report.threads} threads"
    shown = f"{head}\n\n{table(COLUMNS, [_row(result) for result in report.results])}"
    excused = [
        each
        for each in report.results
        if each.verdict is not Verdict.FAST and not each.case.needs_speed(report.isa)
    ]
    note = f"\n\nFor {report.isa} oneDNN {version} has nothing faster in {len(excused)} of these."
    return shown + note * bool(excused)


def to_json(report: Report) -> str:
    document = {
        "version": str(report.version),
        "threading": report.version.threading,
        "isa": report.isa,
        "limit": report.limit,
        "threads": report.threads,
        "passed": not check.faults(report),
        "faults": check.faults(report),
        "cases": [_record(report, result) for result in report.results],
    }
    return json.dumps(document, indent=2)


def log_table(text: str) -> str:
    """Raises ValueError where the log shows no execution, or one that cannot be read."""
    executions = verbose.parse(text)
    if not executions:
        raise ValueError("the log shows no primitive that ran; was it made with ONEDNN_VERBOSE=1?")
    return table(LOG_COLUMNS, [_total(each) for each in verbose.summary(executions)])


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned with spaces, numbers to the right."""
    lines = [columns, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [">" if column in NUMBERS else "<" for column in columns]
    formats = [f"{side}{width}" for side, width in zip(sides, widths, strict=True)]
    return "\n".join("  ".join(map(format, line, formats)).rstrip() for line in lines)


def _total(total: verbose.Total) -> tuple[str, ...]:
    milliseconds = f"{total.milliseconds:.3f}"
    return total.primitive, total.implementation, total.types, str(total.count), milliseconds


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.case.operation.name,
        result.case.type_names,
        result.int8.implementation,
        result.verdict.value,
        "yes" if result.int8.exact else "no",
        _number(result.int8.gops),
        _number(result.f32.gops),
        "-" if result.ratio is None else f"{result.ratio:.2f}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _record(report: Report, result: Result) -> dict[str, object]:
    return {
        "case": result.case.operation.name,
        "types": result.case.type_names,
        "implementation": result.int8.implementation,
        "verdict": result.verdict.value,
        "required_fast": result.case.needs_speed(report.isa),
        "exact": result.int8.exact,
        "int8_gops": result.int8.gops,
        "f32_implementation": result.f32.implementation,
        "f32_exact": result.f32.exact,
        "f32_gops": result.f32.gops,
        "ratio": result.ratio,
    }


def _summarise(file: str) -> int:
    """- is the standard input."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        print(log_table(data.decode(errors="replace")))
    except OSError as err:
        print(f"onednn: {err}", file=sys.stderr)
        return 2
    except ValueError as err:
        print(f"onednn: {file}: {err}", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """In one line: -h has the rest."""
        self.exit(2, f"onednn: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m onednn", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print the check as JSON")
    commands = parser.add_subparsers(dest="command", metavar="verbose FILE")
    log = commands.add_parser("verbose", help="sum up a log that ONEDNN_VERBOSE=1 has left")
    log.add_argument("file", help="the log, or - for the standard input")
    return parser


if __name__ == "__main__":
    sys.exit(main())
