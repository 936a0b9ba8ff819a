"""A source of a project that builds nothing, and what it takes to unpack it."""

import io
import tarfile
from pathlib import Path

from msgspec.structs import replace

from inferpack import sources
from inferpack.indexes import Indexes
from inferpack.model import Arch, File
from inferpack.wheel import Kind, Source, WheelRecipe
from tests.unit.index_server import sha
from tests.unit.toy_wheels import variant

NAME = "toy-1.5.tar.gz"
PATCH = """Reason: b is better
Upstream: none

--- a/src/a.txt
+++ b/src/a.txt
@@ -1,3 +1,3 @@
 one
-a
+b
 three
"""
TOP = {"toy-1.5/src/a.txt": b"one\na\nthree\n", "toy-1.5/run.sh": b"#!/bin/sh\n"}


def tarball(files: dict[str, bytes], *extra: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as out:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), 1_700_000_000
            entry.mode = 0o777 if name.endswith(".sh") else 0o664
            out.addfile(entry, io.BytesIO(data))
        for entry in extra:
            out.addfile(entry)
    return buffer.getvalue()


DATA = tarball(TOP)


def recipe(*files: File, kind: Kind = Kind.SDIST, patches: tuple[str, ...] = ()) -> WheelRecipe:
    source = Source(kind=kind, name="toy", version="1.5", files=files)
    return replace(variant(Arch.AMD64).recipe, name="toy", sources=(source,), patches=patches)


def file(name: str = NAME, data: bytes = DATA) -> File:
    return File(name=name, size=len(data), sha256=sha(data))


def never() -> Indexes:
    raise AssertionError("what is in the cache must not ask for indexes")


class Shop:
    """A folder with patches, a cache, and a folder that pip would find these files in."""

    def __init__(self, root: Path, files: dict[str, bytes] | None = None) -> None:
        self.wheels, self.cache = root / "wheels", root / "cache"
        self.files = {NAME: DATA} if files is None else files

    def patch(self, name: str, text: str) -> None:
        place = self.wheels / "patches/toy" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def ensure(self, wanted: WheelRecipe) -> Path:
        links = self.wheels.parent / "links"
        links.mkdir(exist_ok=True)
        for name, data in self.files.items():
            (links / name).write_bytes(data)
        indexes = Indexes(find_links=(links.as_uri(),))
        return sources.ensure(wanted, lambda: indexes, wheels=self.wheels, cache=self.cache)

    def again(self, wanted: WheelRecipe) -> Path:
        return sources.ensure(wanted, never, wheels=self.wheels, cache=self.cache)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
