"""Branches with what is newer, made in clones; whether images are built is a matter of others."""

from dataclasses import replace

import pytest

from inferpack import proposing, watch
from inferpack.errors import InferpackError, UsageError
from inferpack.fetch import Unreachable
from inferpack.indexes import Indexes
from inferpack.trial import Trial
from tests.unit import proposed as fixtures
from tests.unit.index_server import Index, serving
from tests.unit.proposed import BRANCH, WHEELS, Desk
from tests.unit.watching import AARCH, AMD, ARM, NUMPY, X86, lock, named, offer

LOCKS = [f"recipes/locks/pylock.{name}.toml" for name in (AMD, ARM)]
desk = fixtures.desk


def test_a_newer_framework_is_a_branch_of_one_commit(desk: Desk) -> None:
    """The recipe's lines and both locks, and the comparison as its message."""
    assert desk.propose() == BRANCH
    assert desk.git("rev-parse", f"{BRANCH}^") == desk.git("rev-parse", "main")
    changed = desk.git("diff", "--numstat", "main", BRANCH).splitlines()
    assert [line.split()[2] for line in changed] == [*LOCKS, "recipes/onnxruntime.toml"]
    assert changed[-1].split()[:2] == ["2", "2"]
    assert desk.message() == (
        "onnxruntime 2.0: 1 change, 1 for the worse\n\n"
        f"{AMD}: onnxruntime: 1.0 → 2.0\n"
        f"{ARM}: onnxruntime: 1.0 → 2.0 (not built here)\n\n"
        f"{AMD}\n"
        "WORSE  digits int8 speed: 2 images/s → 1 images/s\n"
        "1 change, 1 for the worse\n\n"
        "before, after"
    )


def test_the_user_s_checkout_is_not_touched(desk: Desk) -> None:
    """Uncommitted work, a staged file, the branch: all as it was; nothing is left behind."""
    (desk.shop.recipes / "cpus.toml").write_text(
        f"# mine\n{(desk.shop.recipes / 'cpus.toml').read_text()}"
    )
    (desk.shop.root / "note").write_text("mine")
    desk.git("add", "note")

    def state() -> list[str]:
        told = (
            ("status", "--porcelain"),
            ("diff", "HEAD"),
            ("symbolic-ref", "HEAD"),
            ("rev-parse", "HEAD"),
            ("worktree", "list"),
        )
        return [desk.git(*words) for words in told]

    before = state()
    assert desk.propose() == BRANCH
    assert state() == before
    assert [path.name for path in (desk.shop.root / "build").iterdir()] == ["logs"]


def test_a_proposal_is_made_once(desk: Desk) -> None:
    """Also where the branch is another clone's, as it was last fetched."""
    desk.propose()
    made = desk.git("rev-parse", BRANCH)
    desk.said[:] = [AssertionError("it is tried again")]
    assert desk.propose() == BRANCH
    assert desk.git("rev-parse", BRANCH) == made
    desk.git("update-ref", f"refs/remotes/origin/{BRANCH}", made.strip())
    desk.git("branch", "--quiet", "-D", BRANCH)
    assert desk.propose() == BRANCH
    assert desk.branches == ["main"]


def test_what_fails_is_a_branch_whose_first_line_says_so(desk: Desk) -> None:
    desk.said[:] = [
        Trial(variant=AMD, told="before", failed=f"{AMD}: INT8 is not proven: slow\nmore")
    ]
    assert desk.propose() == BRANCH
    first, *_ = desk.message().splitlines()
    assert first == f"onnxruntime 2.0 FAILS: {AMD}: INT8 is not proven: slow"
    assert f"\n\n{AMD}\nFAILS: {AMD}: INT8 is not proven: slow\nmore\n\nbefore" in desk.message()


@pytest.mark.parametrize(
    "err", [InferpackError(AMD, "1.0 is not proven here"), Unreachable("an index", "is down")]
)
def test_what_says_nothing_of_the_new_version_makes_no_branch(
    desk: Desk, err: InferpackError
) -> None:
    desk.said[:] = [err]
    with pytest.raises(InferpackError) as caught:
        desk.propose()
    assert (caught.value, desk.branches) == (err, ["main"])


def test_what_cannot_be_resolved_is_one_error_and_no_branch(desk: Desk) -> None:
    offer(desk.index, named("2.0", AARCH), requires="missing")
    with pytest.raises(InferpackError) as caught:
        desk.propose()
    told = str(caught.value).splitlines()
    assert told[0] == f"{ARM}: onnxruntime==2.0, numpy>=2 cannot be resolved for aarch64:"
    assert told[-1].endswith("; nothing is proposed")
    assert desk.branches == ["main"]


def test_other_packages_stay_where_they_fit(desk: Desk) -> None:
    offer(desk.index, "numpy-2.1-py3-none-any.whl")
    desk.propose()
    assert f"{AMD}: onnxruntime: 1.0 → 2.0\n" in desk.message()


def test_nothing_goes_back_where_an_index_has_it_for_one_architecture(desk: Desk) -> None:
    """A folder of wheels for this machine, say, that pip is configured with beside an index."""
    for name, tag in WHEELS.items():
        lock(desk.shop, desk.index, name, named("1.0", tag), f"numpy-2.1-{tag}.whl")
    desk.git("commit", "--quiet", "--all", "--message", "numpy 2.1")
    with serving(Index()) as one:
        offer(one, f"numpy-2.1-{X86}.whl")
        both = Indexes(index=desk.index.url, extra=(one.url,))
        replace(desk, shop=replace(desk.shop, indexes=lambda: both)).propose()
    assert f"{ARM}: onnxruntime: 1.0 → 2.0 (not built here)\n" in desk.message()


def test_newer_packages_alone_are_a_proposal_named_for_what_it_locks(desk: Desk) -> None:
    desk.take_back()
    offer(desk.index, "numpy-2.1-py3-none-any.whl")
    branch = desk.propose()
    start, _, digest = branch.rpartition("-")
    assert (start, len(digest)) == ("watch/onnxruntime-1.0-locked", 8)
    assert desk.git("diff", "--name-only", "main", branch).split() == LOCKS
    assert desk.message(branch).startswith(
        f"onnxruntime 1.0, newer packages: 1 change, 1 for the worse\n\n{AMD}: numpy: 2.0 → 2.1\n"
    )
    assert desk.propose() == branch
    offer(desk.index, "numpy-2.2-py3-none-any.whl")
    assert desk.propose() not in ("", branch)


def test_packages_that_do_not_fit_are_no_proposal(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.take_back()
    for name, tag in WHEELS.items():
        offer(desk.index, named("1.0", tag), requires="numpy<2.1")
        lock(desk.shop, desk.index, name, named("1.0", tag), NUMPY)
    desk.git("commit", "--quiet", "--all", "--message", "what asks for less")
    offer(desk.index, "numpy-2.1-py3-none-any.whl")
    assert desk.propose() == ""
    said = "  nothing to propose: what is newer does not fit what else is locked\n"
    assert said in capsys.readouterr().err
    assert desk.branches == ["main"]


def test_a_recipe_that_was_changed_and_not_committed_is_told(desk: Desk) -> None:
    path = desk.shop.recipes / "onnxruntime.toml"
    path.write_text(path.read_text().replace("budget-mb = 1", "budget-mb = 2"))
    with pytest.raises(InferpackError) as caught:
        desk.propose()
    assert str(caught.value) == (
        "recipes/onnxruntime.toml: is not what HEAD has, from which proposals start; "
        "commit what you have changed, or stash it"
    )
    assert desk.branches == ["main"]


def test_without_a_commit_there_is_nothing_to_start_from(desk: Desk) -> None:
    (desk.shop.root / ".git/refs/heads/main").unlink()
    with pytest.raises(UsageError) as caught:
        desk.propose()
    assert str(caught.value) == (
        f"--propose: {desk.shop.root} is no git repository with a commit; "
        "a proposal is a branch: work in a clone"
    )


def test_a_branch_in_the_way_is_told_before_anything_is_built(desk: Desk) -> None:
    desk.git("branch", "watch")
    desk.said[:] = [AssertionError("it is built")]
    with pytest.raises(UsageError) as caught:
        desk.propose()
    assert str(caught.value) == (
        "--propose: a branch 'watch' is where watch/onnxruntime-… shall be; "
        "rename it: git branch -m watch another"
    )


def test_nothing_newer_is_nothing_to_propose(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.take_back()
    assert proposing.jobs(desk.shop, watch.watch(desk.shop, AMD, [], "high", whole=True)) == {}
    assert "nothing to propose of images: what is newer is held" in capsys.readouterr().err


def test_the_golden_dockerfiles_are_written_by_the_test_that_reads_them(desk: Desk) -> None:
    test = desk.shop.root / proposing.GOLDENS
    test.parent.mkdir(parents=True)
    test.write_text(
        "import os\nfrom pathlib import Path\n\n\ndef test_golden() -> None:\n"
        "    recipe = Path('recipes/onnxruntime.toml').read_text()\n"
        "    Path('golden').write_text(os.environ['INFERPACK_GOLDEN'] + str('==2.0' in recipe))\n"
    )
    (desk.shop.root / "golden").touch()
    desk.git("add", "tests", "golden")
    desk.git("commit", "--quiet", "--message", "a golden file")
    desk.propose()
    assert desk.git("show", f"{BRANCH}:golden") == "writeTrue"


def test_whom_git_knows_is_the_author_and_else_inferpack(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    desk.propose()
    desk.git("config", "user.name", "A Maintainer")
    desk.git("branch", "--quiet", "--move", BRANCH, "before")
    desk.propose()
    authors = [desk.git("log", "-1", "--format=%an <%ae>", name) for name in ("before", BRANCH)]
    assert authors == ["inferpack <inferpack@localhost>", "A Maintainer <inferpack@localhost>"]
