"""docs/clean.md: what is ours goes and comes again, and what is not survives byte for byte."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inferpack import cli
from tests.integration.checkout import (
    RECIPE,
    VARIANT,
    Checkout,
    Done,
    command,
    docker,
    forget,
    scratch,
    tags,
    until,
)

PAGE = (cli.ROOT / "docs/clean.md").read_text()
COMMANDS = re.findall(r"^\./inv (.+)$", PAGE, re.MULTILINE)
BASE = "recipes/locks/base-bookworm-amd64.json"
DELAYS = (0.0, 0.001, 0.003, 0.01, 0.03)  # seconds; to free a base takes some 0.1


@pytest.fixture(scope="module")
def ours(proven_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with an image, and files of its own: downloads are copied, and all else made."""
    made = scratch(tmp_path_factory.mktemp("clean") / "checkout")
    for kind, lock in (("debs", made.root / BASE), ("wheels", made.lock)):
        (made.cache / kind).mkdir(parents=True)
        for sha256 in set(re.findall(r"\b[0-9a-f]{64}\b", lock.read_text())):
            for path in (proven_checkout.cache / kind).glob(f"{sha256}*"):
                copy(path, made.cache / kind / path.name)
    made.edit(RECIPE, r"\[environment\]", '[environment]\nOF_CLEAN = "1"')  # no other's digest
    done = made.image()
    assert done.code == 0, done.stderr
    yield made
    forget(made)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


@dataclass(frozen=True, slots=True)
class Somebody:
    """Things of a user's: files, and on the engine an image, one made from ours, a volume with a
    file, and a container that has ended.
    """

    checkout: Checkout
    folder: Path
    name: str = field(default_factory=lambda: f"somebody-{os.getpid()}")

    def bring(self) -> None:
        for name in (".cache/notes.txt", ".cache/layers/notes.tar", "build/mine/Dockerfile"):
            path = self.checkout.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        self.folder.mkdir()
        self.build("plain", "FROM scratch\nADD Dockerfile /\n")
        self.build("derived", f"FROM {self.checkout.reference}\nADD Dockerfile /mine\n")
        docker("volume", "create", self.name)
        volume = ["--volume", f"{self.name}:/data", "--user", "0"]
        write = [f"{self.name}/derived", "python3", "-c", "open('/data/file', 'w').write('mine')"]
        docker("run", "--name", self.name, *volume, *write)

    def build(self, name: str, dockerfile: str) -> None:
        (self.folder / "Dockerfile").write_text(dockerfile)
        tag = f"{self.name}/{name}"
        docker("buildx", "build", "--load", "--provenance=false", "--tag", tag, str(self.folder))

    def things(self) -> list[str]:
        """What they are now."""
        read = ["python3", "-c", "print(open('/data/file').read(), open('/mine').read())"]
        volume = ["--volume", f"{self.name}:/data"]
        images = [f"{self.name}/plain", f"{self.name}/derived"]
        return [
            docker("inspect", "--format", "{{.Id}} {{.Created}}", *images),
            docker("inspect", "--format", "{{.Id}} {{.Image}} {{.State}}", self.name),
            docker("volume", "inspect", self.name),
            docker("run", "--rm", *volume, f"{self.name}/derived", *read),
            *(path.read_text() for path in sorted(self.checkout.root.glob(".cache/notes*"))),
            (self.checkout.cache / "layers/notes.tar").read_text(),
            (self.checkout.root / "build/mine/Dockerfile").read_text(),
        ]

    def leave(self) -> None:
        docker("rm", "--force", self.name)
        docker("volume", "rm", "--force", self.name)
        docker("image", "rm", "--force", f"{self.name}/plain", f"{self.name}/derived")


@pytest.fixture(scope="module")
def somebody(ours: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Somebody]:
    made = Somebody(ours, tmp_path_factory.mktemp("somebody") / "folder")
    try:
        made.bring()
        yield made
    finally:
        made.leave()


def size(checkout: Checkout) -> int:
    """What du says of its files, in bytes."""
    folders = [checkout.cache, checkout.root / "build"]
    done = command("du", "--summarize", "--total", "--block-size=1", *folders)
    return int(done.stdout.splitlines()[-1].split()[0])


def clean(checkout: Checkout, *words: str) -> tuple[int, Done]:
    """The bytes that are gone, as du saw it and as the last line says."""
    before = size(checkout)
    done = checkout.inv("clean", *words)
    freed = int(done.stdout.splitlines()[-1])
    assert freed == before - size(checkout), done.stdout
    return freed, done


def digest(reference: str) -> str:
    return docker("inspect", "--format", "{{.Id}}", reference)


def test_the_longest_unused_goes_until_the_budget_is_kept(ours: Checkout) -> None:
    image, held = digest(ours.reference), size(ours)
    assert COMMANDS == ["clean --dry-run", "clean", "clean --keep 20GB"]
    assert [clean(ours, *words.split()[1:])[0] for words in COMMANDS] == [0, 0, 0]
    held += int(docker("inspect", "--format", "{{.Size}}", ours.reference))
    freed, _ = clean(ours, "--keep", "300MB")
    assert freed > 100_000_000 and held - freed < 300_000_000
    assert [*ours.cache.glob("base/*/base.json")] == []  # what was read first
    assert digest(ours.reference) == image


def test_killed_and_run_to_its_end_it_takes_what_is_ours_and_that_comes_again(
    ours: Checkout, somebody: Somebody, proven_checkout: Checkout, tmp_path: Path
) -> None:
    image, things = digest(ours.reference), somebody.things()
    base = next(proven_checkout.cache.glob("base/*/base.json")).parent
    for number in range(len(DELAYS)):
        copy(base, ours.cache / "base" / f"{number:064}")
    for delay in DELAYS:
        kill_a_clean(ours, delay, log=tmp_path / "stderr")
        assert halves(ours) == []
    _, done = clean(ours, "--keep", "0")
    assert (done.code, size(ours) < 20_000_000) == (0, True), done.stderr
    assert [*ours.root.rglob(".tmp-*"), *tags(repository(ours))] == []
    assert somebody.things() == things
    assert "proven" in ours.inv("list", VARIANT).stdout
    beside_a_clean(ours, tmp_path / "stderr")
    again = ours.image()
    assert (again.code, again.stdout) == (0, f"{image}\n"), again.stderr
    assert digest(f"{repository(ours)}:latest")
    assert somebody.things() == things


def test_what_a_container_is_made_from_stays_until_that_is_gone(ours: Checkout) -> None:
    name, image = f"user-{os.getpid()}", digest(ours.reference)
    words = [f"{repository(ours)}:latest", "python3", "-c", "input()"]
    docker("run", "--interactive", "--detach", "--name", name, *words)
    try:
        _, done = clean(ours, "--keep", "0")
        hint = "run it again when what stands above is over"
        assert done.error == (1, f"error: --keep 0 MB: {total(done)} stay; {hint}")
        assert f"  stay: {ours.reference}: a container is made from it\n" in done.stderr
        state = docker("inspect", "--format", "{{.State.Running}}", name)
        assert (digest(ours.reference), state) == (image, "true")
    finally:
        docker("rm", "--force", name)
    assert clean(ours, "--keep", "0")[1].code == 0
    assert tags(repository(ours)) == []


def repository(checkout: Checkout) -> str:
    return checkout.reference.partition(":")[0]


def total(done: Done) -> str:
    """What the table says that all which stays is."""
    return done.stdout.splitlines()[-2].split("  ")[-1].strip()


def kill_a_clean(checkout: Checkout, delay: float, *, log: Path) -> None:
    """So many seconds after it has begun to free."""
    before = sum(1 for _ in checkout.cache.glob("*/*"))
    process = checkout.start("clean", "--keep", "0", to=log)
    until(lambda: sum(1 for _ in checkout.cache.glob("*/*")) != before)
    time.sleep(delay)
    process.kill()
    process.wait()
    assert "Traceback" not in log.read_text()


def beside_a_clean(checkout: Checkout, log: Path) -> None:
    """What somebody who works here could need stays."""
    process = checkout.start("image", "onnxruntime", to=log)
    until(lambda: list((checkout.cache / "layers").glob("*.sha256")))
    done = checkout.inv("clean", "--keep", "0")
    assert (done.code, "another inferpack works here" in done.stderr) == (1, True)
    assert process.wait() == 0, log.read_text()


def halves(checkout: Checkout) -> list[Path]:
    """Folders that have their name, and not all of their files."""
    whole = {"base": {"base.json", "base.tar", "root"}, "context": {"Dockerfile", "layers"}}
    found = [("base", path) for path in checkout.cache.glob("base/[0-9a-f]*")]
    found += [("context", path) for path in checkout.root.glob("build/*/context")]
    return [path for kind, path in found if {item.name for item in path.iterdir()} != whole[kind]]
