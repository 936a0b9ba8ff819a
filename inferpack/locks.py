"""PEP 751 locks: which wheels are wanted, by name, size and sha256; never from where."""

import hashlib
import json
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError

from inferpack import indexes as pip
from inferpack import process, resolver, store
from inferpack.errors import InferpackError, UsageError
from inferpack.indexes import Indexes
from inferpack.model import File, Flavour, LockedWheel, Variant
from inferpack.resolver import Wanted
from inferpack.target import environment, platforms, tags

if TYPE_CHECKING:
    from inferpack.fetch import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Wheels sorted by name, and the digest of what they were resolved from."""

    inputs: str
    wheels: tuple[LockedWheel, ...]

    @property
    def digest(self) -> str:
        """sha256 (hex) over the wheels: what is built from a lock depends on nothing else in it."""
        return store.digest(self.wheels)


def path_of(variant: Variant, locks: Path) -> Path:
    """Flavours share a lock, and so their layers."""
    return locks / f"pylock.{replace(variant, flavour=Flavour.RUNTIME).id}.toml"


def inputs(wanted: Wanted, glibc: str) -> str:
    """sha256 (hex) of what the lock is resolved from; `glibc` is the base's, such as 2.36."""
    requires, without = sorted(wanted.requires), wanted.without
    return store.digest(requires, without, wanted.python, platforms(wanted.arch, glibc)[0])


def load(path: Path, wanted: Wanted, glibc: str, *, command: str = "") -> Lock:
    """What is locked for it; UsageError where the lock is missing, stale or not a lock."""
    command = command or f"./inv lock {wanted.id}"
    if not path.exists():
        raise UsageError(str(path), "does not exist", f"{command} makes it")
    lock = read(path)
    if lock.inputs != inputs(wanted, glibc):
        raise UsageError(
            str(path), "is stale: the recipe or its base has changed since", f"run {command}"
        )
    return lock


def read(path: Path) -> Lock:
    """Parses a lock that `render` wrote; UsageError says what is wrong with another file."""
    try:
        pylock = Pylock.from_dict(tomllib.loads(path.read_text()))
        wheels = tuple(map(locked, pylock.packages))
        return Lock(inputs=made_from(pylock), wheels=by_name(wheels))
    except (ValueError, PylockValidationError) as err:
        wrong = f"is not a lock of inferpack: {err}"
        raise UsageError(str(path), wrong, "restore it, or delete it and run ./inv lock") from err


def made_from(pylock: Pylock) -> str:
    match pylock.tool:
        case {"inferpack": {"inputs": str(digest)}} if digest.startswith("sha256:"):
            return digest.removeprefix("sha256:")
    raise ValueError("tool.inferpack.inputs is not a sha256")


def locked(package: Package) -> LockedWheel:
    """The one wheel of a package; ValueError where there is not exactly one, fully described."""
    match package:
        case Package(
            version=version,
            wheels=[PackageWheel(url=None, path=str(path), size=int(size), hashes=hashes)],
        ) if version and "/" not in path and "sha256" in hashes:
            store.check_sha256(package.name, hashes["sha256"])
            file = File(name=path, size=size, sha256=hashes["sha256"])
            return LockedWheel(name=package.name, version=str(version), file=file)
    raise ValueError(f"{package.name} needs one wheel with file name, size and sha256")


def by_name(wheels: tuple[LockedWheel, ...]) -> tuple[LockedWheel, ...]:
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def render(lock: Lock) -> str:
    """The lock as PEP 751 TOML: valid beside the wheels themselves, the same bytes every time."""
    head = 'lock-version = "1.0"\ncreated-by = "inferpack"\n'
    tail = f'\n[tool.inferpack]\ninputs = "sha256:{lock.inputs}"\n'
    packages = "".join(map(paragraph, lock.wheels)) or "packages = []\n"
    return head + packages + tail


def paragraph(wheel: LockedWheel) -> str:
    # A JSON string of ASCII is a TOML string.
    return f"""
[[packages]]
name = {json.dumps(wheel.name)}
version = {json.dumps(wheel.version)}

[[packages.wheels]]
path = {json.dumps(wheel.file.name)}
size = {wheel.file.size}
hashes.sha256 = {json.dumps(wheel.file.sha256)}
"""


def resolve(
    wanted: Wanted,
    glibc: str,
    indexes: Indexes,
    *,
    cache: Path,
    log: Path,
    previous: Lock | None,
    upgrade: bool,
) -> Lock:
    """Resolves for the wanted platform, from wheels only; uv does the work.

    Versions of `previous` are kept where they still fit, unless `upgrade`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with store.disk(cache), tempfile.TemporaryDirectory(prefix="resolve-", dir=cache) as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("\n".join(wanted.requires) + "\n")
        if previous and not upgrade:
            (folder / "pylock.toml").write_text(render(previous))
        argv = [*resolver.command(wanted, glibc), *(["--upgrade"] if upgrade else [])]
        argv += ["--no-index"] if not indexes.simple else []
        env = {"UV_CACHE_DIR": str((cache / "uv").absolute()), **resolver.environment(indexes)}
        try:
            process.run(argv, log=log, env=env, cwd=folder)
        except InferpackError as err:
            raise resolver.failed(wanted, log) from err
        pylock = Pylock.from_dict(tomllib.loads((folder / "pylock.toml").read_text()))
    chosen = tuple(choose(pylock, wanted, glibc))
    session = indexes.session()
    wheels = tuple(described(package, wheel, indexes, session) for package, wheel in chosen)
    if previous and not upgrade:
        refuse_other_bytes(previous, wheels)
    return Lock(inputs=inputs(wanted, glibc), wheels=by_name(wheels))


def refuse_other_bytes(previous: Lock, wheels: tuple[LockedWheel, ...]) -> None:
    """A file that has changed under its name was tampered with, or rebuilt without a new name."""
    known = {wheel.file.name: wheel.file for wheel in previous.wheels}
    for wheel in wheels:
        before = known.get(wheel.file.name, wheel.file)
        if before != wheel.file:
            wrong = f"the index has other bytes under this name: {wheel.file.sha256}"
            hint = f"the lock says {before.sha256}; if that is meant, --upgrade accepts it"
            raise InferpackError(wheel.file.name, wrong, hint)


def choose(pylock: Pylock, wanted: Wanted, glibc: str) -> Iterator[tuple[Package, PackageWheel]]:
    """Of each package the wheel that pip would install on the target, by the standard's rule."""
    try:
        found = list(
            pylock.select(
                environment=environment(wanted.python, wanted.arch),
                tags=tuple(tags(wanted.python, wanted.arch, glibc)),
            )
        )
    except PylockSelectError as err:
        raise InferpackError(wanted.id, str(err)) from err
    for name in sorted(set(wanted.without) - {package.name for package, _ in found}):
        wrong = f"without: nothing asks for '{name}'"
        raise UsageError(wanted.id, wrong, "remove it from the recipe")
    for package, source in found:
        if package.name in wanted.without:
            continue
        if not isinstance(source, PackageWheel):
            raise InferpackError(wanted.id, f"{package.name} has no wheel")
        yield package, source


def described(
    package: Package, wheel: PackageWheel, indexes: Indexes, session: "Session"
) -> LockedWheel:
    """The wheel with its size and sha256; what the index does not tell is asked of the file."""
    url, size, sha256 = str(wheel.url), wheel.size, wheel.hashes.get("sha256")
    if pip.is_local(url):
        path = pip.local_path(url)
        size, sha256 = path.stat().st_size, sha256 or store.file_digest(path)
    else:
        for index in (*indexes.simple, *indexes.find_links):
            url = pip.with_credentials(url, index)
        size = session.size(url) if size is None else size
        if size is None or sha256 is None:
            size, sha256 = measured(session.read(url))
    file = File(name=wheel.filename, size=size, sha256=sha256)
    return LockedWheel(name=package.name, version=str(package.version), file=file)


def measured(chunks: Iterator[bytes]) -> tuple[int, str]:
    size, sha256 = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        sha256.update(chunk)
    return size, sha256.hexdigest()
