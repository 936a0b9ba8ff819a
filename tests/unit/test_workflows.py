"""Workflows call ./inv and hold no logic; what is not ours is pinned."""

import re

import tasks
from inferpack import cli

WORKFLOWS = {path.name: path.read_text() for path in (cli.ROOT / ".github/workflows").glob("*.yml")}
CALLS = [call for text in WORKFLOWS.values() for call in re.findall(r"run: (\./inv .*)", text)]


def test_they_call_tasks_that_exist() -> None:
    assert CALLS
    assert [call for call in CALLS if not callable(getattr(tasks, call.split()[1], None))] == []


def test_they_give_flags_that_exist() -> None:
    wrong = []
    for call in CALLS:
        body = getattr(tasks, call.split()[1])
        known = body.body.__wrapped__.__annotations__
        flags = re.findall(r"--(\w+)", call)
        wrong += [(call, flag) for flag in flags if not {flag, f"{flag}_"} & set(known)]
    assert wrong == []


def test_actions_are_pinned_by_commit() -> None:
    used = [name for text in WORKFLOWS.values() for name in re.findall(r"uses: (\S+)", text)]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)] == []


def test_no_token_is_written_into_a_script() -> None:
    """GitHub replaces an expression before the shell sees it; a variable is only ever a value."""
    scripts = [line for text in WORKFLOWS.values() for line in text.splitlines() if "run:" in line]
    assert [line for line in scripts if "${{" in line] == []
