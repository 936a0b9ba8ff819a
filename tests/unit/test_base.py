"""The base from made-up packages: no network, no mmdebstrap, no Docker."""

import hashlib
import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from inferpack import base, deb, debian, rootfs
from inferpack.errors import InferpackError
from inferpack.model import Arch, Base, File, Package, Python
from inferpack.rootfs import Folder, Link

RECIPES = Path(__file__).parents[2] / "recipes"
PLAIN = Base(suite="bookworm", glibc="2.36", python=Python.PY311, packages=("tiny",))


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


@pytest.fixture
def tiny(tmp_path: Path) -> deb.Deb:
    return deb.read(write_deb(tmp_path / "tiny.deb", setuid=True))


class TestChanges:
    def test_the_same_packages_have_none(self) -> None:
        assert (
            base.changes([package("libssl3", "3.0.16-1")], [package("libssl3", "3.0.16-1")]) == ()
        )

    def test_each_is_a_line(self) -> None:
        before = [package("libssl3", "3.0.16-1"), package("y", "1"), package("same", "1")]
        after = [
            package("same", "1", "a" * 64),
            package("x", "1.2"),
            package("libssl3", "3.0.17-1"),
        ]
        assert base.changes(before, after) == (
            "libssl3 3.0.16-1 → 3.0.17-1",
            "same 1 has other bytes: sha256 aaaaaaaaaaaa…",
            "added x 1.2",
            "dropped y",
        )

    def test_they_are_warned_of_with_the_command_that_records_them(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base.report("bookworm", ("dropped y",))
        assert capsys.readouterr().err.splitlines() == [
            "warning: base bookworm: dropped y",
            "warning: base bookworm: `./inv lock --upgrade` records this package list",
        ]


class TestDeb:
    def test_a_package_is_known_by_its_pool_name_without_the_epoch(self, tmp_path: Path) -> None:
        path = write_deb(tmp_path / "tiny_2%3a1.0-3_amd64.deb")
        assert deb.package(path) == Package(
            name="tiny",
            version="2:1.0-3",
            arch="amd64",
            file=File(
                name="tiny_1.0-3_amd64.deb",
                size=path.stat().st_size,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            ),
        )

    @pytest.mark.parametrize("damage", [b"", b"!<arch>\n", b"no package"])
    def test_anything_else_is_one_clear_line(self, tmp_path: Path, damage: bytes) -> None:
        path = tmp_path / "broken.deb"
        path.write_bytes(damage)
        with pytest.raises(InferpackError, match="is not a readable Debian package"):
            deb.read(path)

    def test_half_a_package_is_refused(self, tmp_path: Path) -> None:
        path = write_deb(tmp_path / "half.deb")
        path.write_bytes(path.read_bytes()[:-600])
        with pytest.raises(InferpackError, match=r"\(truncated\); delete it and run"):
            deb.read(path)


class TestTree:
    def test_packages_lie_below_usr_and_belong_to_root_alone(self, tiny: deb.Deb) -> None:
        program = rootfs.File(b"\0program", 0o755)
        assert rootfs.whole(rootfs.unpack(tiny.data)) == {
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
        archive = tar_of(rootfs.unpack(tiny.data), tmp_path / "x.tar")
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
                ("home", 0o755, 0, 0, "", 315_532_800),
                ("home/me", 0o755, 10001, 10001, "", 315_532_800),
                ("tmp", 0o1777, 0, 0, "", 315_532_800),
            ]

    def test_a_folder_holds_what_the_tar_does(self, tiny: deb.Deb, tmp_path: Path) -> None:
        rootfs.write_folder(rootfs.unpack(tiny.data), tmp_path)
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


class TestInstall:
    def test_scanners_find_each_package_and_the_sums_of_what_is_left(self, tiny: deb.Deb) -> None:
        tree: rootfs.Tree = {"usr/bin/tiny": rootfs.File(b"")}
        assert debian.status([tiny], tree) == {
            "var/lib/dpkg/status.d/tiny": rootfs.File(
                b"Package: tiny\nStatus: install ok installed\nVersion: 2:1.0-3\n"
                b"Architecture: amd64\nDescription: small\n more\n"
            ),
            "var/lib/dpkg/status.d/tiny.md5sums": rootfs.File(b"aa  usr/bin/tiny\n"),
        }

    def test_the_bundle_has_every_authority_in_byte_order(self) -> None:
        tree: rootfs.Tree = {
            "usr/share/ca-certificates/mozilla/Zebra.crt": rootfs.File(b"z"),
            "usr/share/ca-certificates/mozilla/a.crt": rootfs.File(b"a\n"),
            "usr/share/ca-certificates/mozilla/A_B.crt": rootfs.File(b"ab\n"),
            "usr/share/ca-certificates/README": rootfs.File(b"no"),
        }
        assert debian.authorities(tree) == {
            "etc/ssl/certs/ca-certificates.crt": rootfs.File(b"ab\nz\na\n")
        }

    def test_only_tmp_is_for_everyone(self, tiny: deb.Deb) -> None:
        tree = debian.install([tiny], PLAIN, Arch.AMD64)
        open_to_all = [
            name for name, node in tree.items() if not isinstance(node, Link) and node.mode & 0o002
        ]
        assert open_to_all == ["tmp", "var/tmp"]

    def test_another_glibc_is_an_error(self, tiny: deb.Deb) -> None:
        control = "Package: libc6\nVersion: 2.41-12\n"
        libc = deb.Deb(control=control, md5sums="", data=tiny.data)
        with pytest.raises(InferpackError) as caught:
            debian.install([libc], PLAIN, Arch.AMD64)
        assert str(caught.value) == (
            "recipes/bases.toml: glibc = '2.36', but bookworm has 2.41; write glibc = '2.41'"
        )


class TestCommands:
    def built(self, arch: Arch) -> base.BuiltBase:
        root = Path("/c/root")
        return base.BuiltBase(arch=arch, digest="", tar=Path("/c/base.tar"), root=root, packages=())

    def test_python_runs_through_the_roots_own_loader(self) -> None:
        assert base.interpreter(Path("/c/root"), Arch.ARM64) == [
            "/c/root/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
            "--library-path",
            "/c/root/usr/lib/aarch64-linux-gnu",
            "/c/root/usr/bin/python3",
            "-I",
            "-B",
        ]

    def test_another_architectures_python_is_refused(self) -> None:
        (foreign,) = set(Arch) - {base.native()}
        with pytest.raises(InferpackError, match="does not run on this machine"):
            base.python_command(self.built(foreign))

    def test_a_failing_mmdebstrap_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "bin/mmdebstrap"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho 'E: Failed to fetch it' >&2\nexit 25\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        cache = tmp_path / "cache"
        with pytest.raises(InferpackError) as caught:
            base.ensure("b", PLAIN, base.native(), cache=cache, committed=())
        assert str(caught.value) == (
            f"Debian bookworm {base.native()}: Failed to fetch it; check this machine's network and"
            f" proxy, then run it again; full log: {cache}/logs/base-{base.native()}-mmdebstrap.log"
        )
        assert [path for path in cache.rglob("*") if path.is_file()] == list(cache.glob("logs/*"))


def test_every_base_in_the_repository_loads() -> None:
    bases = msgspec.toml.decode((RECIPES / "bases.toml").read_bytes(), type=dict[str, Base])
    assert [(name, item.suite, item.python) for name, item in bases.items()] == [
        ("bookworm", "bookworm", Python.PY311)
    ]
    assert not set(bases["bookworm"].packages) & set(bases["bookworm"].without)
