"""QEMU's user mode emulator, out of a verified Debian package: not installed, not registered."""

from pathlib import Path

from inferpack import archive, console, deb, store
from inferpack.errors import InferpackError
from inferpack.model import Arch, Package
from inferpack.rungs import Tool


def ensure(tool: Tool, host: Arch, guest: Arch, *, cache: Path, committed: Package) -> Path:
    """The static program that runs `guest`'s programs on `host`, taken from the package once.

    Where Debian has moved on from the `committed` package, that is reported and the new one is
    used; the same version with other bytes is refused.
    """
    folder = cache / "qemu"
    target = folder / committed.file.sha256 / f"qemu-{guest.machine}"
    if store.is_sealed(target):
        return target
    with store.locked(folder), console.step(f"{target.name} from Debian {tool.suite}"):
        if store.is_sealed(target):  # another process has made it meanwhile
            return target
        found = fetch(tool, host, cache=cache, committed=committed)
        program = deb.extract(archive.deb_path(cache, found), f"usr/bin/{target.name}")
        with store.whole_file(target) as temporary:
            temporary.write_bytes(program)
            temporary.chmod(0o755)
        store.seal(target)
    return target


def fetch(tool: Tool, host: Arch, *, cache: Path, committed: Package) -> Package:
    """The package whose file is in the cache: the committed one, unless Debian has a newer."""
    if archive.intact(cache, committed):
        return committed
    (found,) = archive.resolve(tool, host, cache=cache)
    if found == committed:
        return found
    if found.version == committed.version:
        wrong = f"{found.name} {found.version} has other bytes than the lock says"
        raise InferpackError(f"Debian {tool.suite}", wrong, "ask why before you run it")
    console.warn(
        f"{found.name} {committed.version} → {found.version}:"
        " `./inv lock --upgrade` records the new one"
    )
    return found
