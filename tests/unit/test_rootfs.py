"""The root file system in memory, as a tar and as a folder."""

import io
import tarfile
from pathlib import Path

import pytest

from inferpack import deb, rootfs
from inferpack.rootfs import Folder, Link
from inferpack.store import EPOCH
from tests.unit.debs import tar_of, write_deb


@pytest.fixture
def tiny(tmp_path: Path) -> deb.Deb:
    return deb.read(write_deb(tmp_path / "tiny.deb", setuid=True))


class TestTree:
    def test_packages_lie_below_usr_and_belong_to_root_alone(self, tiny: deb.Deb) -> None:
        program = rootfs.File(b"\0program", 0o755)
        assert rootfs.whole(rootfs.placed(rootfs.entries(tiny.data))) == {
            "etc": Folder(),
            "etc/tiny": Link("../usr/bin/tiny"),
            "usr": Folder(),
            "usr/bin": Folder(),
            "usr/bin/tiny": program,
            "usr/bin/tiny-again": program,
            "usr/share": Folder(),
            "usr/share/man": Folder(),
            "usr/share/man/tiny.1": rootfs.File(b"manual"),
            "var": Folder(),
            "var/drop": Folder(0o755),
        }

    def test_hard_links_stay_hard_links(self, tiny: deb.Deb, tmp_path: Path) -> None:
        archive = tar_of(rootfs.placed(rootfs.entries(tiny.data)), tmp_path / "x.tar")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            assert tar.getmember("usr/bin/tiny-again").linkname == "usr/bin/tiny"
            assert tar.getmember("usr/bin/tiny").size == len(b"\0program")

    def test_the_same_tree_gives_the_same_bytes_in_any_order(self, tmp_path: Path) -> None:
        one, long = rootfs.File(b"1"), "usr/share/" + "long/" * 60 + "Főtanúsítvány.crt"
        tree: rootfs.Tree = {
            "b": one,
            "a/c": one,
            "a/b": Link("c"),
            "tmp": Folder(0o1777),
            long: one,
        }
        backwards = dict(reversed(tree.items()))
        assert tar_of(tree, tmp_path / "1") == tar_of(backwards, tmp_path / "2")

    def test_every_member_has_the_same_time_and_no_names_of_users(self, tmp_path: Path) -> None:
        tree: rootfs.Tree = {"home/me": Folder(owner=10001), "tmp": Folder(0o1777)}
        with tarfile.open(fileobj=io.BytesIO(tar_of(tree, tmp_path / "x.tar"))) as tar:
            assert [(m.name, m.mode, m.uid, m.gid, m.uname, m.mtime) for m in tar] == [
                ("home", 0o755, 0, 0, "", EPOCH),
                ("home/me", 0o755, 10001, 10001, "", EPOCH),
                ("tmp", 0o1777, 0, 0, "", EPOCH),
            ]

    def test_a_folder_holds_what_the_tar_does(self, tiny: deb.Deb, tmp_path: Path) -> None:
        rootfs.write_folder(rootfs.placed(rootfs.entries(tiny.data)), tmp_path)
        assert (tmp_path / "etc/tiny").read_bytes() == b"\0program"
        assert (tmp_path / "usr/bin/tiny").stat().st_mode & 0o7777 == 0o755

    def test_links_are_followed_to_bytes_and_loops_do_not_hang(self) -> None:
        tree: rootfs.Tree = {
            "usr/lib/libz.so.1.2": rootfs.File(b"z"),
            "usr/lib/libz.so.1": Link("libz.so.1.2"),
            "usr/lib/libz.so": Link("/lib/libz.so.1"),
            "loop": Link("loop2"),
            "loop2": Link("loop"),
            "gone": Link("nowhere"),
        }
        assert rootfs.contents(tree) == {
            "usr/lib/libz.so": b"z",
            "usr/lib/libz.so.1": b"z",
            "usr/lib/libz.so.1.2": b"z",
        }


class TestRemove:
    TREE = rootfs.whole(
        {
            "usr/share/doc/a/copyright": rootfs.File(b""),
            "usr/share/doc/a/changelog.gz": rootfs.File(b""),
            "usr/share/doc/b": Link("a"),
            "usr/share/man/man1/a.1": rootfs.File(b""),
            "usr/lib/liba.a": rootfs.File(b""),
            "run": Folder(),
        }
    )

    def left(self, *rules: str) -> list[str]:
        return [name for name in rootfs.without(self.TREE, rules) if name.count("/") != 1]

    def test_licences_stay(self) -> None:
        assert self.left("usr/share/doc/*/*", "!usr/share/doc/*/copyright", "*.a") == [
            "run",
            "usr",
            "usr/share/doc",
            "usr/share/doc/a",
            "usr/share/doc/a/copyright",
            "usr/share/doc/b",
            "usr/share/man",
            "usr/share/man/man1",
            "usr/share/man/man1/a.1",
        ]

    def test_a_folder_goes_with_all_below_and_takes_emptied_parents_along(self) -> None:
        assert self.left("usr/share", "run") == ["usr", "usr/lib/liba.a"]

    def test_no_rule_removes_nothing(self) -> None:
        assert rootfs.without(self.TREE, ()) == self.TREE
