"""Programs that inferpack runs, out of verified Debian packages: never installed."""

from collections.abc import Iterable
from pathlib import Path

from inferpack import archive, console, deb, store
from inferpack.errors import InferpackError
from inferpack.model import Arch, Package
from inferpack.rungs import Tool


def ensure(
    tool: Tool, program: str, host: Arch, *, cache: Path, committed: tuple[Package, ...]
) -> Path:
    """The program of this name for `host`, taken from the tool's package once.

    Where Debian has moved on from the `committed` package, that is reported every time and the
    new one is used; the same version with other bytes is refused.
    """
    folder, wanted = cache / "tools", package_of(tool, committed)
    used = taken(folder, wanted, program)
    if used is None:
        with store.locked(folder):
            used = taken(folder, wanted, program)  # another process may have made it meanwhile
            if used is None:
                with console.step(f"{program} from Debian {tool.suite}"):
                    used = take(tool, program, host, cache=cache, wanted=wanted)
    if used != wanted:
        console.warn(
            f"{used.name} {wanted.version} → {used.version}:"
            " `./inv lock --upgrade` records the new one"
        )
    return target(folder, used, program)


def target(folder: Path, package: Package, program: str) -> Path:
    return folder / package.file.sha256 / program


def note(folder: Path, wanted: Package) -> Path:
    """Holds the package that was really used where this one was asked for."""
    return folder / f"{wanted.file.sha256}.json"


def taken(folder: Path, wanted: Package, program: str) -> Package | None:
    """The package whose program is there and whole, of those used for `wanted`."""
    used = store.read_record(note(folder, wanted), Package)
    return used if used and store.is_sealed(target(folder, used, program)) else None


def take(tool: Tool, program: str, host: Arch, *, cache: Path, wanted: Package) -> Package:
    """Takes the program out of the package, and returns that package."""
    folder, used = cache / "tools", fetch(tool, host, cache=cache, wanted=wanted)
    content = deb.extract(archive.deb_path(cache, used), f"{tool.folder}/{program}")
    path = target(folder, used, program)
    with store.whole_file(path) as temporary:
        temporary.write_bytes(content)
        temporary.chmod(0o755)
    store.seal(path)
    store.write_record(note(folder, wanted), used)
    return used


def fetch(tool: Tool, host: Arch, *, cache: Path, wanted: Package) -> Package:
    """The package whose file is in the cache: the wanted one, unless Debian has a newer."""
    if archive.intact(cache, wanted):
        return wanted
    found = package_of(tool, archive.resolve(tool, host, cache=cache))
    if found != wanted and found.version == wanted.version:
        wrong = f"{found.name} {found.version} has other bytes than the lock says"
        raise InferpackError(f"Debian {tool.suite}", wrong, "ask why before you run it")
    return found


def package_of(tool: Tool, packages: Iterable[Package]) -> Package:
    """The tool's own, by its name; others may be there because it depends on them."""
    name = tool.packages[0]
    found = next((package for package in packages if package.name == name), None)
    if found is None:
        raise InferpackError(f"Debian {tool.suite}", f"has no package {name}", "./inv lock")
    return found
