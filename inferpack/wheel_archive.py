"""A wheel as a folder and back: the same files give the same bytes, with a RECORD that is true."""

import csv
import hashlib
import io
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from inferpack.errors import InferpackError
from inferpack.store import whole_file

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # that a zip file can name
LICENCE = re.compile(r"(.*/)?(licen[cs]e|copying|copyright|notice)[^/]*", re.IGNORECASE)
UNIX = 3  # a zip entry's system, whose modes it has


def unpack(wheel: Path, folder: Path) -> None:
    """Writes the wheel's files below `folder`; InferpackError for what is no wheel."""
    try:
        with ZipFile(wheel) as archive:
            if broken := archive.testzip():
                raise InferpackError(wheel.name, f"is damaged: {broken}")
            for item in archive.infolist():
                name = PurePosixPath(item.filename)
                if name.is_absolute() or ".." in name.parts:
                    raise InferpackError(wheel.name, f"would write outside: {item.filename}")
                path = Path(archive.extract(item, folder))
                if not item.is_dir():
                    path.chmod(0o755 if item.external_attr >> 16 & 0o100 else 0o644)
        info(folder)
    except (BadZipFile, OSError, ValueError) as err:
        raise InferpackError(wheel.name, f"is no wheel: {err}") from err


def info(folder: Path) -> Path:
    """The .dist-info of an unpacked wheel; ValueError where there is not just one."""
    found = sorted(folder.glob("*.dist-info"))
    if len(found) != 1:
        raise ValueError(f"{len(found)} .dist-info folders")
    return found[0]


def parts(metadata: Path) -> tuple[list[str], str]:
    """METADATA's header lines, and the rest with the empty line before it."""
    header, empty, body = metadata.read_text().partition("\n\n")
    return header.rstrip("\n").split("\n"), empty + body if empty else "\n"


def pack(folder: Path, wheel: Path) -> Path:
    """Writes a new RECORD and the wheel: sorted, what describes it last, no times of its own."""
    about = info(folder)
    names = sorted(name for name in files(folder) if name != f"{about.name}/RECORD")
    names.sort(key=lambda name: name.startswith(f"{about.name}/"))
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerows((name, *fingerprint((folder / name).read_bytes())) for name in names)
    writer.writerow((f"{about.name}/RECORD", "", ""))
    (about / "RECORD").write_text(rows.getvalue())
    with (
        whole_file(wheel) as temporary,
        ZipFile(temporary, "w", ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name in (*names, f"{about.name}/RECORD"):
            entry = ZipInfo(name, FIRST_DAY)
            entry.create_system = UNIX
            executable = (folder / name).stat().st_mode & 0o100
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, (folder / name).read_bytes())
    return wheel


def files(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fingerprint(data: bytes) -> tuple[str, str]:
    """Digest and size as RECORD has them.

    >>> fingerprint(b"")
    ('sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU', '0')
    """
    digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}", str(len(data))


def lies(folder: Path) -> Iterator[str]:
    """What RECORD says that is not so, a line each."""
    name = f"{info(folder).name}/RECORD"
    try:
        rows = list(csv.reader((folder / name).read_text().splitlines()))
        told = {path: (digest, size) for path, digest, size in rows}
    except (OSError, ValueError):
        yield "RECORD is missing or broken"
        return
    there = set(files(folder))
    yield from (
        f"RECORD lists {path} twice"
        for path in sorted({row[0] for row in rows})
        if sum(row[0] == path for row in rows) > 1
    )
    yield from (f"RECORD does not list {path}" for path in sorted(there - set(told)))
    yield from (f"RECORD lists {path}, which is not there" for path in sorted(set(told) - there))
    for path in sorted(there & set(told) - {name}):
        if told[path] != fingerprint((folder / path).read_bytes()):
            yield f"{path} is not what RECORD says"
