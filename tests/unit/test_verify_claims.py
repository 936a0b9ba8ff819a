"""What an image claims is read strictly, and only a commit that somebody has kept is run."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from inferpack import provenance, render, stored, verify
from inferpack.engine import Engine
from inferpack.errors import InferpackError, UsageError
from inferpack.layout import Config, Descriptor, Root, Runtime
from inferpack.model import Arch, Origin, Variant
from inferpack.workshop import Workshop
from tests.unit.layouts import MANIFEST, Blobs, member, tar

IMAGE = Descriptor(media_type=MANIFEST, digest="sha256:1")
LAYERS = [tar(member(name)) for name in ("a", "b")]


def config(labels: dict[str, str], arch: str = "amd64") -> Config:
    return Config(architecture=arch, rootfs=Root(diff_ids=()), config=Runtime(labels=labels))


def test_the_labels_of_a_rendered_image_are_its_claim(
    onnxruntime: Variant, our_root: render.Root, origin: Origin
) -> None:
    labels = render.labels(onnxruntime, our_root, "sha256:2", origin)
    assert verify.claim("toy:1", IMAGE, config(labels)) == verify.Claim(
        image=IMAGE, arch=Arch.AMD64, variant=onnxruntime.id, revision=origin.revision
    )


@pytest.mark.parametrize(
    ("changed", "arch", "wrong"),
    [
        ({"variant": None}, "amd64", "is no image of inferpack: it has no label VARIANT"),
        ({"revision": None}, "amd64", "is no image of inferpack: it has no label REVISION"),
        (
            {"revision": "abc-dirty"},
            "amd64",
            "cannot be verified: it was built from uncommitted changes (abc-dirty);"
            " commit them and build it again",
        ),
        ({"revision": "unknown"}, "amd64", "cannot be verified: 'unknown' is no commit"),
        ({"revision": "--all"}, "amd64", "cannot be verified: '--all' is no commit"),
        ({"variant": "--help"}, "amd64", "cannot be verified: '--help' is no variant"),
        ({"variant": "*"}, "amd64", "cannot be verified: '*' is no variant"),
        ({}, "riscv64", "cannot be verified: nothing here is for riscv64"),
    ],
)
def test_labels_that_name_nothing_to_build_are_refused(
    changed: dict[str, str | None], arch: str, wrong: str
) -> None:
    named = {"variant": "onnxruntime-mlas-py311-amd64", "revision": "0" * 40, **changed}
    names = {"variant": provenance.VARIANT, "revision": provenance.REVISION}
    labels = {names[name]: value for name, value in named.items() if value is not None}
    with pytest.raises(UsageError) as err:
        verify.claim("toy:1", IMAGE, config(labels, arch))
    wrong = wrong.replace("VARIANT", provenance.VARIANT).replace("REVISION", provenance.REVISION)
    assert str(err.value) == f"toy:1: {wrong}"


class Stores:
    """An engine's SDK client, of whose index one image is never pulled."""

    def __init__(self, saved: bytes) -> None:
        self.saved, self.pulled = saved, list[str | None]()
        self.images = self.api = self

    def get(self, _: str) -> "Stores":
        return self

    def save(self, chunk_size: int) -> Iterator[bytes]:
        assert chunk_size
        yield self.saved

    def pull(self, _: str, platform: str | None, **__: bool) -> tuple[()]:
        self.pulled.append(platform)
        return ()


@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_a_platform_that_no_pull_brings_is_an_error(tmp_path: Path, digest: str | None) -> None:
    blobs = Blobs()
    index = blobs.index(blobs.image(LAYERS), Blobs().image(LAYERS, arch="arm64"))
    client = Stores(blobs.write(tmp_path / "made.tar", index).read_bytes())
    engine = cast(Engine, SimpleNamespace(digest=lambda _: digest, client=client))
    with pytest.raises(InferpackError) as err:
        stored.whole(engine, "toy:1", tmp_path / "image.tar")
    assert str(err.value) == (
        "toy:1: has no linux/arm64 after it was pulled;"
        " its tag may have moved meanwhile: run the command again"
    )
    assert client.pulled == [*([] if digest else [None]), "linux/arm64"]


def shop(root: Path, engine: Engine | None = None) -> Workshop:
    folders = {"cache": root / ".cache", "built_wheels": root / "build/wheels"}
    return cast(Workshop, SimpleNamespace(root=root, engine=engine, **folders))


def stores(blobs: Blobs, image: dict[str, object], path: Path) -> Engine:
    client = Stores(blobs.write(path, image).read_bytes())
    return cast(Engine, SimpleNamespace(digest=lambda _: "sha256:1", client=client))


LABEL = "is no image of inferpack: it has no label io.inferpack.variant"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"config": None, "history": None}, LABEL),
        ({"config": {"Labels": None}}, LABEL),
        (
            {"architecture": None},
            "is no image of inferpack: Expected `str`, got `null` - at `$.architecture`",
        ),
    ],
)
def test_an_image_of_any_maker_is_refused_in_one_line(
    tmp_path: Path, fields: dict[str, object], wrong: str
) -> None:
    blobs = Blobs()
    engine = stores(blobs, blobs.image(LAYERS, config=fields), tmp_path / "made.tar")
    with pytest.raises(UsageError) as err:
        verify.read(shop(tmp_path, engine), "toy:1", tmp_path / "image.tar")
    assert str(err.value) == f"toy:1: {wrong}"


def test_an_index_of_no_image_is_not_verified(tmp_path: Path) -> None:
    blobs = Blobs()
    unknown = {"os": "unknown", "architecture": "unknown"}
    index = blobs.index(blobs.add(MANIFEST, b"{}", platform=unknown))
    engine = stores(blobs, index, tmp_path / "made.tar")
    with pytest.raises(UsageError) as err:
        verify.read(shop(tmp_path, engine), "toy:1", tmp_path / "image.tar")
    assert str(err.value) == "toy:1: is no image of inferpack: its index names no image"


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    argv = ["git", "-C", str(root), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commit(tmp_path: Path) -> str:
    """Of the branch `main` in a new repository."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "all of it")
    return git(tmp_path, "rev-parse", "HEAD")


def test_a_commit_that_a_branch_a_tag_or_head_holds_may_be_run(tmp_path: Path, commit: str) -> None:
    verify.check_held(shop(tmp_path), "toy:1", commit)
    git(tmp_path, "tag", "1.0")
    git(tmp_path, "checkout", "--quiet", "--orphan", "other")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "another")
    git(tmp_path, "branch", "--quiet", "-D", "main")
    verify.check_held(shop(tmp_path), "toy:1", commit)
    git(tmp_path, "checkout", "--quiet", "--detach", commit)
    git(tmp_path, "tag", "--delete", "1.0")
    verify.check_held(shop(tmp_path), "toy:1", commit)


def test_a_commit_that_was_only_fetched_is_not_run(tmp_path: Path, commit: str) -> None:
    tree = git(tmp_path, "rev-parse", "HEAD^{tree}")
    theirs = git(tmp_path, "commit-tree", tree, "-p", commit, "-m", "a pull request")
    git(tmp_path, "update-ref", "refs/pull/1/head", theirs)
    with pytest.raises(UsageError) as err:
        verify.check_held(shop(tmp_path), "toy:1", theirs)
    assert str(err.value) == (
        f"toy:1: was built from commit {theirs}, which no branch or tag of this clone holds;"
        " read it; if you would run it, `git branch` gives it a branch"
    )


@pytest.mark.parametrize("revision", ["0" * 40, "tree"])
def test_a_commit_that_is_not_there_is_named(tmp_path: Path, commit: str, revision: str) -> None:
    if revision == "tree":
        revision = git(tmp_path, "rev-parse", f"{commit}^{{tree}}")
    with pytest.raises(UsageError) as err:
        verify.check_held(shop(tmp_path), "toy:1", revision)
    assert str(err.value) == (
        f"toy:1: was built from commit {revision}, which this clone does not have;"
        " `git fetch --all --tags` (in a shallow clone: --unshallow), then again"
    )


def test_what_git_says_is_not_taken_for_a_commit_that_is_not_there(
    tmp_path: Path, commit: str
) -> None:
    (tmp_path / ".git/config").write_text("[broken")
    with pytest.raises(InferpackError, match=r"git: exited with code 128: .*\n.*bad config line"):
        verify.check_held(shop(tmp_path), "toy:1", commit)


def test_a_commit_without_requirements_is_checked_out(tmp_path: Path, commit: str) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/requirements.installed").touch()
    (tmp_path / "build").mkdir()
    root = verify.checked_out(shop(tmp_path), commit, tmp_path / "build")
    assert sorted(path.name for path in root.iterdir()) == [".cache", ".git"]
