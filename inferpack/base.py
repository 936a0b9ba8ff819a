"""The base root file system: assembled from verified Debian packages, cached by digest."""

import platform
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inferpack import archive, console, deb, debian, process, rootfs, store
from inferpack.bases import Base
from inferpack.errors import InferpackError
from inferpack.model import Arch, Package
from inferpack.rootfs import Node
from inferpack.tables import Record

SOURCES = tuple(
    Path(__file__).with_name(f"{name}.py")
    for name in (
        *("alternatives", "archive", "base", "deb", "debian", "dpkg", "ldcache", "rootfs"),
        "scripts",
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltBase:
    """A base on this machine's disk: `tar` is ready for `ADD base.tar /`, `root` is it unpacked.

    Of a dev flavour's that another's Python compiled, `root` holds only Python's modules.
    """

    arch: Arch
    digest: str
    tar: Path
    root: Path
    packages: tuple[Package, ...]


class BaseRecord(Record, frozen=True):
    """base.json beside the tar: its sha256 and what it was made from."""

    digest: str
    packages: tuple[Package, ...]


def ensure(
    name: str,
    base: Base,
    arch: Arch,
    *,
    cache: Path,
    committed: tuple[Package, ...],
    compiler: BuiltBase | None = None,
) -> BuiltBase:
    """The base, built unless these inputs have been built before.

    `compiler` is a base whose Python runs on this machine; it byte-compiles the base of another
    architecture or flavour. For another architecture it is made from Debian's current packages
    where none is given. Where Debian has moved on from the `committed` packages, each change is
    reported and the base has the new ones.
    """
    folder = cache / "base" / key(base, arch, committed)
    record = known(folder)
    if record is None:
        if arch is not native() and compiler is None:
            compiler = ensure(name, base, native(), cache=cache, committed=())
        with store.locked(cache / "base"):
            record = known(folder)
            if record is None:
                with console.step(f"base {name} for {arch}"):
                    record = build(
                        base,
                        arch,
                        cache=cache,
                        committed=committed,
                        compiler=compiler,
                        folder=folder,
                    )
    if committed:
        report(name, changes(committed, record.packages))
    return BuiltBase(
        arch=arch,
        digest=record.digest,
        tar=folder / "base.tar",
        root=folder / "root",
        packages=record.packages,
    )


def key(base: Base, arch: Arch, committed: tuple[Package, ...]) -> str:
    """sha256 (hex) of all that is known beforehand of what a base is made from."""
    return store.digest(base, arch, committed, [store.file_digest(path) for path in SOURCES])


def known(folder: Path) -> BaseRecord | None:
    """What is on record of a base, used just now."""
    store.touch(folder / "base.json")
    return store.read_record(folder / "base.json", BaseRecord)


def check(built: BuiltBase) -> None:
    """Raises InferpackError, and removes the base, where its tar is not what it was."""
    if built.tar.exists() and store.file_digest(built.tar) == built.digest:
        return
    shutil.rmtree(built.tar.parent, ignore_errors=True)
    hint = "run the command again: it is made anew"
    raise InferpackError(str(built.tar), "was damaged in the cache, and is removed", hint)


def build(
    base: Base,
    arch: Arch,
    *,
    cache: Path,
    committed: tuple[Package, ...],
    compiler: BuiltBase | None,
    folder: Path,
) -> BaseRecord:
    """Fills `folder` with base.tar, root/ and base.json, or leaves nothing."""
    cached = committed and all(archive.intact(cache, package) for package in committed)
    packages = committed if cached else archive.resolve(base, arch, cache=cache)
    tree = debian.install(
        (deb.read(archive.deb_path(cache, item)) for item in packages), base, arch
    )
    with store.whole_folder(folder) as temporary:
        root = temporary / "root"
        root.mkdir()
        is_only_compiled = compiler is not None and debian.is_whole(packages)
        rootfs.write_folder(sources(tree) if is_only_compiled else tree, root)
        python = interpreter(root, arch) if compiler is None else python_command(compiler)
        compile_stdlib(python, root, base, log=cache / "logs" / f"base-{arch}-compileall.log")
        rootfs.write_tar(tree | rootfs.bytecode(root), temporary / "base.tar")
        digest = store.file_digest(temporary / "base.tar")
        record = BaseRecord(digest=digest, packages=packages)
        store.write_record(temporary / "base.json", record)
    return record


def sources(tree: Mapping[str, Node]) -> rootfs.Tree:
    """What there is to compile of Python's and Debian's modules."""
    return {
        name: node
        for name, node in tree.items()
        if name.startswith("usr/lib/python3") and name.endswith(".py")
    }


def changes(committed: Iterable[Package], found: Iterable[Package]) -> tuple[str, ...]:
    """What differs between two package lists, a line for each package."""
    old = {package.name: package for package in committed}
    new = {package.name: package for package in found}
    both = sorted(old.keys() & new.keys())
    return (
        *(change(old[name], new[name]) for name in both if old[name] != new[name]),
        *(f"added {name} {new[name].version}" for name in sorted(new.keys() - old.keys())),
        *(f"dropped {name}" for name in sorted(old.keys() - new.keys())),
    )


def change(before: Package, after: Package) -> str:
    if before.version != after.version:
        return f"{after.name} {before.version} → {after.version}"
    return f"{after.name} {after.version} has other bytes: sha256 {after.file.sha256[:12]}…"


def report(name: str, lines: tuple[str, ...]) -> None:
    for line in lines:
        console.warn(f"base {name}: {line}")
    if lines:
        console.warn(f"base {name}: `./inv lock --upgrade` records this package list")


def python_command(built: BuiltBase) -> list[str]:
    """The command that runs the base's own Python on this machine, apart from the user's settings.

    Raises InferpackError where this machine is of another architecture.
    """
    if built.arch is not native():
        hint = f"use the {native()} base's Python"
        raise InferpackError(f"base for {built.arch}", "does not run on this machine", hint)
    return interpreter(built.root, built.arch)


def python_digest(packages: Iterable[Package]) -> str:
    """Names a base's Python: what it compiles depends on no other package."""
    return store.digest([item.file.sha256 for item in packages if "python" in item.name])


def interpreter(root: Path, arch: Arch) -> list[str]:
    """Python in an unpacked root through the root's own loader: no chroot, no privileges.

    Python finds its library beside its own path, so it needs no PYTHONHOME.
    """
    libraries = root / "usr/lib" / arch.multiarch
    loader = {Arch.AMD64: "ld-linux-x86-64.so.2", Arch.ARM64: "ld-linux-aarch64.so.1"}[arch]
    command = [libraries / loader, "--library-path", libraries, root / "usr/bin/python3"]
    return [*map(str, command), "-I", "-B"]


def compile_stdlib(python: list[str], root: Path, base: Base, *, log: Path) -> None:
    """Byte-compiles the standard library, in one process: its history shows in marshal's flags.

    So are Debian's packages of Python modules, where there are some. unchecked-hash: the .pyc
    files hold no time stamp, and are never compared with their sources.
    """
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/"]
    folders = [root / f"usr/lib/python{base.python}", root / "usr/lib/python3"]
    found = [str(folder) for folder in folders if folder.exists()]
    process.run([*python, "-m", "compileall", *options, *found], log=log, quiet=True, writes=root)


def native() -> Arch:
    """This machine's architecture."""
    return next(arch for arch in Arch if arch.machine == platform.machine())
