"""A sysroot out of made-up packages: what a compiler reads, by links that hold anywhere."""

from pathlib import Path

from inferpack import rootfs, sysroot
from inferpack.rootfs import File, Folder, Link
from tests.unit import debs

SCRIPT = """#! /bin/sh
update-alternatives --install /usr/lib/x86_64-linux-gnu/libfast.so \\
                    libfast.so-x86_64-linux-gnu \\
                    /usr/lib/x86_64-linux-gnu/fast/libfast.so 100 \\
                    --slave /usr/include/fast.h \\
                    fast.h /usr/include/fast/fast.h
update-alternatives --install $LINK name /usr/bin/x 5
"""


def test_it_has_headers_libraries_and_licences_and_nothing_to_run(tmp_path: Path) -> None:
    files: rootfs.Tree = {
        "/bin/tool": File(b"", 0o755),
        "/lib/x86_64-linux-gnu/libplain.so.1": File(b"p"),
        "/usr/include/plain.h": File(b"h"),
        "/usr/lib/python3.11/os.py": File(b""),
        "/usr/lib/python3.11/_sysconfigdata__x86_64-linux-gnu.py": File(b"c"),
        "/usr/share/common-licenses/MIT-like": File(b"m"),
        "/usr/share/doc/plain/changelog.gz": File(b""),
        "/usr/share/doc/plain/copyright": File(b"l"),
        "/usr/share/doc/plain-tools": Link("plain"),
    }
    tree, owners = sysroot.assembled([debs.made("plain", files, tmp_path / "x")])
    assert {name: node for name, node in tree.items() if not isinstance(node, Folder)} == {
        "lib": Link("usr/lib"),
        "usr/include/plain.h": File(b"h"),
        "usr/lib/python3.11/_sysconfigdata__x86_64-linux-gnu.py": File(b"c"),
        "usr/lib/x86_64-linux-gnu/libplain.so.1": File(b"p"),
        "usr/share/common-licenses/MIT-like": File(b"m"),
        "usr/share/doc/plain/copyright": File(b"l"),
        "usr/share/doc/plain-tools": Link("plain"),
    }
    assert owners == {"usr/lib/x86_64-linux-gnu/libplain.so.1": "plain"}


def test_alternatives_are_read_out_of_a_script_that_never_runs(tmp_path: Path) -> None:
    files: rootfs.Tree = {
        "/usr/include/fast/fast.h": File(b"h"),
        "/usr/lib/x86_64-linux-gnu/fast/libfast.so": File(b"f"),
    }
    made = debs.made("fast", files, tmp_path / "x", postinst=SCRIPT)
    tree, _ = sysroot.assembled([made])
    assert tree["usr/lib/x86_64-linux-gnu/libfast.so"] == Link("fast/libfast.so")
    assert tree["usr/include/fast.h"] == Link("fast/fast.h")
    assert not [name for name in tree if "bin" in name]


def test_what_is_asked_for_is_sorted_and_said_once() -> None:
    asked = sysroot.headers("bookworm", "3.11", ["zlib1g-dev", "libc6-dev"])
    assert asked.packages == (
        "base-files",
        "libc6-dev",
        "libpython3.11-dev",
        "libstdc++-12-dev",
        "zlib1g-dev",
    )
