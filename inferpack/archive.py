"""Debian's archive: which packages a base has, as a committed lock, and their verified files.

mmdebstrap's extract variant resolves, downloads and checks signatures for any architecture and
runs no maintainer script, so nothing is emulated.
"""

import shlex
import tempfile
from pathlib import Path
from typing import Protocol

from inferpack import deb, process, store
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch, Package
from inferpack.tables import Record

ARCHIVES = "/var/cache/apt/archives"


class Selection(Protocol):
    """What is asked of Debian: packages of a suite, less some of what they depend on."""

    @property
    def suite(self) -> str: ...
    @property
    def packages(self) -> tuple[str, ...]: ...
    @property
    def without(self) -> tuple[str, ...]: ...


class BaseLock(Record, frozen=True):
    """A committed package list, and the digest of what it was resolved from."""

    inputs: str
    packages: tuple[Package, ...]


def inputs(asked: Selection, arch: Arch) -> str:
    """sha256 (hex) of what the package list is resolved from."""
    return store.digest(asked.suite, asked.packages, asked.without, arch)


def load(
    path: Path, asked: Selection, arch: Arch, *, command: str, source: str = "recipes/bases.toml"
) -> tuple[Package, ...]:
    """The committed package list; UsageError where it is missing, broken or stale."""
    lock = store.read_record(path, BaseLock)
    if lock is None:
        raise UsageError(str(path), "is missing or broken", f"run {command}")
    if lock.inputs != inputs(asked, arch):
        raise UsageError(str(path), f"is stale: {source} has changed", f"run {command}")
    for package in lock.packages:
        store.check_sha256(str(path), package.file.sha256)
    return lock.packages


def is_current(path: Path, asked: Selection, arch: Arch) -> bool:
    lock = store.read_record(path, BaseLock)
    return lock is not None and lock.inputs == inputs(asked, arch)


def lock(asked: Selection, arch: Arch, *, cache: Path) -> BaseLock:
    """What Debian has now."""
    return BaseLock(inputs=inputs(asked, arch), packages=resolve(asked, arch, cache=cache))


def resolve(asked: Selection, arch: Arch, *, cache: Path) -> tuple[Package, ...]:
    """What Debian's archive now has for this, sorted by name; the files are in the cache."""
    (cache / "debs").mkdir(parents=True, exist_ok=True)
    log = cache / "logs" / f"{asked.suite}-{arch}-mmdebstrap.log"
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=cache / "debs") as temporary:
        download(asked, arch, Path(temporary), log=log)
        found = []
        for path in Path(temporary).rglob("*.deb"):
            package = deb.package(path)
            if package.name not in asked.without:
                path.chmod(0o644)
                path.replace(deb_path(cache, package))
                found.append(package)
    return tuple(sorted(found, key=lambda package: package.name))


def download(asked: Selection, arch: Arch, target: Path, *, log: Path) -> None:
    """The packages and all they depend on."""
    argv = [
        "--variant=extract",
        f"--arch={arch}",
        *(f"--include={name}" for name in asked.packages),  # one each: patterns cannot be joined
        f"--extract-hook=copy-out {ARCHIVES} {shlex.quote(str(target))}",
    ]
    ask(f"{asked.suite} {arch}", argv, asked.suite, log=log)


def ask(what: str, options: list[str], suite: str, *, log: Path) -> None:
    """Runs mmdebstrap, which knows Debian's mirrors, with apt's checks of what comes from them."""
    process.need("mmdebstrap")
    argv = ["mmdebstrap", *options, "--format=null", suite, "/dev/null"]
    try:
        process.run(argv, log=log)
    except InferpackError as err:
        lines = log.read_text().splitlines()
        wrong = next((line for line in lines if line.startswith("E: ")), "E: mmdebstrap failed")
        hint = f"check this machine's network and proxy, then run it again; full log: {log}"
        if "chroot mode" in wrong:  # not root, and no user namespaces
            hint = "run it as root, or: sudo apt-get install uidmap"
        if "find version" in wrong:  # the archive keeps one of each package
            hint = "name the version that the suite has now"
        raise InferpackError(f"Debian {what}", wrong[3:], hint) from err


def intact(cache: Path, package: Package) -> bool:
    """Whether the package is in the cache, and still what it was when it came."""
    path = deb_path(cache, package)
    store.touch(path)
    return path.exists() and store.file_digest(path) == package.file.sha256


def deb_path(cache: Path, package: Package) -> Path:
    return cache / "debs" / f"{package.file.sha256}.deb"
