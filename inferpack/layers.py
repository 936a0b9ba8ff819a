"""One wheel, pruned, stripped and byte-compiled, becomes one deterministic tar: one image layer.

A layer depends on its wheel, its prune rules and the base's Python alone, so variants share it
and an image pulled after another costs only what differs.
"""

import csv
import os
import shutil
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import file_digest as hash_file
from pathlib import Path

from packaging.utils import canonicalize_name

from inferpack import process
from inferpack.errors import InferpackError, UsageError
from inferpack.model import SITE, Arch, Compiler
from inferpack.prune import Prune
from inferpack.store import digest, disk, file_digest, is_sealed
from inferpack.tree import byte_compile, pack
from inferpack.unpack import INSTALLER, install

CODE = [
    *(file_digest(Path(__file__).with_name(f"{name}.py")) for name in ("layers", "tree", "unpack")),
    INSTALLER,
]
STRIP = {Arch.AMD64: "x86_64-linux-gnu-strip", Arch.ARM64: "aarch64-linux-gnu-strip"}


def wheel_layer(
    wheel: Path,
    sha256: str,
    *,
    prune: Prune,
    arch: Arch,
    compiler: Compiler,
    cache: Path,
    log: Path,
) -> Path:
    """The layer of a wheel with this sha256, from the cache where its inputs are known.

    Raises UsageError for a prune rule that matches nothing, InferpackError for a damaged wheel.
    """
    made_by = stripper(prune, arch, log)
    tar = cache / "layers" / f"{key(sha256, prune, arch, compiler.digest, made_by)}.tar"
    if is_sealed(tar):
        return tar
    if file_digest(wheel) != sha256:
        wheel.unlink()
        hint = "run the command again: it is fetched anew"
        raise InferpackError(str(wheel), "was damaged in the cache, and is removed", hint)
    folder = cache / "layers"
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as scratch:
            root = Path(scratch)
            used = install(wheel, root, site=SITE, remove=prune.remove)
            refuse_idle(set(prune.remove) - used, wheel.name)
            refuse_idle(unmatched(prune.uncompiled, root, "*.py"), wheel.name)
            refuse_idle(unmatched(prune.strip, root, "*.so*"), wheel.name)
            strip(root, prune, arch, log=log)
            byte_compile(root, root / SITE, compiler, skip=prune.uncompiled, log=log)
            write_installation_record(root)
            pack(root, tar)
    return tar


def key(sha256: str, prune: Prune, arch: Arch, compiler: str, stripper: str) -> str:
    """sha256 (hex) over all that decides the layer's bytes; `compiler` is its digest."""
    return digest(sha256, prune, arch, compiler, stripper, CODE)


def stripper(prune: Prune, arch: Arch, log: Path) -> str:
    """What strips here, where anything is to be stripped."""
    return version(STRIP[arch], log) if prune.strip else ""


def refuse_idle(rules: Iterable[str], wheel: str) -> None:
    """A rule that matches nothing is a leftover of an older release."""
    for rule in sorted(rules):
        where = f"recipes: prune.{canonicalize_name(wheel.partition('-')[0])}"
        raise UsageError(where, f"'{rule}' matches no file of {wheel}", "remove or fix it")


def strip(root: Path, prune: Prune, arch: Arch, *, log: Path) -> None:
    """Strips the libraries the recipe lists: strip breaks some that patchelf has rewritten."""
    names = files_below(root / SITE, "*.so*")
    chosen = [name for name in names if any(fnmatchcase(name, rule) for rule in prune.strip)]
    if chosen:
        files = [root / SITE / name for name in chosen]
        command: list[str | Path] = [STRIP[arch], "--strip-unneeded", *files]
        process.run(command, log=log, quiet=True, writes=root.parent)


def version(program: str, log: Path) -> str:
    """The first line that a program says of itself; nothing where it is not installed."""
    if shutil.which(program) is None:
        return ""
    return process.run([program, "--version"], log=log, quiet=True).partition("\n")[0]


def files_below(folder: Path, glob: str) -> list[str]:
    found = (path for path in folder.rglob(glob) if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found)


def unmatched(rules: Iterable[str], root: Path, glob: str) -> set[str]:
    """The rules that match none of the files of site-packages that `glob` names."""
    names = files_below(root / SITE, glob)
    return {rule for rule in rules if not any(fnmatchcase(name, rule) for name in names)}


def write_installation_record(root: Path) -> None:
    """Rewrites RECORD to say exactly what is there: path, sha256 and size of every file."""
    site = root / SITE
    (record,) = site.glob("*.dist-info/RECORD")
    files = sorted(path for path in root.rglob("*") if path.is_file() and path != record)
    with record.open("w", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        for path in files:
            with path.open("rb") as file:
                sha256 = urlsafe_b64encode(hash_file(file, "sha256").digest()).rstrip(b"=").decode()
            name = os.path.relpath(path, site)
            rows.writerow((name, f"sha256={sha256}", path.stat().st_size))
        rows.writerow((record.relative_to(site), "", ""))
