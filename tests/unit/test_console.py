"""What a user sees of work that takes long, where there is no terminal."""

import re

import pytest

from inferpack import console


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stderr, without how long things took."""
    return re.sub(r" \([\d.]+ s\)", "", capsys.readouterr().err).splitlines()


def test_a_step_is_one_line_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with console.step("work"):
        pass
    assert told(capsys) == ["  ✓ work"]


def test_work_that_is_watched_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with console.watching("work", every=0) as shown:
        shown("1/2")
        shown("")
    assert told(capsys) == ["  … work: 1/2", "  ✓ work"]


def test_it_does_not_tell_too_often(capsys: pytest.CaptureFixture[str]) -> None:
    with console.watching("work") as shown:
        shown("1/2")
    assert told(capsys) == ["  ✓ work"]


def test_a_step_that_fails_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), console.step("work"):
        raise ValueError("no")
    assert told(capsys) == ["  ✗ work"]


def test_a_table_cuts_no_text_off(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a reason " * 50
    console.table(("name", "why"), [("one", long)])
    assert capsys.readouterr().out.splitlines()[1].strip() == f"one   {long}".strip()
