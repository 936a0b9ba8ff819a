"""One wheel, pruned, stripped and byte-compiled, becomes one deterministic tar: one image layer.

A layer depends on its wheel, its prune rules and the base's Python alone, so variants share it
and an image pulled after another costs only what differs.
"""

import csv
import os
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import file_digest as hash_file
from pathlib import Path
from typing import BinaryIO

from inferpack import process
from inferpack.errors import UsageError
from inferpack.model import Arch, Compiler, Prune
from inferpack.store import digest, disk, file_digest
from inferpack.tree import byte_compile, pack

SITE = "usr/local/lib/python3.11/dist-packages"  # Debian's sys.path entry for local packages
STRIP = {Arch.AMD64: "x86_64-linux-gnu-strip", Arch.ARM64: "aarch64-linux-gnu-strip"}
MAKER = "inferpack"


def wheel_layer(
    wheel: Path,
    sha256: str,
    *,
    prune: Prune,
    where: str,
    arch: Arch,
    compiler: Compiler,
    cache: Path,
    log: Path,
) -> Path:
    """The layer of a verified wheel, from the cache where its inputs are known.

    Raises UsageError for a prune rule that matches nothing: `where` names the recipe.
    """
    key = digest(sha256, prune, arch, compiler.digest, file_digest(Path(__file__)))
    tar = cache / "layers" / f"{key}.tar"
    if tar.exists():
        return tar
    folder = cache / "layers"
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as scratch:
            root = Path(scratch)
            install(wheel, root, prune=prune, where=where)
            strip(root, prune, arch, where=where, log=log)
            byte_compile(root, root / SITE, compiler, skip=prune.uncompiled, log=log)
            write_installation_record(root)
            pack(root, tar)
    return tar


def install(wheel: Path, root: Path, *, prune: Prune, where: str) -> None:
    """Unpacks a wheel below `root`, leaving out what `prune.remove` matches."""
    # Imported here: a run with nothing to build must not pay for it.
    from installer import install as install_wheel  # noqa: PLC0415
    from installer.destinations import SchemeDictionaryDestination  # noqa: PLC0415
    from installer.records import RecordEntry  # noqa: PLC0415
    from installer.sources import WheelFile  # noqa: PLC0415
    from installer.utils import Scheme  # noqa: PLC0415

    used: set[str] = set()

    class Pruned(SchemeDictionaryDestination):
        def write_to_fs(
            self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool
        ) -> RecordEntry:
            matching = [rule for rule in prune.remove if fnmatchcase(path, rule)]
            used.update(matching)
            if matching or scheme == "headers":
                return RecordEntry(path, None, None)
            return super().write_to_fs(scheme, path, stream, is_executable)

    destination = Pruned(
        scheme_dict={
            "purelib": f"/{SITE}",
            "platlib": f"/{SITE}",
            "headers": "/usr/local/include",
            "scripts": "/usr/local/bin",
            "data": "/usr/local",
        },
        interpreter="/usr/bin/python3",
        script_kind="posix",
        destdir=str(root),
    )
    with WheelFile.open(wheel) as source:
        install_wheel(source, destination, {"INSTALLER": f"{MAKER}\n".encode()})
    refuse_idle(set(prune.remove) - used, wheel.name, where)


def refuse_idle(rules: Iterable[str], name: str, where: str) -> None:
    """A rule that matches nothing is a leftover of an older release."""
    for rule in sorted(rules):
        raise UsageError(
            where, f"prune rule '{rule}' matches no file of {name}", "remove or fix it"
        )


def strip(root: Path, prune: Prune, arch: Arch, *, where: str, log: Path) -> None:
    """Strips the libraries the recipe lists: strip breaks some that patchelf has rewritten."""
    site = root / SITE
    names = [str(path.relative_to(site)) for path in site.rglob("*.so*") if path.is_file()]
    chosen = sorted(name for name in names if any(fnmatchcase(name, rule) for rule in prune.strip))
    idle = {rule for rule in prune.strip if not any(fnmatchcase(name, rule) for name in names)}
    refuse_idle(idle, "its wheel", where)
    if chosen:
        files = [site / name for name in chosen]
        process.run([STRIP[arch], "--strip-unneeded", *files], log=log, quiet=True)


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
