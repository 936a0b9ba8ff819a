"""Digests of inputs, and files that appear whole or not at all."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from inferpack.errors import InferpackError, UsageError

Record = TypeVar("Record")

# Every file in an image carries this time, so that the same input gives the same bytes:
# 1980-01-01, the first day that a zip file can name (zipfile refuses to pack anything older).
EPOCH = 315532800
DAY = 86_400  # seconds; no file takes as long to be made
LOCK = ".lock"  # in a folder, for who works there


def digest(*parts: object) -> str:
    """sha256 (hex) over the parts' canonical JSON: the key of whatever is made from them."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sources(root: Path) -> list[Path]:
    """A folder's files, sorted; what Python caches beside its sources is not one of them."""
    found = (path for path in root.rglob("*") if "__pycache__" not in path.parts)
    return sorted(path for path in found if path.is_file())


def files_digest(root: Path, files: Iterable[Path]) -> str:
    """sha256 (hex) over the files' names below `root` and their bytes."""
    return digest([(str(path.relative_to(root)), file_digest(path)) for path in files])


def check_sha256(where: str, text: str) -> None:
    """A digest names files in the cache: anything else could name a file elsewhere."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise UsageError(where, f"'{text}' is not a sha256", "restore the file from git")


@contextmanager
def disk(where: Path) -> Iterator[None]:
    """Turns a full or read-only disk into one clear line."""
    try:
        yield
    except OSError as err:
        match err.errno:
            case errno.ENOSPC | errno.EDQUOT:
                hint = f"free some space on the disk that holds {where}, then run the command again"
                raise InferpackError(str(where), "no space left on the disk", hint) from err
            case errno.EROFS | errno.EACCES | errno.EPERM:
                wrong = str(err.filename or where)
                raise InferpackError(
                    wrong, "cannot be written", "check its owner and mode"
                ) from err
        raise


def sweep(newest: Path) -> None:
    """Removes what killed runs have left beside `newest`: temporary files a day older than it."""
    for path in newest.parent.glob(".tmp-*"):
        with suppress(FileNotFoundError):  # another process sweeps too
            if newest.stat().st_mtime - path.stat().st_mtime > DAY:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path; it takes the final name only when the block ends well."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o644)
        sweep(temporary)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Like whole_file, for a folder; an older folder of that name is replaced."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=path.parent))
        temporary.chmod(0o755)
        sweep(temporary)
        try:
            yield temporary
            aside = temporary.with_name(f"{temporary.name}-old")
            with suppress(FileNotFoundError):
                path.rename(aside)
            temporary.rename(path)
            shutil.rmtree(aside, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards; what killed runs have left goes too."""
    with disk(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=parent) as name:
            sweep(Path(name))
            yield Path(name)


def seal(path: Path) -> None:
    """Records a cached file's sha256 beside it; without it the file counts as unfinished."""
    write(path.with_suffix(".sha256"), file_digest(path))


def is_sealed(path: Path) -> bool:
    """Whether a cached file is there and still what it was when it was made."""
    seal = path.with_suffix(".sha256")
    try:
        is_whole = seal.read_text() == file_digest(path)
    except FileNotFoundError:
        return False
    if is_whole:
        touch(seal)  # not the file itself: BuildKit would take it for another, and fetch it anew
    return is_whole


def touch(path: Path) -> None:
    """Notes that it was used just now, for `clean`; where that cannot be written it is not."""
    with suppress(OSError):
        os.utime(path)


def write(path: Path, text: str | bytes) -> Path:
    with whole_file(path) as temporary:
        temporary.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_record(path: Path, record: object) -> Path:
    """Writes a stage's record as indented JSON, keys sorted."""
    encoded = msgspec.json.encode(record, order="sorted")
    return write(path, msgspec.json.format(encoded, indent=2) + b"\n")


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """The record at `path`, or None where there is none or an older inferpack wrote it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time works in `folder`; another waits. The lock ends with its process."""
    with opened(folder) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def shared(folder: Path) -> IO[str]:
    """Works in `folder` beside others, until what is returned is closed or its process ends."""
    handle = opened(folder)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def opened(folder: Path) -> IO[str]:
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("w")


def alone(folder: Path) -> IO[str] | None:
    """Like `shared`, for who will have no others beside it; None where there are some."""
    handle = opened(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
