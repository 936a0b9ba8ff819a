"""Workflows call ./inv and hold no logic; what is not ours is pinned."""

import re
from collections.abc import Iterator

import tasks
from inferpack import cli

WORKFLOWS = {path.name: path.read_text() for path in (cli.ROOT / ".github/workflows").glob("*.yml")}
SCRIPT = re.compile(r"( *)(- +)?run:")
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


def scripts(text: str) -> Iterator[str]:
    """The lines that a shell reads: `run:`, and all that stands deeper below it."""
    depth: int | None = None
    for line in text.splitlines():
        if depth is not None and line.strip() and len(line) - len(line.lstrip()) <= depth:
            depth = None
        if begun := SCRIPT.match(line):
            depth = len(begun[1] + (begun[2] or ""))
        if depth is not None:
            yield line.strip()


def test_no_token_is_written_into_a_script() -> None:
    """GitHub replaces an expression before the shell sees it; a variable is only ever a value."""
    read = [line for text in WORKFLOWS.values() for line in scripts(text)]
    assert read
    assert [line for line in read if "${{" in line] == []


def test_a_script_of_several_lines_is_read_whole() -> None:
    text = """
    env:
      TOKEN: ${{ github.token }}
    steps:
      - run: first
        env: {GLOB: "${{ inputs.glob }}"}
      - name: next
        run: |
          second

          third ${{ github.token }}
      - uses: other
    """
    assert list(scripts(text)) == [
        "- run: first",
        "run: |",
        "second",
        "",
        "third ${{ github.token }}",
    ]
