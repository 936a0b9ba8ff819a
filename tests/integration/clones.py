"""A CI engine of several machines, on this one: each job runs in a clone of its own, with nothing
but programs in its cache, and its images are gone when it ends. Only files that it was told to keep
go on.
"""

import itertools
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.checkout import ROOT, Checkout, Done, command, forget
from tests.integration.test_verify import git


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """One job's: a clone, and the variables and secrets that its scripts have."""

    checkout: Checkout
    variables: Mapping[str, str]

    def run(self, script: Sequence[str], **variables: str) -> list[Done]:
        """The steps of a CI configuration, as its shell would run each; one that fails does not
        stop those after it.
        """
        env = {**self.variables, **variables}
        return [command("bash", "-c", step, env=env, cwd=self.checkout.root) for step in script]

    def keep(self, patterns: Sequence[str], archive: Path) -> None:
        """An artifact: files, at their places."""
        root = self.checkout.root
        with tarfile.open(archive, "w") as tar:
            for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
                tar.add(path, path.relative_to(root))

    @property
    def digests(self) -> list[str]:
        """Of the images on record."""
        found = sorted(self.checkout.root.glob("build/*/image.json"))
        return [json.loads(path.read_bytes())["digest"] for path in found]


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """`origin`: the repository; `folder`: where clones are made; `secrets`: files in each."""

    origin: Path
    folder: Path
    variables: Mapping[str, str]
    secrets: tuple[Path, ...] = ()
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def machine(self, *archives: Path) -> Iterator[Machine]:
        """A new one, with the records of these archives; of two that have a file, the last's."""
        root = self.folder / f"machine-{next(self.numbers)}"
        git(self.folder, "clone", "--quiet", str(self.origin), str(root))
        (root / ".cache").mkdir()
        for name in (".venv", ".cache/tools"):
            (root / name).symlink_to(ROOT / name)
        for archive in archives:
            with tarfile.open(archive) as tar:
                tar.extractall(root, filter="data")
        for secret in self.secrets:
            (root / secret.name).symlink_to(secret)
        checkout = Checkout(root)
        try:
            yield Machine(checkout=checkout, variables=self.variables)
        finally:
            forget(checkout)
