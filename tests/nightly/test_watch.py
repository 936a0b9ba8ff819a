"""docs/watch.md, word for word: a repository that is behind pip's indexes gets a real branch."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import holdings, indexes, upstream
from inferpack.model import Arch, Python
from tests.integration.checkout import RECIPE, ROOT, Checkout, Done, docker, forget
from tests.integration.test_verify import git
from tests.unit import advisory_data

TESTS = ("__init__.py", "unit/__init__.py", "unit/conftest.py", "unit/test_render.py", "golden")
SHOWN = "1.32.0"  # as the page calls the newest version


def block(start: str) -> str:
    """The one block of the page that begins with this."""
    text = (ROOT / "docs/watch.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (found,) = (item for item in blocks if item.startswith(start))
    return str(found)


def versions(folder: Path) -> list[str]:
    """onnxruntime's that both architectures can have, the newest last."""
    known, _ = upstream.ask(["onnxruntime"], indexes.from_pip(folder / "pip.log"))
    each = [
        upstream.newer(known["onnxruntime"], "1.0", holdings.place(Python.PY311, arch, "2.36"))
        for arch in Arch
    ]
    both = set.intersection(*({item.version for item in found} for found in each))
    return [str(version) for version in sorted(both)]


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return versions(tmp_path_factory.mktemp("pip"))[-1]


@pytest.fixture(scope="module")
def behind(
    proven_checkout: Checkout, newest: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """A repository with another to push to, whose onnxruntime is not the newest."""
    folder = tmp_path_factory.mktemp("behind")
    made = proven_checkout.copy(folder / "checkout")
    shutil.rmtree(made.cache / "wheels")
    (made.cache / "wheels").symlink_to(ROOT / ".cache/wheels")
    for name in TESTS:
        source, target = ROOT / "tests" / name, made.root / "tests" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    shutil.copy(ROOT / ".gitignore", made.root)
    pinned = made.reference.rpartition(":")[2].partition("-")[0]
    if pinned == newest:
        text, older = (made.root / RECIPE).read_text(), versions(folder)[-2]
        (made.root / RECIPE).write_text(text.replace(f"=={pinned}", f"=={older}"))
        assert made.inv("lock", "onnxruntime").code == 0
    git(made.root, "init", "--quiet")
    git(made.root, "add", ".")
    git(made.root, "commit", "--quiet", "--message", "all of it")
    git(folder, "init", "--quiet", "--bare", "origin")
    git(made.root, "remote", "add", "origin", str(folder / "origin"))
    yield made
    forget(made)


def run(checkout: Checkout, script: str) -> Done:
    """The page's commands, as a user's shell would run them, about the version that is newest."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=checkout.root,
        env=os.environ | {"INFERPACK_ENGINE": "external"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def state(checkout: Checkout) -> list[str]:
    """All that a proposal must leave as it is: what git says, files, names of images."""
    told = ("status --porcelain", "diff HEAD", "rev-parse HEAD", "worktree list", "stash list")
    said = [git(checkout.root, *words.split()) for words in told]
    namespace = checkout.reference.partition("/")[0]
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    own = sorted(name for name in names if name.startswith(f"{namespace}/"))
    return [*said, *own, *map(str, sorted((checkout.root / "build").rglob(".tmp-*")))]


@pytest.fixture(scope="module")
def proposed(behind: Checkout) -> Done:
    """What is printed where somebody has work of his own in the checkout."""
    (behind.root / "README.md").write_text("mine")
    before = state(behind)
    done = run(behind, block("./inv watch onnxruntime --propose"))
    assert state(behind) == before
    return done


def test_all_recipes_are_watched(behind: Checkout, newest: str) -> None:
    """Whatever upstream has done today: an alarm is one line, and exit code 1."""
    done = run(behind, block("./inv watch\n"))
    assert done.code == ("error: locked: " in done.stderr), done.stderr
    assert done.stdout.split()[:6] == ["variant", "package", "locked", "newest", "uploaded", "note"]
    rows = [line.split()[:4] for line in done.stdout.splitlines()]
    found = [row for row in rows if row[1:2] == ["onnxruntime"]]
    assert [(row[0].rpartition("-")[2], row[3]) for row in found] == [
        (str(arch), newest) for arch in Arch
    ]


def test_a_vulnerable_release_is_an_alarm(behind: Checkout) -> None:
    told = advisory_data.osv(
        "CVE-2026-1",
        "onnxruntime",
        {"introduced": "0"},
        severity=advisory_data.cvss(advisory_data.HIGH),
    )
    (behind.root / "osv.json").write_text(json.dumps(told))
    done = run(behind, block("./inv watch 'onnxruntime*'"))
    (behind.root / "osv.json").unlink()
    assert done.code == 1
    assert "CVE-2026-1 (high)" in done.stdout
    assert re.search(r"error: locked: .*onnxruntime \S+ \(.*CVE-2026-1 \(high\)", done.stderr)


def test_a_proposal_is_built_proven_and_compared(
    behind: Checkout, proposed: Done, newest: str
) -> None:
    branch = f"watch/onnxruntime-{newest}"
    assert (proposed.code, proposed.stdout.splitlines()[-1]) == (0, branch), proposed.stderr
    changed = git(behind.root, "diff", "--name-only", "HEAD", branch).split()
    ids = [f"onnxruntime-mlas-py311-{arch}" for arch in Arch]
    assert changed == [
        *(f"recipes/locks/pylock.{name}.toml" for name in ids),
        RECIPE,
        *sorted(f"tests/golden/{name}{end}.Dockerfile" for name in ids for end in ("-dev", "")),
    ]
    told = run(behind, block("git log").replace(SHOWN, newest)).stdout
    text = git(behind.root, "log", "-1", "--format=%B", branch)
    assert " ".join(text.split()) in " ".join(told.split())
    assert re.match(rf"onnxruntime {newest}: \d+ changes, (none|\d+) for the worse\n\n", text)
    old = git(behind.root, "show", f"HEAD:{RECIPE}").partition("onnxruntime==")[2].partition('"')[0]
    assert f"\n       onnxruntime version: {old} → {newest}\n" in text
    for name, version in (("before", old), ("after", newest)):
        side = text[text.index(f"\n{name}: ") :]
        assert re.match(rf"\n{name}: [\d.]+ MB unpacked, [\d.]+ MB to pull\n", side)
        assert f"\n  onnxruntime {version} (mlas) on " in side
        assert re.search(r"\n  digits: INT8 [\d.]+% right, [\d,]+ images/s \([\d.]+ x\)", side)
        assert re.search(r"\n  INT8 kernel: convolution \S+", side)


def test_a_proposal_is_made_once_and_can_be_pushed(
    behind: Checkout, proposed: Done, newest: str
) -> None:
    branch = f"watch/onnxruntime-{newest}"
    made = git(behind.root, "rev-parse", branch)
    done = run(behind, block("git fetch"))
    assert (done.code, done.stdout.splitlines()[-1]) == (0, branch), done.stderr
    assert f"  proposed before: refs/heads/{branch}\n" in done.stderr
    assert git(behind.root, "ls-remote", "origin") == f"{made}\trefs/heads/{branch}"
