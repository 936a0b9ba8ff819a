"""A root file system in memory: from packages' files to one deterministic tar, or to a folder."""

import io
import os
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from inferpack.store import EPOCH

# Debian 12 keeps these folders below /usr; some of its packages still name the old places.
MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")

LINKS_MAX = 40  # as Linux: a longer chain is a loop


@dataclass(frozen=True, slots=True)
class File:
    """Two names of one File object are hard links."""

    data: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link; an absolute target starts at the image's root.

    It is written as a relative one, which holds wherever the tree is unpacked, unless a program
    compares it with what it wrote: `exact`.
    """

    target: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    mode: int = 0o755
    owner: int = 0


Node = File | Link | Folder
Tree = dict[str, Node]  # names have no leading slash: "usr/bin/python3.11"


def canonical(name: str) -> str:
    """Where a package's file really lies.

    >>> canonical("./lib64/ld.so"), canonical("./"), canonical("etc/hosts")
    ('usr/lib64/ld.so', '', 'etc/hosts')
    """
    name = posixpath.normpath("/" + name).lstrip("/")
    return f"usr/{name}" if name.partition("/")[0] in MERGED else name


def entries(archive: bytes) -> Iterator[tuple[str, Node]]:
    """A package's entries in its order, by its own absolute paths.

    They are owned by root, never setuid or setgid, writable by their owner only.
    """
    seen: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for info in tar:
            path = posixpath.normpath("/" + info.name)
            if info.isdir():
                seen[path] = Folder(info.mode & 0o755)
            elif info.issym():
                seen[path] = Link(info.linkname)
            elif info.islnk():
                seen[path] = seen[posixpath.normpath("/" + info.linkname)]
            elif (file := tar.extractfile(info)) is not None:
                seen[path] = File(file.read(), info.mode & 0o755)
            else:
                continue
            yield path, seen[path]


def placed(found: Iterable[tuple[str, Node]]) -> Tree:
    """A package's entries where they really lie."""
    return {name: node for path, node in found if (name := canonical(path))}


def whole(tree: Mapping[str, Node]) -> Tree:
    """The tree in order, with every parent folder, and links that hold wherever it is unpacked."""
    parents = {str(parent) for name in tree for parent in Path(name).parents} - {"."}
    full: Tree = {name: Folder() for name in parents} | dict(tree)
    return {name: relative(name, full[name]) for name in sorted(full)}


def relative(name: str, node: Node) -> Node:
    """An absolute link would lead out of a folder the tree is unpacked to."""
    if isinstance(node, Link) and node.target.startswith("/") and not node.exact:
        target, parent = canonical(node.target), posixpath.dirname(name)
        return Link(posixpath.relpath("/" + target, "/" + parent))
    return node


def merged(tree: Mapping[str, Node]) -> Tree:
    """The links from / to the folders that Debian 12 keeps below /usr."""
    used = {name.split("/")[1] for name in tree if name.startswith("usr/")}
    return {name: Link(f"usr/{name}") for name in MERGED if name in used}


def without(tree: Mapping[str, Node], rules: Iterable[str]) -> Tree:
    """The tree less what the globs name; the last rule that matches wins, `!` keeps.

    `*` also matches `/`; a rule that names a folder takes all below it. A folder that this empties
    goes too.
    """
    compiled = [
        (not rule.startswith("!"), re.compile(f"{translate(glob)}|{translate(glob + '/*')}"))
        for rule in rules
        for glob in [rule.removeprefix("!")]
    ]

    def gone(name: str) -> bool:
        verdicts = [drops for drops, pattern in compiled if pattern.match(name)]
        return bool(verdicts) and verdicts[-1]

    parents = {posixpath.dirname(name) for name in tree}
    leaves = {name for name in tree if name not in parents and not gone(name)}
    kept = leaves | {str(parent) for name in leaves for parent in Path(name).parents}
    return {name: node for name, node in tree.items() if name in kept}


def contents(tree: Mapping[str, Node]) -> dict[str, bytes]:
    """Every file's bytes, also under the names of links that lead straight to it."""
    found: dict[str, bytes] = {}
    for name, node in whole(tree).items():
        at, end = name, node
        for _ in range(LINKS_MAX):
            if isinstance(end, Link):
                at = canonical(posixpath.join("/", posixpath.dirname(at), end.target))
                end = tree.get(at, Folder())
        if isinstance(end, File):
            found[name] = end.data
    return found


def write_tar(tree: Mapping[str, Node], path: Path) -> None:
    """The same tree gives the same bytes: sorted, root's (or a folder's owner's), one time."""
    seen: dict[int, str] = {}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, node in whole(tree).items():
            info = tarfile.TarInfo(name)
            info.mtime = EPOCH
            match node:
                case Folder(mode=mode, owner=owner):
                    info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, owner, owner
                case Link(target=target):
                    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
                case File(mode=mode) if id(node) in seen:
                    info.type, info.mode, info.linkname = tarfile.LNKTYPE, mode, seen[id(node)]
                case File(data=data, mode=mode):
                    seen[id(node)] = name
                    info.mode, info.size = mode, len(data)
                    tar.addfile(info, io.BytesIO(data))
                    continue
            tar.addfile(info)


def write_folder(tree: Mapping[str, Node], root: Path) -> None:
    """The same tree on this machine's disk, owned by whoever asks."""
    for name, node in whole(tree).items():
        path = root / name
        match node:
            case Folder(mode=mode):
                path.mkdir(exist_ok=True)
                path.chmod(mode)
            case Link(target=target):
                path.symlink_to(target)
            case File(data=data, mode=mode):
                path.write_bytes(data)
                path.chmod(mode)


def bytecode(root: Path) -> Tree:
    """The .pyc files that lie in an unpacked tree."""
    return {
        os.fspath(path.relative_to(root)): File(path.read_bytes())
        for path in root.rglob("__pycache__/*.pyc")
    }
