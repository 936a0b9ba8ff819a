"""Branches with what is newer, made in clones; whether images are built is a matter of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import proposing, trial, watch
from inferpack.difference import Change
from inferpack.errors import InferpackError, UsageError
from inferpack.fetch import Unreachable
from inferpack.model import Variant
from inferpack.trial import Trial
from inferpack.workshop import Workshop
from tests.unit.index_server import Index, serving
from tests.unit.watching import (
    AARCH,
    AMD,
    ARM,
    NUMPY,
    X86,
    commit_behind,
    git,
    lock,
    named,
    offer,
    workshop,
)

BRANCH = "watch/onnxruntime-2.0"
SLOWER = Change(what="digits int8 speed", before="2 images/s", after="1 images/s", worse=True)
LOCKS = [f"recipes/locks/pylock.{name}.toml" for name in (AMD, ARM)]


@pytest.fixture
def index() -> Iterator[Index]:
    with serving(Index(json=True)) as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Workshop:
    """A repository with one commit, whose onnxruntime is 1.0 where the index has 2.0."""
    made = workshop(tmp_path, index)
    commit_behind(made, index)
    return made


Trials = list[Trial | Exception]


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    """What is said of each image that would be built."""
    said: Trials = [Trial(variant=AMD, told="before and after", changes=(SLOWER,))]

    def told(old: Workshop, new: Workshop, variants: tuple[Variant, ...]) -> Iterator[Trial]:
        assert {item.version for item in old.variants("onnxruntime")} == {"1.0"}
        for item in said:
            if isinstance(item, Exception):
                raise item
            yield item

    monkeypatch.setattr(trial, "trials", told)
    return said


def propose(shop: Workshop) -> str:
    """What becomes of onnxruntime's proposal."""
    jobs = proposing.jobs(shop, watch.watch(shop, AMD, [], "high", whole=True))
    ((name, (title, work)),) = jobs.items()
    assert (name, title) == ("onnxruntime", "ONNX Runtime")
    return work()


def branches(shop: Workshop) -> list[str]:
    return git(shop.root, "for-each-ref", "--format=%(refname)", "refs/heads").split()


def message(shop: Workshop, branch: str = BRANCH) -> str:
    return git(shop.root, "log", "-1", "--format=%B", branch).rstrip("\n")


def test_a_newer_framework_is_a_branch_of_one_commit(shop: Workshop) -> None:
    """The recipe's lines and both locks, and the comparison as its message."""
    assert propose(shop) == BRANCH
    assert git(shop.root, "rev-parse", f"{BRANCH}^") == git(shop.root, "rev-parse", "main")
    changed = git(shop.root, "diff", "--numstat", "main", BRANCH).splitlines()
    assert [line.split()[2] for line in changed] == [*LOCKS, "recipes/onnxruntime.toml"]
    assert changed[-1].split()[:2] == ["2", "2"]
    assert message(shop) == (
        "onnxruntime 2.0: 1 change, 1 for the worse\n\n"
        f"{AMD}: onnxruntime: 1.0 → 2.0\n"
        f"{ARM}: onnxruntime: 1.0 → 2.0 (not built here)\n\n"
        f"{AMD}\n"
        "WORSE  digits int8 speed: 2 images/s → 1 images/s\n"
        "1 change, 1 for the worse\n\n"
        "before and after"
    )


def test_the_user_s_checkout_is_not_touched(shop: Workshop) -> None:
    """Uncommitted work, a staged file, the branch: all as it was; nothing is left behind."""
    (shop.recipes / "cpus.toml").write_text(f"# mine\n{(shop.recipes / 'cpus.toml').read_text()}")
    (shop.root / "note").write_text("mine")
    git(shop.root, "add", "note")

    def state() -> list[str]:
        told = (
            ("status", "--porcelain"),
            ("diff", "HEAD"),
            ("symbolic-ref", "HEAD"),
            ("rev-parse", "HEAD"),
            ("worktree", "list"),
        )
        return [git(shop.root, *words) for words in told]

    before = state()
    assert propose(shop) == BRANCH
    assert state() == before
    assert [path.name for path in (shop.root / "build").iterdir()] == ["logs"]


def test_a_proposal_is_made_once(shop: Workshop, trials: Trials) -> None:
    """Also where the branch is another clone's, as it was last fetched."""
    propose(shop)
    made = git(shop.root, "rev-parse", BRANCH)
    trials[:] = [AssertionError("it is tried again")]
    assert propose(shop) == BRANCH
    assert git(shop.root, "rev-parse", BRANCH) == made
    git(shop.root, "update-ref", f"refs/remotes/origin/{BRANCH}", made.strip())
    git(shop.root, "branch", "--quiet", "-D", BRANCH)
    assert propose(shop) == BRANCH
    assert branches(shop) == ["refs/heads/main"]


def test_what_fails_is_a_branch_whose_first_line_says_so(shop: Workshop, trials: Trials) -> None:
    trials[:] = [Trial(variant=AMD, told="before", failed=f"{AMD}: INT8 is not proven: slow\nmore")]
    assert propose(shop) == BRANCH
    first, *_ = message(shop).splitlines()
    assert first == f"onnxruntime 2.0 FAILS: {AMD}: INT8 is not proven: slow"
    assert f"\n\n{AMD}\nFAILS: {AMD}: INT8 is not proven: slow\nmore\n\nbefore" in message(shop)


@pytest.mark.parametrize(
    "err", [InferpackError(AMD, "1.0 is not proven here"), Unreachable("an index", "is down")]
)
def test_what_says_nothing_of_the_new_version_makes_no_branch(
    shop: Workshop, trials: Trials, err: InferpackError
) -> None:
    trials[:] = [err]
    with pytest.raises(InferpackError) as caught:
        propose(shop)
    assert (caught.value, branches(shop)) == (err, ["refs/heads/main"])


def test_what_cannot_be_resolved_is_one_error_and_no_branch(shop: Workshop, index: Index) -> None:
    offer(index, named("2.0", AARCH), requires="missing")
    with pytest.raises(InferpackError) as caught:
        propose(shop)
    told = str(caught.value).splitlines()
    assert told[0] == f"{ARM}: onnxruntime==2.0, numpy>=2 cannot be resolved for aarch64:"
    assert told[-1].endswith("; nothing is proposed")
    assert branches(shop) == ["refs/heads/main"]


def test_other_packages_stay_where_they_fit(shop: Workshop, index: Index) -> None:
    offer(index, "numpy-2.1-py3-none-any.whl")
    propose(shop)
    assert f"{AMD}: onnxruntime: 1.0 → 2.0\n" in message(shop)


def test_newer_packages_alone_are_a_proposal_named_for_what_it_locks(
    shop: Workshop, index: Index
) -> None:
    for name in (named("2.0", X86), named("2.0", AARCH)):
        del index.files[name]
    offer(index, "numpy-2.1-py3-none-any.whl")
    branch = propose(shop)
    start, _, digest = branch.rpartition("-")
    assert (start, len(digest)) == ("watch/onnxruntime-1.0-locked", 8)
    assert git(shop.root, "diff", "--name-only", "main", branch).split() == LOCKS
    assert message(shop, branch).startswith(
        f"onnxruntime 1.0, newer packages: 1 change, 1 for the worse\n\n{AMD}: numpy: 2.0 → 2.1\n"
    )
    assert propose(shop) == branch
    offer(index, "numpy-2.2-py3-none-any.whl")
    assert propose(shop) not in ("", branch)


def test_packages_that_do_not_fit_are_no_proposal(
    shop: Workshop, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in (X86, AARCH):
        del index.files[named("2.0", tag)]
    for name, tag in ((AMD, X86), (ARM, AARCH)):
        offer(index, named("1.0", tag), requires="numpy<2.1")
        lock(shop, index, name, named("1.0", tag), NUMPY)
    git(shop.root, "commit", "--quiet", "--all", "--message", "what asks for less")
    offer(index, "numpy-2.1-py3-none-any.whl")
    assert propose(shop) == ""
    said = "  nothing to propose: what is newer does not fit what else is locked\n"
    assert said in capsys.readouterr().err
    assert branches(shop) == ["refs/heads/main"]


def test_a_recipe_that_was_changed_and_not_committed_is_told(shop: Workshop) -> None:
    path = shop.recipes / "onnxruntime.toml"
    path.write_text(path.read_text().replace("budget-mb = 1", "budget-mb = 2"))
    with pytest.raises(InferpackError) as caught:
        propose(shop)
    assert str(caught.value) == (
        "recipes/onnxruntime.toml: is not what HEAD has, from which proposals start; "
        "commit what you have changed, or stash it"
    )
    assert branches(shop) == ["refs/heads/main"]


def test_without_a_commit_there_is_nothing_to_start_from(shop: Workshop) -> None:
    (shop.root / ".git/refs/heads/main").unlink()
    with pytest.raises(UsageError) as caught:
        propose(shop)
    assert str(caught.value) == (
        f"--propose: {shop.root} is no git repository with a commit; "
        "a proposal is a branch: work in a clone"
    )


def test_nothing_newer_is_nothing_to_propose(
    shop: Workshop, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in (X86, AARCH):
        del index.files[named("2.0", tag)]
    assert proposing.jobs(shop, watch.watch(shop, AMD, [], "high", whole=True)) == {}
    assert "nothing to propose: what is newer is held, or not there" in capsys.readouterr().err


def test_the_golden_dockerfiles_are_written_by_the_test_that_reads_them(shop: Workshop) -> None:
    test = shop.root / proposing.GOLDENS
    test.parent.mkdir(parents=True)
    test.write_text(
        "import os\nfrom pathlib import Path\n\n\ndef test_golden() -> None:\n"
        "    recipe = Path('recipes/onnxruntime.toml').read_text()\n"
        "    Path('golden').write_text(os.environ['INFERPACK_GOLDEN'] + str('==2.0' in recipe))\n"
    )
    (shop.root / "golden").touch()
    git(shop.root, "add", "tests", "golden")
    git(shop.root, "commit", "--quiet", "--message", "a golden file")
    propose(shop)
    assert git(shop.root, "show", f"{BRANCH}:golden") == "writeTrue"


def test_whom_git_knows_is_the_author_and_else_inferpack(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    propose(shop)
    git(shop.root, "config", "user.name", "A Maintainer")
    git(shop.root, "branch", "--quiet", "--move", BRANCH, "before")
    propose(shop)
    authors = [
        git(shop.root, "log", "-1", "--format=%an <%ae>", name) for name in ("before", BRANCH)
    ]
    assert authors == ["inferpack <inferpack@localhost>\n", "A Maintainer <inferpack@localhost>\n"]
