"""Debian binary packages read in Python: deb(5), an ar archive with two tars in it."""

import io
import lzma
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from inferpack import store
from inferpack.errors import InferpackError
from inferpack.model import File, Package

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
AR_SIZE = slice(48, 58)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deb:
    """A package's control paragraph (as text), its other records, and its files as a tar's bytes.

    The records are its maintainer scripts, md5sums, conffiles, triggers and the like.
    """

    control: str
    records: Mapping[str, bytes]
    data: bytes

    @property
    def name(self) -> str:
        return self.field("Package")

    @property
    def md5sums(self) -> str:
        return self.records.get("md5sums", b"").decode()

    def field(self, name: str, default: str | None = None) -> str:
        """A single-line field of the control paragraph, or `default`, or else ValueError."""
        start = f"{name}: "
        for line in self.control.splitlines():
            if line.startswith(start):
                return line.removeprefix(start)
        if default is None:
            raise ValueError(f"no field {name}")
        return default


def read(path: Path) -> Deb:
    """Raises InferpackError where `path` is no Debian package this Python can read."""
    try:
        parts = {name.partition(".")[0]: data for name, data in members(path.read_bytes())}
        records = files(parts["control"])
        return Deb(control=records.pop("control").decode(), records=records, data=parts["data"])
    except (KeyError, ValueError, tarfile.TarError) as err:
        raise unreadable(path, err) from err


def extract(path: Path, name: str) -> bytes:
    """One plain file of a package, with no other unpacked; InferpackError where it has none."""
    try:
        parts = {part.partition(".")[0]: data for part, data in members(path.read_bytes())}
        with tarfile.open(fileobj=io.BytesIO(parts["data"]), mode="r|*") as tar:
            for info in tar:
                if info.isreg() and info.name.removeprefix("./") == name:
                    return cast(IO[bytes], tar.extractfile(info)).read()
    except (KeyError, ValueError, tarfile.TarError, lzma.LZMAError) as err:
        raise unreadable(path, err) from err
    raise InferpackError(str(path), f"holds no {name}", "check recipes/tools.toml")


def unreadable(path: Path, err: Exception) -> InferpackError:
    hint = "delete it and run the command again"
    return InferpackError(str(path), f"is not a readable Debian package ({err})", hint)


def members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each member of an ar archive."""
    if not archive.startswith(AR_MAGIC):
        raise ValueError("no ar archive")
    at = len(AR_MAGIC)
    while at < len(archive):
        header = archive[at : at + AR_HEADER]
        size = int(header[AR_SIZE])
        at += AR_HEADER
        if at + size > len(archive):
            raise ValueError("truncated")
        yield header[:16].decode("ascii").rstrip(" /"), archive[at : at + size]
        at += size + size % 2


def files(archive: bytes) -> dict[str, bytes]:
    """The plain files of a compressed tar, by name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {
            info.name.removeprefix("./"): file.read()
            for info in tar
            if (file := tar.extractfile(info)) is not None
        }


def package(path: Path) -> Package:
    """What a package says about itself, under the file name it has in Debian's pool."""
    deb = read(path)
    name, version, arch = deb.name, deb.field("Version"), deb.field("Architecture")
    file = File(
        name=f"{name}_{version.rpartition(':')[2]}_{arch}.deb",
        size=path.stat().st_size,
        sha256=store.file_digest(path),
    )
    return Package(name=name, version=version, arch=arch, file=file)
