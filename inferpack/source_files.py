"""The archives that sources of wheels come in: fetched by name, and never other than what the
recipe says by sha256.
"""

import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

from inferpack import archive, console, store, wheelhouse
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.model import File, LockedWheel
from inferpack.wheel import Kind, Source

# apt's words for the parts of a source package, by what their files' names say
PARTS = ((".orig", "--tar-only"), (".debian.tar.", "--diff-only"), (".diff.", "--diff-only"))
DOWNLOADS = "inferpack-source"  # in mmdebstrap's temporary root
# Debian's own mirrors, asked for sources beside packages
WITH_SOURCES = (
    'sed -n "s/^deb /deb-src /p" "$1/etc/apt/sources.list"'
    ' > "$1/etc/apt/sources.list.d/sources.list"'
)


def ensure(source: Source, indexes: Callable[[], Indexes], *, cache: Path) -> tuple[Path, ...]:
    """The source's archives, in its order; InferpackError where one cannot be had, or is another.

    `indexes` is asked only when something has to be fetched from there.
    """
    match source.kind:
        case Kind.SDIST:
            found = from_indexes(source, indexes, cache=cache)
        case Kind.DEBIAN:
            found = from_debian(source, cache=cache)
        case Kind.TARBALL:
            found = from_url(source, indexes, cache=cache)
    for path, file in zip(found, source.files, strict=True):
        if store.file_digest(path) != file.sha256:
            path.unlink()
            hint = "run the command again: it is fetched anew"
            raise InferpackError(str(path), "was damaged in the cache, and is removed", hint)
        store.touch(path.parent)
    return found


def from_indexes(
    source: Source, indexes: Callable[[], Indexes], *, cache: Path
) -> tuple[Path, ...]:
    wanted = tuple(
        LockedWheel(name=source.name, version=source.version, file=file) for file in source.files
    )
    try:
        found = wheelhouse.ensure(wanted, indexes, cache=cache)
    except InferpackError as err:
        if err.where not in {file.name for file in source.files}:
            raise  # it is about a server
        hint = "ask why before you change the recipe"
        raise InferpackError(err.where, err.wrong, hint) from err
    return tuple(found[item] for item in wanted)


def place(file: File, cache: Path) -> Path:
    return cache / "sources" / "archives" / file.sha256 / file.name


def from_url(source: Source, indexes: Callable[[], Indexes], *, cache: Path) -> tuple[Path, ...]:
    """A release's archives from their own address, by the proxies and authorities of pip."""
    for file in source.files:
        path = place(file, cache)
        if path.exists():
            continue
        partial = cache / "partial" / file.sha256
        partial.parent.mkdir(parents=True, exist_ok=True)
        with console.step(f"fetch {file.name}, {file.size / 1e6:.1f} MB"), store.disk(partial):
            url = f"{source.url.rstrip('/')}/{file.name}"
            indexes().session().download(url, file=file, partial=partial, advance=lambda _: None)
            take(partial, file, cache)
    return tuple(place(file, cache) for file in source.files)


def from_debian(source: Source, *, cache: Path) -> tuple[Path, ...]:
    """A source package's archives, by apt from the mirrors that mmdebstrap knows."""
    missing = [file for file in source.files if not place(file, cache).exists()]
    if missing:
        (cache / "partial").mkdir(parents=True, exist_ok=True)
        what = f"{source.name} {source.version} from Debian {source.suite}"
        with (
            console.step(f"fetch the source of {what}"),
            tempfile.TemporaryDirectory(prefix=".tmp-", dir=cache / "partial") as folder,
        ):
            log = cache / "logs" / f"{source.name}-source.log"
            download(source, Path(folder), log=log)
            for file in missing:
                take_from(Path(folder), file, source, cache)
    return tuple(place(file, cache) for file in source.files)


def download(source: Source, target: Path, *, log: Path) -> None:
    """The parts of the source package that the recipe's files belong to; apt checks signatures."""
    package = shlex.quote(f"{source.name}={source.version}")
    parts = dict.fromkeys(part_of(file.name) for file in source.files)
    get = "; ".join(
        f"apt-get -q -o APT::Sandbox::User=root source --download-only {part} {package}"
        for part in parts
    )
    inside = f'"$1/{DOWNLOADS}"'
    options = [
        "--variant=custom",
        f"--setup-hook={WITH_SOURCES}",
        f"--customize-hook=set -e; mkdir {inside}; cd {inside};"
        f' export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; {get}',
        f"--customize-hook=copy-out /{DOWNLOADS} {shlex.quote(str(target))}",
    ]
    what = f"{source.suite}, source of {source.name} {source.version}"
    archive.ask(what, options, source.suite, log=log)


def part_of(name: str) -> str:
    """apt's option for the part of a source package that a file is.

    >>> part_of("onednn_3.7.2+ds.orig.tar.xz"), part_of("onednn_3.7.2+ds-2.debian.tar.xz")
    ('--tar-only', '--diff-only')
    """
    return next((option for mark, option in PARTS if mark in name), "--tar-only")


def take_from(folder: Path, file: File, source: Source, cache: Path) -> None:
    found = {path.name: path for path in folder.rglob("*") if path.is_file()}
    if file.name not in found:
        wrong = f"is not in {source.name} {source.version}, which has {', '.join(sorted(found))}"
        raise InferpackError(file.name, wrong, "name one of these in the recipe")
    take(found[file.name], file, cache)


def take(path: Path, file: File, cache: Path) -> None:
    """Gives a file its final name, once it is the one that is wanted; another is removed."""
    got = store.file_digest(path)
    if got != file.sha256:
        path.unlink()
        wrong = f"expected sha256 {file.sha256}, got {got}"
        raise InferpackError(file.name, wrong, "ask why before you change the recipe")
    final = place(file, cache)
    final.parent.mkdir(parents=True, exist_ok=True)
    path.chmod(0o644)
    path.replace(final)
