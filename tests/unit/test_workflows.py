"""Workflows call ./inv and hold no logic; what is not ours is pinned, and a pull request gets no
token.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from invoke.tasks import Task

import tasks
from inferpack import cli, lint, plan
from inferpack.errors import InferpackError
from inferpack.model import Arch

GITHUB = cli.ROOT / ".github"
WORKFLOWS = {path.name: path.read_text() for path in (GITHUB / "workflows").glob("*.yml")}
ACTIONS = {path.parent.name: path.read_text() for path in GITHUB.glob("actions/*/action.yml")}
TEXTS = WORKFLOWS | ACTIONS
GITLAB = (cli.ROOT / "docs/examples/gitlab-ci.yml").read_text()
JENKINS = (cli.ROOT / "docs/examples/Jenkinsfile").read_text()
TASKS = {item.name: item for item in vars(tasks).values() if isinstance(item, Task)}
CALL = re.compile(r"\./inv (\w+)(.*)")
CALLS = [call for text in (*TEXTS.values(), GITLAB, JENKINS) for call in CALL.findall(text)]
SCRIPT = re.compile(r"( *)(- +)?run:")
USES = re.compile(r"uses: (.+)")
LOCAL = "$/.github/actions/"

BAD = """
name: bad
on: workflow_dispatch
permissions: {}
concurrency: {group: bad, cancel-in-progress: true}
jobs:
  bad:
    name: bad
    needs: worse
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/cache@v6
        with: {path: x, key: x}
"""


def test_they_call_tasks_that_exist() -> None:
    assert {name for name, _ in CALLS} <= set(TASKS)
    assert {"plan", "nightly", "publish", "promote", "report"} <= {name for name, _ in CALLS}


def test_they_give_flags_that_exist() -> None:
    wrong = []
    for name, rest in CALLS:
        known = inspect.signature(TASKS[name].body).parameters
        flags = re.findall(r"--(\w+)", rest)
        wrong += [(name, flag) for flag in flags if not {flag, f"{flag}_"} & set(known)]
    assert wrong == []


def test_a_script_is_one_call() -> None:
    """Only the engine that a runner brings is set up by something else, in one place."""
    call = re.compile(r"(- )?run: (sudo --preserve-env )?\./inv .+")
    read = [line for name, text in TEXTS.items() if name != "engine" for line in scripts(text)]
    assert read
    assert [line for line in read if line and not call.fullmatch(line)] == []


def test_actions_are_ours_or_pinned_by_commit() -> None:
    used = [name for text in TEXTS.values() for name in USES.findall(text)]
    ours = {name.removeprefix(LOCAL) for name in used if name.startswith(LOCAL)}
    others = [name for name in used if not name.startswith(LOCAL)]
    assert ours == set(ACTIONS)
    assert others
    assert [
        name for name in others if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name)
    ] == []


def test_an_action_has_one_version() -> None:
    used = {name for text in TEXTS.values() for name in USES.findall(text) if "@" in name}
    by_repository = {"/".join(name.split("@")[0].split("/")[:2]) for name in used}
    assert len({name.partition("@")[2] for name in used}) == len(by_repository)


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
    read = [line for text in TEXTS.values() for line in scripts(text)]
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


def test_a_pull_request_gets_no_token() -> None:
    """A fork's code runs there, as root."""
    text = WORKFLOWS["pull-request.yml"]
    assert re.findall(r"^on: (.+)$", text, re.MULTILINE) == ["pull_request"]
    assert re.findall(r"secrets\.|token|: write", text) == []


def test_a_pull_request_runs_the_nights_jobs() -> None:
    for name in ("plan", "wheels", "images"):
        ours, nights = (
            re.findall(rf"^  {name}:\n(?:    .+\n)+", WORKFLOWS[file], re.MULTILINE)[0].splitlines()
            for file in ("pull-request.yml", "nightly.yml")
        )
        assert [line for line in ours if line not in nights] == []


def test_the_matrix_is_what_plan_says() -> None:
    text = "".join(WORKFLOWS.values())
    parts = {*re.findall(r"outputs\.plan\)\.(\w+)", text), *re.findall(r"plan\.(\w+)", JENKINS)}
    assert parts == {"wheels", "images"} <= set(plan.Plan.__struct_fields__)
    fields = set(re.findall(r"\bjob\.(\w+)", text + JENKINS))
    assert fields == {"id", "arch"} <= set(plan.Job.__struct_fields__)


def test_gitlabs_jobs_are_all_variants() -> None:
    wheels, images = (names.split(", ") for names in re.findall(r"NAME: \[(.+?)\]", GITLAB))
    globs = [
        *(f"{name}-*" for name in wheels),
        *(f"{name}-*-py3*-{arch}*" for name in images for arch in Arch),
    ]
    ids = [item.id for item in plan.every(cli.shop())]
    matches = {name: [glob for glob in globs if fnmatch(name, glob)] for name in ids}
    assert [name for name, found in matches.items() if len(found) != 1] == []
    assert [glob for glob in globs if not any(fnmatch(name, glob) for name in ids)] == []


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("actionlint", 'job "bad" needs job "worse" which does not exist'),
        ("zizmor", r"error\[unpinned-uses\]: unpinned action reference"),
    ],
)
def test_a_bad_workflow_is_told(tmp_path: Path, program: str, says: str) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "bad.yml").write_text(BAD)
    found = [argv for argv in lint.workflows(folder.parent) if argv[0] == program]
    tools, log = Path(sys.executable).parent, tmp_path / "log"
    with pytest.raises(InferpackError, match=says):
        lint.run(found, tools=tools, root=tmp_path, log=log)
