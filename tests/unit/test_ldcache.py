"""/etc/ld.so.cache, read back the way the loader reads it."""

import platform
import struct
import sys
from pathlib import Path

import pytest

from inferpack import ldcache
from inferpack.model import Arch

LIBRARIES = {
    "libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6",
    "libz.so.1": "/lib/x86_64-linux-gnu/libz.so.1",
    "libfoo.so.10": "/usr/local/lib/libfoo.so.10",
    "libfoo.so.9": "/usr/local/lib/libfoo.so.9",
}


def read(cache: bytes) -> list[tuple[int, str, str]]:
    """Flags, SONAME and path of every entry, by glibc's dl-cache.h."""
    assert cache[:20] == b"glibc-ld.so.cache1.1"
    count, strings = struct.unpack_from("<II", cache, 20)
    assert cache[28] == 2  # little endian
    assert cache[29:48] == bytes(19)  # padding, no extension, unused
    assert len(cache) == 48 + 24 * count + strings

    def text(at: int) -> str:
        return cache[at : cache.index(b"\0", at)].decode()

    entries = [struct.unpack_from("<iIIIQ", cache, 48 + 24 * index) for index in range(count)]
    return [(flags, text(key), text(value)) for flags, key, value, _, _ in entries]


def test_entries_are_in_the_order_of_the_loaders_binary_search() -> None:
    assert read(ldcache.encode(LIBRARIES, Arch.AMD64)) == [
        (0x0303, "libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1"),
        (0x0303, "libfoo.so.10", "/usr/local/lib/libfoo.so.10"),
        (0x0303, "libfoo.so.9", "/usr/local/lib/libfoo.so.9"),
        (0x0303, "libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"),
    ]


def test_arm64_entries_have_their_own_flag() -> None:
    libraries = {"libm.so.6": "/lib/aarch64-linux-gnu/libm.so.6"}
    assert read(ldcache.encode(libraries, Arch.ARM64)) == [
        (0x0A03, "libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6")
    ]


def test_the_order_of_the_input_does_not_show() -> None:
    backwards = dict(reversed(LIBRARIES.items()))
    assert ldcache.encode(LIBRARIES, Arch.AMD64) == ldcache.encode(backwards, Arch.AMD64)


def test_no_libraries_make_an_empty_cache() -> None:
    assert read(ldcache.encode({}, Arch.AMD64)) == []


@pytest.mark.parametrize(
    ("name", "is_library"),
    [
        ("libc.so.6", True),
        ("ld-linux-aarch64.so.1", True),
        ("libstdc++.so.6.0.30-gdb.py", True),  # by its name; its bytes say otherwise
        ("_ssl.cpython-311-x86_64-linux-gnu.so", False),
        ("legacy.so", False),
    ],
)
def test_ldconfig_goes_by_the_name(name: str, is_library: bool) -> None:
    assert ldcache.library(name) is is_library


def test_a_file_that_is_not_elf_names_no_libraries() -> None:
    files = {"usr/lib/libx.so": b"INPUT(-lx)", "usr/lib/liby.so": b"\x7fELFbroken"}
    assert ldcache.libraries(files, ("usr/lib",)) == {}
    assert list(ldcache.missing(files, {}, Arch.AMD64)) == []


def test_what_a_cross_compiler_brings_is_not_for_this_loader() -> None:
    files = {"usr/bin/python3": Path(sys.executable).read_bytes()}
    found = {arch: list(ldcache.missing(files, {}, arch)) for arch in Arch}
    own = next(arch for arch in Arch if arch.machine == platform.machine())
    assert "libc.so.6, needed by /usr/bin/python3" in found.pop(own)
    assert list(found.values()) == [[]]
