"""The base from made-up packages: no network, no mmdebstrap, no Docker."""

import hashlib
from pathlib import Path

import pytest
from msgspec import structs

from inferpack import base, deb, debian, recipes, rootfs
from inferpack.bases import Base, Described, Development, expanded
from inferpack.errors import InferpackError
from inferpack.model import Arch, File, Package, Python
from inferpack.rootfs import Link
from tests.unit.debs import package, write_deb

RECIPES = Path(__file__).parents[2] / "recipes"
PLAIN = Base(suite="bookworm", glibc="2.36", python=Python.PY311, packages=("tiny",))


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
        libc = deb.Deb(control=control, records={}, data=tiny.data)
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
            " proxy, then run it again; full log:"
            f" {cache}/logs/bookworm-{base.native()}-mmdebstrap.log"
        )
        left = {path for path in cache.rglob("*") if path.is_file() and path.name != ".lock"}
        assert left == set(cache.glob("logs/*"))


def test_a_base_that_was_damaged_in_the_cache_is_removed_and_said_so(tmp_path: Path) -> None:
    tar = tmp_path / "key/base.tar"
    tar.parent.mkdir()
    tar.write_bytes(b"tar")
    digest = hashlib.sha256(b"tar").hexdigest()
    built = base.BuiltBase(arch=base.native(), digest=digest, tar=tar, root=tmp_path, packages=())
    base.check(built)
    tar.write_bytes(b"rat")
    with pytest.raises(InferpackError) as caught:
        base.check(built)
    assert str(caught.value) == (
        f"{tar}: was damaged in the cache, and is removed; run the command again: it is made anew"
    )
    assert not tar.parent.exists()


def test_every_base_in_the_repository_loads() -> None:
    bases = recipes.load_bases(RECIPES)
    assert [(name, item.suite, item.python) for name, item in bases.items()] == [
        ("bookworm", "bookworm", Python.PY311),
        ("bookworm-dev", "bookworm", Python.PY311),
        ("builder", "bookworm", Python.PY311),
    ]
    assert not set(bases["bookworm"].packages) & set(bases["bookworm"].without)


def test_the_dev_flavours_base_is_the_runtimes_and_more_and_leaves_out_no_package() -> None:
    dev = Development(packages=("gcc", "tiny"), remove=("usr/share/man/*",))
    table = Described(
        suite="bookworm",
        glibc="2.36",
        python=Python.PY311,
        packages=("tiny",),
        without=("dpkg",),
        remove=("usr/bin/*",),
        environment={"LANG": "C.UTF-8"},
        dev=dev,
    )
    assert expanded({"b": table, "plain": structs.replace(table, dev=None)}) == {
        "b": table.runtime,
        "b-dev": Base(
            suite="bookworm",
            glibc="2.36",
            python=Python.PY311,
            packages=("tiny", "gcc"),
            remove=("usr/share/man/*",),
            environment={"LANG": "C.UTF-8"},
        ),
        "plain": table.runtime,
    }
