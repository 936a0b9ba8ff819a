"""Where two images differ: in which layer, in which file of it, in which field of their config."""

import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from typing import IO, cast

import msgspec

from inferpack.difference import Change, other
from inferpack.layout import Config

ABSENT = "absent"
LAYERS = "rootfs.diff_ids"
MANIFEST = ("layers[", "config.digest", "config.size", "annotations", "mediaType")
PACKAGE, PACKAGES = "Debian package ", "io.inferpack.base.packages"
KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.LNKTYPE: "hard link",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.DIRTYPE: "folder",
    tarfile.FIFOTYPE: "FIFO",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A member of a layer: its kind, and every other fact of it as text."""

    kind: str
    facts: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind} {self.facts.get('content', '')}".rstrip()


def entries(tar: IO[bytes]) -> dict[str, Entry]:
    """A layer's members by path, read as a stream; contents are hashed, never held."""
    with tarfile.open(fileobj=tar, mode="r|") as members:
        return {member.name: entry(members, member) for member in members}


def entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    kind, facts = KINDS.get(member.type, repr(member.type)), {}
    if member.isreg():
        content = cast(BufferedReader, tar.extractfile(member))
        facts["content"] = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
    if member.issym() or member.islnk():
        facts["target"] = member.linkname
    if member.isdev():
        facts["device"] = f"{member.devmajor}:{member.devminor}"
    facts["mode"] = f"{member.mode:04o}"
    facts["owner"] = f"{member.uid}:{member.gid}"
    facts["owner's name"] = f"{member.uname}:{member.gname}"
    facts["mtime"] = str(member.mtime)
    attributes = {name: text for name, text in member.pax_headers.items() if "xattr" in name}
    return Entry(kind=kind, facts=facts | attributes)


def first_file(
    old: Mapping[str, Entry], new: Mapping[str, Entry], *, of: str
) -> tuple[Change, ...]:
    """How the first path differs that differs at all; folders come after what is in them."""
    for name in sorted(old.keys() | new.keys(), key=lambda name: (is_folder(name, old, new), name)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or before.kind != after.kind:
            changed = other(of + name, told(before), told(after))
        else:
            changed = compared(before.facts, after.facts, of=f"{of}{name} ")[:1]
        if changed:
            return changed
    return ()


def is_folder(name: str, *sides: Mapping[str, Entry]) -> bool:
    return all(side[name].kind == "folder" for side in sides if name in side)


def told(found: Entry | None) -> str:
    return ABSENT if found is None else str(found)


def compared(old: Mapping[str, str], new: Mapping[str, str], *, of: str = "") -> tuple[Change, ...]:
    """Every fact that differs, in the order of the facts."""
    return tuple(
        change
        for name in dict.fromkeys((*old, *new))
        for change in other(f"{of}{name}", old.get(name, ABSENT), new.get(name, ABSENT))
    )


def packages(old: Config, new: Config) -> tuple[Change, ...]:
    """Debian packages of the base that differ, as the labels name them."""
    before, after = (
        {name: version for name, _, version in (word.partition("=") for word in listed.split())}
        for listed in (config.labels.get(PACKAGES, "") for config in (old, new))
    )
    return compared(before, after, of=PACKAGE)


def fields(old: bytes, new: bytes) -> tuple[Change, ...]:
    """Fields of two JSON documents that differ, each with its path.

    Of two configs without what is told elsewhere and better: layers file by file, and packages one
    by one.
    """
    before, after = (dict(flat(msgspec.json.decode(text))) for text in (old, new))
    return tuple(
        change
        for change in compared(before, after)
        if not change.what.startswith(LAYERS) and not change.what.endswith(PACKAGES)
    )


def without_history(changes: Iterable[Change]) -> tuple[Change, ...]:
    """A config's history repeats its layers and its other fields."""
    return tuple(change for change in changes if not change.what.startswith("history"))


def flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of a JSON value, under its path.

    >>> dict(flat({"config": {"Env": ["A=1"], "Labels": {}}}))
    {'config.Env[0]': '"A=1"', 'config.Labels': '{}'}
    """
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from flat(inner, f"{path}.{name}".removeprefix("."))
        case list() if value:
            for place, inner in enumerate(value):
                yield from flat(inner, f"{path}[{place}]")
        case _:
            yield path, msgspec.json.encode(value).decode()


def advice(changes: Sequence[Change]) -> str:
    """What may be behind the first of the changes."""
    match changes:
        case [Change(what=what), *_] if what.startswith(PACKAGE):
            return (
                "packages that Debian's archive no longer has cannot be had again:"
                " only a .cache/debs that still holds them makes the same image"
            )
        case [Change(what=what), *_] if what.startswith(MANIFEST):
            return "every file and setting is the same: another BuildKit compresses them otherwise"
    return "what has been published is not what its labels say"
