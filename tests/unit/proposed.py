"""A repository that is behind an index, and what is said of images that nobody builds here."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from inferpack import proposing, trial, watch
from inferpack.difference import Change
from inferpack.model import Variant
from inferpack.trial import Trial
from inferpack.workshop import Workshop
from tests.unit.index_server import Index, serving
from tests.unit.watching import AARCH, AMD, ARM, NUMPY, X86, lock, named, offer, workshop

BRANCH = "watch/onnxruntime-2.0"
SLOWER = Change(what="digits int8 speed", before="2 images/s", after="1 images/s", worse=True)
WHEELS = {AMD: X86, ARM: AARCH}  # whose tags each lock's wheels have


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    argv = ("git", "-C", str(root), *identity, *words)
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.rstrip("\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """`said`: of each image that would be built, or what happens instead."""

    shop: Workshop
    index: Index
    said: list[Trial | Exception]

    def propose(self) -> str:
        """What becomes of onnxruntime's proposal."""
        seen = watch.watch(self.shop, AMD, [], "high", whole=True)
        ((name, (title, work)),) = proposing.jobs(self.shop, seen).items()
        assert (name, title) == ("onnxruntime", "ONNX Runtime")
        return work()

    def git(self, *words: str) -> str:
        return git(self.shop.root, *words)

    @property
    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def message(self, branch: str = BRANCH) -> str:
        return self.git("log", "-1", "--format=%B", branch)

    def take_back(self) -> None:
        """The newer release."""
        for tag in WHEELS.values():
            del self.index.files[named("2.0", tag)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Whose repository has one commit, with onnxruntime 1.0 where the index has 2.0 too."""
    said: list[Trial | Exception] = [Trial(variant=AMD, told="before, after", changes=(SLOWER,))]

    def trials(old: Workshop, new: Workshop, _: tuple[Variant, ...]) -> Iterator[Trial]:
        for own in (old, new):  # not the user's, where a night may run the same variants
            assert own.engine.logs.is_relative_to(own.root)
        assert {item.version for item in old.variants("onnxruntime")} == {"1.0"}
        for item in said:
            if isinstance(item, Exception):
                raise item
            yield item

    monkeypatch.setattr(trial, "trials", trials)
    with serving(Index(json=True)) as index:
        shop = workshop(tmp_path, index)
        recipe = shop.recipes / "onnxruntime.toml"
        (version,) = {item.version for item in shop.variants("onnxruntime")}
        recipe.write_text(recipe.read_text().replace(f"onnxruntime=={version}", "onnxruntime==1.0"))
        for name, tag in WHEELS.items():
            lock(shop, index, name, named("1.0", tag), NUMPY)
            offer(index, named("2.0", tag))
        (tmp_path / ".gitignore").write_text("/build\n/.cache\n")
        git(tmp_path, "init", "--quiet", "--initial-branch=main")
        git(tmp_path, "add", "recipes", "wheels", ".gitignore")
        git(tmp_path, "commit", "--quiet", "--message", "all of it")
        yield Desk(shop=shop, index=index, said=said)
