"""What a wheel is compiled against: headers and libraries out of the target's Debian packages.

It is another folder than the builder's own root, for every architecture: the same compilation
then happens on a machine of any.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inferpack import archive, console, deb, rootfs, store
from inferpack.deb import Deb
from inferpack.model import Arch, Package
from inferpack.rootfs import Link, Tree
from inferpack.tables import Record

PLACE = "opt/sysroot"  # in the builder's image
KEPT = (
    "*",
    *("!usr/include", "!usr/lib", "!usr/lib64", "!usr/share/cmake", "!usr/share/pkgconfig"),
    # Of some packages that is a link to the folder of another
    *("!usr/share/doc/*", "usr/share/doc/*/*", "!usr/share/doc/*/copyright"),
    "!usr/share/common-licenses",
    *("usr/lib/python3*", "!usr/lib/python3*/_sysconfigdata_*"),
    *("*/gconv", "*/lib*san.*", "*/libpython*.a", "usr/lib/systemd"),
)
SOURCES = tuple(
    Path(__file__).with_name(f"{name}.py") for name in ("archive", "deb", "rootfs", "sysroot")
)
ALTERNATIVE = re.compile(r"--(?:install|slave)\s+(/\S+)\s+\S+\s+(/\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """What a sysroot is asked of Debian: an `archive.Selection`."""

    suite: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltSysroot:
    """A sysroot on this machine's disk: `tar` is ready for `ADD`, `root` is it unpacked.

    A library's licence is root/usr/share/doc/PACKAGE/copyright; `owners` names the package of
    every library (its path below `root`).
    """

    arch: Arch
    digest: str
    tar: Path
    root: Path
    packages: tuple[Package, ...]
    owners: dict[str, str]


class SysrootRecord(Record, frozen=True):
    """sysroot.json beside the tar."""

    digest: str
    packages: tuple[Package, ...]
    owners: dict[str, str]


def headers(suite: str, python: str, packages: Iterable[str]) -> Headers:
    """What every C++ extension needs, the texts of licences, and what this one asks for beside."""
    common = {"base-files", "libc6-dev", "libstdc++-12-dev", f"libpython{python}-dev"}
    return Headers(suite=suite, packages=tuple(sorted(common | set(packages))))


def ensure(
    asked: Headers, arch: Arch, *, cache: Path, committed: tuple[Package, ...]
) -> BuiltSysroot:
    """The sysroot, made unless these packages have been unpacked before.

    Where Debian no longer has the `committed` packages, it has the newer ones, as a base would.
    """
    folder = cache / "sysroot" / key(asked, arch, committed)
    store.touch(folder / "sysroot.json")
    record = store.read_record(folder / "sysroot.json", SysrootRecord)
    if record is None:
        with store.locked(cache / "sysroot"):
            record = store.read_record(folder / "sysroot.json", SysrootRecord)
            if record is None:
                with console.step(f"sysroot for {arch}"):
                    record = build(asked, arch, cache=cache, committed=committed, folder=folder)
    return BuiltSysroot(
        arch=arch,
        digest=record.digest,
        tar=folder / "sysroot.tar",
        root=folder / "root" / PLACE,
        packages=record.packages,
        owners=record.owners,
    )


def key(asked: Headers, arch: Arch, committed: tuple[Package, ...]) -> str:
    """sha256 (hex) over all that it is made from, where Debian still has the packages."""
    code = [store.file_digest(path) for path in SOURCES]
    return store.digest(asked.suite, asked.packages, arch, committed, code)


def build(
    asked: Headers, arch: Arch, *, cache: Path, committed: tuple[Package, ...], folder: Path
) -> SysrootRecord:
    """Fills `folder` with sysroot.tar, root/ and sysroot.json, or leaves nothing."""
    cached = committed and all(archive.intact(cache, package) for package in committed)
    packages = committed if cached else archive.resolve(asked, arch, cache=cache)
    debs = tuple(deb.read(archive.deb_path(cache, item)) for item in packages)
    tree, owners = assembled(debs)
    moved = {f"{PLACE}/{name}": node for name, node in tree.items()}
    with store.whole_folder(folder) as temporary:
        (temporary / "root").mkdir()
        rootfs.write_folder(moved, temporary / "root")
        rootfs.write_tar(moved, temporary / "sysroot.tar")
        digest = store.file_digest(temporary / "sysroot.tar")
        record = SysrootRecord(digest=digest, packages=packages, owners=owners)
        store.write_record(temporary / "sysroot.json", record)
    return record


def assembled(debs: Iterable[Deb]) -> tuple[Tree, dict[str, str]]:
    """The packages' files that a compiler or a licence collector reads, and each library's owner.

    Links are relative, and so hold below any folder.
    """
    tree, owners = Tree(), dict[str, str]()
    for item in debs:
        own = rootfs.placed(rootfs.entries(item.data))
        tree |= own
        owners |= {name: item.name for name in own if ".so" in posixpath.basename(name)}
        tree |= dict(alternatives(item))
    whole = rootfs.without(rootfs.whole(tree), KEPT)
    kept = rootfs.whole(whole | rootfs.merged(whole))
    return kept, {name: owner for name, owner in sorted(owners.items()) if name in kept}


def alternatives(item: Deb) -> Iterator[tuple[str, Link]]:
    """The links that the package's script would ask update-alternatives for, read and not run.

    libopenblas.so is one.
    """
    script = item.records.get("postinst", b"").decode(errors="replace").replace("\\\n", " ")
    for link, path in ALTERNATIVE.findall(script):
        if "$" not in link + path:
            yield rootfs.canonical(link), Link(path)
