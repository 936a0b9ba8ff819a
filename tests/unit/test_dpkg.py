"""dpkg's database, written without dpkg."""

from pathlib import Path

from inferpack import dpkg, rootfs
from inferpack.deb import Deb
from inferpack.rootfs import File, Folder, Link, Tree
from tests.unit.debs import made

TEXT_MD5 = "1cb251ec0d568de6a929b520c4aed8d1"  # of "text"


def recorded(*debs: Deb) -> Tree:
    return dpkg.database((deb, dict(rootfs.entries(deb.data))) for deb in debs)


def test_a_package_is_recorded_as_dpkg_would(tmp_path: Path) -> None:
    tool = made(
        "tool",
        {"bin": Folder(), "bin/tool": File(b"text", 0o755), "etc/tool": File(b"text")},
        tmp_path / "x",
        fields="Depends: libc6\n",
        md5sums=f"{TEXT_MD5}  bin/tool\n",
        conffiles="/etc/tool\nremove-on-upgrade /etc/tool-old\n",
        postinst="#!/bin/sh\n",
    )
    assert recorded(tool) == {
        "var/lib/dpkg/info/format": File(b"1\n"),
        "var/lib/dpkg/info/tool.list": File(b"/bin\n/bin/tool\n/etc\n/etc/tool\n"),
        "var/lib/dpkg/info/tool.md5sums": File(f"{TEXT_MD5}  bin/tool\n".encode()),
        "var/lib/dpkg/info/tool.conffiles": File(b"/etc/tool\nremove-on-upgrade /etc/tool-old\n"),
        "var/lib/dpkg/info/tool.postinst": File(b"#!/bin/sh\n", 0o755),
        "var/lib/dpkg/status": File(
            b"Package: tool\n"
            b"Status: install ok installed\n"
            b"Version: 1.0-1\n"
            b"Architecture: amd64\n"
            b"Depends: libc6\n"
            b"Description: tool\n"
            b"Conffiles:\n"
            b" /etc/tool " + TEXT_MD5.encode() + b"\n"
            b" /etc/tool-old newconffile remove-on-upgrade\n"
        ),
        "var/lib/dpkg/triggers/File": File(b""),
        "var/lib/dpkg/triggers/Unincorp": File(b""),
    }


def test_packages_are_apart_by_an_empty_line_and_sorted(tmp_path: Path) -> None:
    debs = [made(name, {"x": File(b"")}, tmp_path / "x") for name in ("b", "a")]
    status = recorded(*debs)["var/lib/dpkg/status"]
    assert isinstance(status, File)
    assert [text.splitlines()[0] for text in status.data.decode().split("\n\n")] == [
        "Package: a",
        "Package: b",
    ]


def test_a_library_for_several_architectures_carries_its_own_in_its_files(tmp_path: Path) -> None:
    library = made(
        "libx1",
        {"usr/lib/libx.so.1": File(b"text"), "usr/lib/libx.so": Link("libx.so.1")},
        tmp_path / "x",
        fields="Multi-Arch: same\n",
        triggers="# made by a tool\nactivate-noawait ldconfig\n",
    )
    found = recorded(library)
    assert {name for name in found if "info/libx1" in name} == {
        "var/lib/dpkg/info/libx1:amd64.list",
        "var/lib/dpkg/info/libx1:amd64.md5sums",
        "var/lib/dpkg/info/libx1:amd64.triggers",
    }
    sums = f"{TEXT_MD5}  usr/lib/libx.so.1\n".encode()
    assert found["var/lib/dpkg/info/libx1:amd64.md5sums"] == File(sums)


def test_triggers_name_who_is_interested_and_who_does_not_wait(tmp_path: Path) -> None:
    debs = [
        made("libc-bin", {"x": File(b"")}, tmp_path / "x", triggers="interest-await ldconfig\n"),
        made("shells", {"x": File(b"")}, tmp_path / "x", triggers="interest-noawait /usr/s.d\n"),
    ]
    assert dpkg.triggers(debs) == {
        "var/lib/dpkg/triggers/File": File(b"/usr/s.d shells/noawait\n"),
        "var/lib/dpkg/triggers/Unincorp": File(b""),
        "var/lib/dpkg/triggers/ldconfig": File(b"libc-bin\n"),
    }
