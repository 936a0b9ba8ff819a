"""Files of advisories: what they are is told by their content, not by their name."""

import io
import zlib
from collections.abc import Iterable, Iterator
from lzma import LZMAError
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

import msgspec

from inferpack import advisories, debian_tracker, osv
from inferpack.advisories import Advisories, Told
from inferpack.errors import UsageError

T = TypeVar("T")
LARGEST = 32 << 20  # bytes of one document in a zip, unpacked
TRACKER = "https://security-tracker.debian.org/tracker/data/json"
OSV = "https://storage.googleapis.com/osv-vulnerabilities/PyPI/all.zip"
HINT = f"give Debian's tracker ({TRACKER}) or OSV's JSON or zip ({OSV})"


class Mark(msgspec.Struct, frozen=True):
    """What an OSV document has, and the tracker's has not: a name of its own."""

    id: Any = None


def read(paths: Iterable[Path]) -> Advisories:
    """All that the files tell; UsageError names the file that cannot be read, and why."""
    return advisories.gather(told for path in paths for told in load(path))


def load(path: Path) -> tuple[Told, ...]:
    try:
        data = path.read_bytes()
    except OSError as err:
        raise UsageError(str(path), f"cannot be read: {err.strerror}", HINT) from err
    found = tuple(unpacked(path, data) if data.startswith(b"PK") else documents(str(path), data))
    if not found:
        raise UsageError(str(path), "tells of no vulnerability", HINT)
    return found


def unpacked(path: Path, data: bytes) -> Iterator[Told]:
    """From every JSON document in a zip; each is read in memory, and none is written anywhere."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".json"):
                    where = f"{path}: {info.filename}"
                    with archive.open(info) as member:
                        document = member.read(LARGEST + 1)
                    if len(document) > LARGEST:
                        wrong = f"is larger than {LARGEST >> 20} MB, which no advisory is"
                        raise UsageError(where, wrong, HINT)
                    yield from documents(where, document)
    except (BadZipFile, EOFError, OSError, LZMAError, RuntimeError, zlib.error) as err:
        raise UsageError(str(path), f"is a broken zip ({reason(err)})", "fetch it again") from err


def documents(where: str, data: bytes) -> Iterator[Told]:
    """From one JSON document: a record of OSV's, an array of them, or the tracker's."""
    start = data.lstrip()[:1]
    if not start:
        raise UsageError(where, "is empty", HINT)
    if start == b"<":
        raise UsageError(where, "is a web page, not JSON", HINT)
    if start == b"[":
        for document in decoded(where, data, tuple[osv.Document, ...]):
            yield from osv.read(document)
    elif start == b"{" and isinstance(decoded(where, data, Mark).id, str):
        yield from osv.read(decoded(where, data, osv.Document))
    else:
        yield from debian_tracker.read(decoded(where, data, debian_tracker.Document))


def decoded(where: str, data: bytes, kind: type[T]) -> T:
    called = "OSV nor Debian's tracker" if kind is debian_tracker.Document else "OSV"
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as err:
        raise UsageError(where, f"is not {called} ({reason(err)})", HINT) from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise UsageError(where, f"is not JSON ({reason(err)})", HINT) from err


def reason(err: Exception) -> str:
    return str(err).replace("`", "'")
