"""selftest: proves in this image, on this CPU, that INT8 is right and fast.

With --bench: how fast ResNet-50 and MobileNetV2 are, in FP32 and INT8, instead of the proof.

Exit code 0: the proof passed; 1: it failed, with the reasons; 2: it could not be done.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from selftest import expectation, report
from selftest.cpu import ARM_FEATURES, X86_FEATURES
from selftest.errors import BrokenInstallation, WrongAnswers
from selftest.expectation import Expectation
from selftest.findings import Findings
from selftest.verdict import judge

if TYPE_CHECKING:
    from selftest.bench import Bench

HERE = Path(__file__).resolve().parent

BENCH_SECONDS = 60.0

Examine = Callable[[Expectation, Path], Findings]
Measure = Callable[[Expectation, Path, float, Callable[[str], None]], "Bench"]


def main(
    argv: Sequence[str] | None = None,
    *,
    examine: Examine | None = None,
    measure: Measure | None = None,
) -> int:
    options = _options(argv)
    with _chatter_on_stderr() as stdout:
        try:
            expected = expectation.load(options.expect)
            if options.bench is not None:
                print(_bench(expected, options, measure), file=stdout)
                return 0
            findings = (examine or _examine)(expected, options.data)
        except (BrokenInstallation, WrongAnswers) as err:
            print(f"selftest: {err}", file=sys.stderr)
            return 1 if isinstance(err, WrongAnswers) else 2
        findings = limited(findings, options.only)
        verdict = judge(expected, findings)
        if options.json:
            text = report.to_json(expected, findings, verdict)
        else:
            paint = report.coloured if _wants_colour(stdout) else report.plain
            text = report.to_text(expected, findings, verdict, paint)
        print(text, file=stdout)
    return 0 if verdict.passed else 1


def limited(findings: Findings, only: Sequence[str] | None) -> Findings:
    """The findings as if the CPU had no other features: for ISAs that the environment masks."""
    if only is None:
        return findings
    left = tuple(name for name in findings.cpu.features if name in only)
    return replace(findings, cpu=replace(findings.cpu, features=left))


def _wants_colour(stdout: TextIO) -> bool:
    """A terminal does, unless its user does not: https://no-color.org"""
    return stdout.isatty() and not os.environ.get("NO_COLOR")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="selftest", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--expect", type=Path, default=HERE.parent / "expect.json", help="what to judge by"
    )
    parser.add_argument("--data", type=Path, default=HERE / "data", help="digits and models")
    parser.add_argument(
        "--bench",
        nargs="?",
        type=float,
        const=BENCH_SECONDS,
        metavar="SECONDS",
        help="measure speed, for about so long (default: %(const)g); no proof",
    )
    parser.add_argument(
        "--only",
        metavar="FEATURES",
        type=_features,
        help="judge as a CPU with no more than these features (comma-separated)",
    )
    return parser.parse_args(argv)


def _features(text: str) -> tuple[str, ...]:
    known = (*X86_FEATURES, *ARM_FEATURES)
    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, cutoff=0.0)
            raise argparse.ArgumentTypeError(f"unknown '{name}'; the nearest: {', '.join(near)}")
    return names


def _bench(expected: Expectation, options: argparse.Namespace, measure: Measure | None) -> str:
    try:
        from selftest import bench, bench_report  # noqa: PLC0415 - they need numpy
    except ImportError as err:
        raise BrokenInstallation(
            f"numpy: cannot be imported ({err}); pull the image again"
        ) from err
    with _progress() as tell:
        found = (measure or bench.examine)(expected, options.data, options.bench, tell)
    return (bench_report.to_json if options.json else bench_report.to_text)(expected, found)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """One line on stderr, written over and over and then removed; only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: print(f"\r\033[K{text} …", end="", file=sys.stderr, flush=True)
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _examine(expected: Expectation, data: Path) -> Findings:
    try:
        from selftest.measure import examine  # noqa: PLC0415 - so that this message can be told
    except ImportError as err:
        raise BrokenInstallation(
            f"numpy: cannot be imported ({err}); pull the image again"
        ) from err
    return examine(expected, data)


@contextmanager
def _chatter_on_stderr() -> Iterator[TextIO]:
    """The real stdout for the report; what libraries print on it meanwhile goes to stderr."""
    sys.stdout.flush()
    original = os.dup(1)
    os.dup2(2, 1)
    try:
        with (
            os.fdopen(os.dup(original), "w", encoding="utf-8") as stdout,
            redirect_stdout(sys.stderr),
        ):
            yield stdout
    finally:
        sys.stdout.flush()
        os.dup2(original, 1)
        os.close(original)


if __name__ == "__main__":
    sys.exit(main())
