"""A folder as an image will see it: byte-compiled, then packed into the same bytes every time."""

import fnmatch
import tarfile
from pathlib import Path

from inferpack import process
from inferpack.model import Compiler
from inferpack.store import EPOCH, seal, whole_file


def pack(root: Path, tar: Path) -> None:
    """Writes `root` as a tar with sorted names, fixed times, owner root and plain modes."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = EPOCH
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    paths = sorted(root.rglob("*"), key=lambda path: path.relative_to(root).parts)
    with (
        whole_file(tar) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as out,
    ):
        for path in paths:
            out.add(path, str(path.relative_to(root)), recursive=False, filter=plain)
    seal(tar)


def byte_compile(
    root: Path, folder: Path, compiler: Compiler, *, log: Path, skip: tuple[str, ...] = ()
) -> None:
    """Compiles the modules below `folder`, but for globs to `skip`, with the image's own Python.

    Unchecked hash-based .pyc files (PEP 552): the same bytes from any build, and no stat of the
    source at import. A read-only image could never write them later.
    """
    if not any(folder.rglob("*.py")):
        return
    options: list[str | Path] = [
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        root,
        "-p",
        "/",
    ]
    if skip:
        options += ["-x", "|".join(fnmatch.translate(f"{folder}/{glob}") for glob in skip)]
    command = [*compiler.command, "-m", "compileall", *options, folder]
    process.run(command, log=log, quiet=True, writes=root.parent)
