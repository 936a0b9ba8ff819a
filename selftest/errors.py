"""What a user can fix."""

from __future__ import annotations


class BrokenInstallation(Exception):
    """`where: what is wrong; what to do`: exit code 2, one line, no traceback."""


class WrongAnswers(Exception):
    """A model computes something else than it should: exit code 1, one line, no speeds."""


def first_line(err: BaseException) -> str:
    """An exception's text in one line, for messages that quote a library."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[-1] if lines else type(err).__name__
