"""Debian's archive: which packages a base has, as a committed lock, and their verified files.

mmdebstrap's extract variant resolves, downloads and checks signatures for any architecture and
runs no maintainer script, so nothing is emulated.
"""

import shlex
import tempfile
from pathlib import Path

from inferpack import deb, process, store
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch, Base, Package
from inferpack.tables import Record

ARCHIVES = "/var/cache/apt/archives"


class BaseLock(Record, frozen=True):
    """The committed package list of a base, and the digest of what it was resolved from."""

    inputs: str
    packages: tuple[Package, ...]


def inputs(base: Base, arch: Arch) -> str:
    """sha256 (hex) of what the package list is resolved from."""
    return store.digest(base.suite, base.packages, base.without, arch)


def load(path: Path, base: Base, arch: Arch, *, command: str) -> tuple[Package, ...]:
    """The committed package list; UsageError where it is missing, broken or stale."""
    lock = store.read_record(path, BaseLock)
    if lock is None:
        raise UsageError(str(path), "is missing or broken", f"run {command}")
    if lock.inputs != inputs(base, arch):
        raise UsageError(str(path), "is stale: recipes/bases.toml has changed", f"run {command}")
    for package in lock.packages:
        store.check_sha256(str(path), package.file.sha256)
    return lock.packages


def is_current(path: Path, base: Base, arch: Arch) -> bool:
    lock = store.read_record(path, BaseLock)
    return lock is not None and lock.inputs == inputs(base, arch)


def lock(base: Base, arch: Arch, *, cache: Path) -> BaseLock:
    """What Debian has now."""
    return BaseLock(inputs=inputs(base, arch), packages=resolve(base, arch, cache=cache))


def resolve(base: Base, arch: Arch, *, cache: Path) -> tuple[Package, ...]:
    """What Debian's archive now has for this base, sorted by name; the files are in the cache."""
    (cache / "debs").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=cache / "debs") as temporary:
        download(base, arch, Path(temporary), log=cache / "logs" / f"base-{arch}-mmdebstrap.log")
        found = []
        for path in Path(temporary).rglob("*.deb"):
            package = deb.package(path)
            if package.name not in base.without:
                path.chmod(0o644)
                path.replace(deb_path(cache, package))
                found.append(package)
    return tuple(sorted(found, key=lambda package: package.name))


def download(base: Base, arch: Arch, target: Path, *, log: Path) -> None:
    """The packages and all they depend on, with apt's checks. mmdebstrap knows Debian's mirrors."""
    process.need("mmdebstrap")
    argv = [
        "mmdebstrap",
        "--variant=extract",
        f"--arch={arch}",
        f"--include={','.join(base.packages)}",
        "--format=null",
        f"--extract-hook=copy-out {ARCHIVES} {shlex.quote(str(target))}",
        base.suite,
        "/dev/null",
    ]
    try:
        process.run(argv, log=log)
    except InferpackError as err:
        lines = log.read_text().splitlines()
        wrong = next((line for line in lines if line.startswith("E: ")), "E: mmdebstrap failed")
        hint = f"check this machine's network and proxy, then run it again; full log: {log}"
        if "chroot mode" in wrong:  # not root, and no user namespaces
            hint = "run it as root, or: sudo apt-get install uidmap"
        raise InferpackError(f"Debian {base.suite} {arch}", wrong[3:], hint) from err


def intact(cache: Path, package: Package) -> bool:
    """Whether the package is in the cache, and still what it was when it came."""
    path = deb_path(cache, package)
    return path.exists() and store.file_digest(path) == package.file.sha256


def deb_path(cache: Path, package: Package) -> Path:
    return cache / "debs" / f"{package.file.sha256}.deb"
