"""The dynamic loader's cache and closure, without running ldconfig: works for any architecture."""

import io
import posixpath
import re
import struct
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from inferpack.model import Arch

# struct cache_file_new and file_entry_new, and FLAG_ELF_LIBC6 | FLAG_…_LIB64:
# https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/dl-cache.h
HEADER = struct.Struct("<17s3sIIB3xI12x")
ENTRY = struct.Struct("<iIIIQ")
MAGIC, VERSION, LITTLE_ENDIAN, NO_EXTENSION = b"glibc-ld.so.cache", b"1.1", 2, 0
ELF, MACHINE = b"\x7fELF", slice(18, 20)  # where e_machine is
MACHINES = {Arch.AMD64: b"\x3e\0", Arch.ARM64: b"\xb7\0"}
FLAGS = {Arch.AMD64: 0x0303, Arch.ARM64: 0x0A03}


def encode(libraries: Mapping[str, str], arch: Arch) -> bytes:
    """The bytes of /etc/ld.so.cache for SONAMEs and their absolute paths, which end in them.

    A key is the end of its own path in the string table, so only paths are stored.
    """
    order = sorted(libraries, key=rank, reverse=True)
    start = HEADER.size + ENTRY.size * len(order)
    entries, strings = b"", b""
    for soname in order:
        path = libraries[soname].encode()
        value = start + len(strings)
        key = value + len(path) - len(soname)
        entries += ENTRY.pack(FLAGS[arch], key, value, 0, 0)
        strings += path + b"\0"
    header = HEADER.pack(MAGIC, VERSION, len(order), len(strings), LITTLE_ENDIAN, NO_EXTENSION)
    return header + entries + strings


def rank(soname: str) -> list[tuple[int, int]]:
    """The loader's order (_dl_cache_libcmp): digits after other characters, numbers by value.

    >>> sorted(["libz.so.1", "liba.so.10", "liba.so.9", "liba2.so"], key=rank)
    ['liba.so.9', 'liba.so.10', 'liba2.so', 'libz.so.1']
    """
    return [
        (1, int(token)) if token.isdigit() else (0, ord(token))
        for token in re.findall(r"[0-9]+|[^0-9]", soname)
    ]


def libraries(files: Mapping[str, bytes], folders: tuple[str, ...]) -> dict[str, str]:
    """SONAME to absolute path, for the libraries that lie directly in `folders`; the first wins.

    `files` holds links too, each with the bytes it leads to.
    """
    found: dict[str, str] = {}
    for folder in folders:
        for name, data in files.items():
            parent, _, base = name.rpartition("/")
            if parent != folder or not library(base):
                continue
            if (soname := dynamic(data, "DT_SONAME")) and f"{folder}/{soname[0]}" in files:
                found.setdefault(soname[0], f"{written(folder)}/{soname[0]}")
    return found


def written(folder: str) -> str:
    """A folder as ld.so.conf on Debian 12 first names it, and so as ldconfig writes it.

    >>> written("usr/lib/x86_64-linux-gnu"), written("usr/local/lib")
    ('/lib/x86_64-linux-gnu', '/usr/local/lib')
    """
    return "/" + (folder.removeprefix("usr/") if folder.startswith("usr/lib") else folder)


def library(name: str) -> bool:
    """What ldconfig takes for a library by its name."""
    return fnmatchcase(name, "lib*.so*") or fnmatchcase(name, "ld-*.so*")


def missing(files: Mapping[str, bytes], known: Mapping[str, str], arch: Arch) -> Iterator[str]:
    """A line for each library that a file needs and the loader would not find.

    A cross-compiler brings libraries of another architecture, which are not for this loader.
    """
    for name, data in files.items():
        if data.startswith(ELF) and data[MACHINE] != MACHINES[arch]:
            continue
        for soname in dynamic(data, "DT_NEEDED"):
            beside = posixpath.join(posixpath.dirname(name), soname)
            if soname not in known and beside not in files:
                yield f"{soname}, needed by /{name}"


def dynamic(data: bytes, tag: str) -> list[str]:
    """The values of a dynamic tag (DT_SONAME, DT_NEEDED); none where the file is not ELF."""
    if not data.startswith(ELF):
        return []
    try:
        sections = ELFFile(io.BytesIO(data)).iter_sections()
        found = next((item for item in sections if isinstance(item, DynamicSection)), None)
    except ELFError:
        return []
    attribute = tag.removeprefix("DT_").lower()
    return [getattr(item, attribute) for item in found.iter_tags(tag)] if found else []
