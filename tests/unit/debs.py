"""Made-up Debian packages for tests."""

from pathlib import Path

from inferpack import deb, rootfs
from inferpack.model import File, Package
from inferpack.rootfs import Folder, Link


def package(name: str, version: str, sha256: str = "0" * 64) -> Package:
    file = File(name=f"{name}_{version}_amd64.deb", size=1, sha256=sha256)
    return Package(name=name, version=version, arch="amd64", file=file)


def tar_of(tree: rootfs.Tree, path: Path) -> bytes:
    rootfs.write_tar(tree, path)
    return path.read_bytes()


def ar(**members: bytes) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        file = name.replace("_", ".", 1)
        parts.append(f"{file:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def write_deb(path: Path, *, version: str = "2:1.0-3", setuid: bool = False) -> Path:
    """A package `tiny` with a program, a hard link to it, an absolute link and a man page."""
    control = f"Package: tiny\nVersion: {version}\nArchitecture: amd64\nDescription: small\n more\n"
    sums = "aa  usr/bin/tiny\nbb  usr/share/man/tiny.1\n"
    files: rootfs.Tree = {"control": rootfs.File(control.encode())}
    files["md5sums"] = rootfs.File(sums.encode())
    program = rootfs.File(b"\0program", 0o4755 if setuid else 0o755)
    data: rootfs.Tree = {
        "bin": Folder(),
        "bin/tiny": program,
        "bin/tiny-again": program,
        "etc/tiny": Link("/bin/tiny"),
        "usr/share/man/tiny.1": rootfs.File(b"manual"),
        "var/drop": Folder(0o777),
    }
    scratch = path.with_suffix(".tar")
    path.write_bytes(
        ar(
            debian_binary=b"2.0\n",
            control_tar=tar_of(files, scratch),
            data_tar=tar_of(data, scratch),
        )
    )
    return path


def made(name: str, files: rootfs.Tree, path: Path, *, fields: str = "", **records: str) -> deb.Deb:
    """A package in memory, of files by their own paths; `path` is scratch."""
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\n{fields}"
    return deb.Deb(
        control=f"{control}Description: {name}\n",
        records={key: text.encode() for key, text in records.items()},
        data=tar_of({key.lstrip("/"): node for key, node in files.items()}, path),
    )
