"""docs/ci.md, as a CI engine runs it: jobs in clones of their own, from which only records go on.

In the first night one job's machine finds no package index; the second does that job alone; the
third finds nothing to do.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from inferpack import cli
from inferpack.model import Arch
from inferpack.plan import Plan
from tests.integration import desk as fixtures
from tests.integration.checkout import Done, command, scratch
from tests.integration.clones import Machines
from tests.integration.registries import Registry, running
from tests.integration.test_publishing_page import block
from tests.integration.test_verify import git

key = fixtures.key
tools = fixtures.tools
RECIPE = "ctranslate2"  # on each architecture another backend, which has an index of its own
AMD64, ARM64 = cli.shop().variants(RECIPE)
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}  # where nobody listens
PLAN, JOB, MERGE, PROMOTE = (
    block("ci.md", f"./inv {name} ").splitlines()
    for name in ("plan", "nightly", "publish", "promote")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """A repository and its CI engine; `kept`: the files that this keeps."""

    machines: Machines
    registry: Registry
    kept: Path

    @property
    def last_night(self) -> tuple[Path, ...]:
        return tuple(self.kept.glob("records.tar"))

    def plan(self) -> Plan:
        with self.machines.machine(*self.last_night) as machine:
            (done,) = machine.run(PLAN)
        assert done.code == 0, done.stderr
        return msgspec.json.decode(done.stdout, type=Plan)

    def job(self, name: str, surroundings: Mapping[str, str]) -> Done:
        with self.machines.machine(*self.last_night) as machine:
            (done,) = machine.run(JOB, ID=name, **surroundings)
            machine.keep(records(name, failed=done.code != 0), self.kept / f"job-{name}.tar")
        return done

    def merge(self, *names: str) -> list[Done]:
        """What these jobs have kept; no image is on the machine that does it."""
        jobs = [self.kept / f"job-{name}.tar" for name in names]
        with self.machines.machine(*self.last_night, *jobs) as machine:
            assert not any(map(held, machine.digests))
            done = machine.run(MERGE)
            machine.keep(records("*"), self.kept / "records.tar")
        return done

    def promote(self) -> Done:
        with self.machines.machine() as machine:
            (done,) = machine.run(PROMOTE)
        return done

    def tags(self, namespace: str) -> dict[str, set[str]]:
        """The architectures behind each tag that moves."""
        found = self.registry.tags(f"{namespace}/{RECIPE}")
        return {
            tag: {
                item["platform"]["architecture"]
                for item in json.loads(self.registry.blob(digest))["manifests"]
            }
            for tag, digest in found.items()
            if not re.search(r"^sha256-|-\d{8}$", tag)
        }


def records(name: str, *, failed: bool = False) -> list[str]:
    """What goes on of a variant, as docs/ci.md has it."""
    folders = (f"build/{name}", f"build/wheels/{name}")
    files = ("history.jsonl",) if failed else ("*.json*", "*.whl")
    return [f"{folder}/{file}" for folder in folders for file in files]


def held(digest: str) -> bool:
    return command("docker", "image", "inspect", digest).code == 0


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Iterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "kept").mkdir()
    secrets = folder / "secrets"
    secrets.mkdir()
    for path in (key, key.with_suffix(".pub")):
        shutil.copy(path, secrets / f"cosign{path.suffix}")
    with running(folder / "registry") as registry:
        yield Matrix(
            machines=Machines(
                origin=repository(folder / "origin"),
                folder=folder,
                secrets=tuple(secrets.iterdir()),
                variables={
                    "STAGING": f"{registry.host}/staging",
                    "RELEASE": f"{registry.host}/release",
                },
            ),
            registry=registry,
            kept=folder / "kept",
        )


def repository(folder: Path) -> Path:
    """One whose matrix has two variants: of the one recipe, and no wheels."""
    made = scratch(folder)
    known = cli.shop()
    for name in {item.recipe.name for item in known.variants()} - {RECIPE}:
        (folder / "recipes" / f"{name}.toml").unlink()
    for name in {item.recipe.name for item in known.wheel_variants()}:
        (folder / "wheels" / f"{name}.toml").unlink()
    shutil.rmtree(folder / "wheels/projects")
    shutil.copy(cli.ROOT / ".gitignore", folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "a matrix of two")
    return made.root


def test_nights_of_jobs_that_share_nothing_but_records(matrix: Matrix) -> None:
    version = AMD64.version
    alone = {f"{version}-{item.backend}": {str(item.arch)} for item in (AMD64, ARM64)}
    together = {tag: set(map(str, Arch)) for tag in (version, "latest")}

    assert [job.id for job in matrix.plan().jobs] == [AMD64.id, ARM64.id]
    failed, passed = matrix.job(AMD64.id, NO_INDEX), matrix.job(ARM64.id, {})
    assert (failed.code, passed.code) == (1, 0), passed.stderr
    published, reported = matrix.merge(AMD64.id, ARM64.id)
    assert (published.code, reported.code) == (1, 0), published.stderr
    assert matrix.tags("staging") == {f"{version}-{ARM64.backend}": {"arm64"}}

    assert [job.id for job in matrix.plan().jobs] == [AMD64.id]
    again = matrix.job(AMD64.id, {})
    assert again.code == 0, again.stderr
    published, _ = matrix.merge(AMD64.id)
    assert published.code == 0, published.stderr
    promoted = matrix.promote()
    assert promoted.code == 0, promoted.stderr
    assert matrix.tags("release") == matrix.tags("staging") == alone | together

    third = matrix.plan()
    assert (third.jobs, third.unchanged) == ((), (AMD64.id, ARM64.id))
