"""selftest: proves in this image, on this CPU, that INT8 is right and fast.

Exit code 0: the proof passed; 1: it failed, with the reasons; 2: it could not be done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO

from selftest import expectation, report
from selftest.errors import BrokenInstallation
from selftest.expectation import Expectation
from selftest.findings import Findings
from selftest.verdict import judge

HERE = Path(__file__).resolve().parent

Examine = Callable[[Expectation, Path], Findings]


def main(argv: Sequence[str] | None = None, *, examine: Examine | None = None) -> int:
    options = _options(argv)
    with _chatter_on_stderr() as stdout:
        try:
            expected = expectation.load(options.expect)
            findings = (examine or _examine)(expected, options.data)
        except BrokenInstallation as err:
            print(f"selftest: {err}", file=sys.stderr)
            return 2
        verdict = judge(expected, findings)
        show = report.to_json if options.json else report.to_text
        print(show(expected, findings, verdict), file=stdout)
    return 0 if verdict.passed else 1


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="selftest", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--expect", type=Path, default=HERE.parent / "expect.json", help="what to judge by"
    )
    parser.add_argument("--data", type=Path, default=HERE / "data", help="digits and models")
    return parser.parse_args(argv)


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
