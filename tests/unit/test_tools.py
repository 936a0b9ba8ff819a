"""The emulator out of a made-up package: no network, no mmdebstrap."""

from pathlib import Path

import msgspec
import pytest

from inferpack import archive, deb, rootfs, tools
from inferpack.errors import InferpackError
from inferpack.model import Arch, Package
from inferpack.rungs import Tool
from tests.unit.debs import ar, tar_of

TOOL = Tool(suite="trixie", packages=("qemu-user",))
PROGRAM = "usr/bin/qemu-x86_64"


def write_deb(path: Path, program: bytes, *, version: str = "1:10.0-1") -> Package:
    control = f"Package: qemu-user\nVersion: {version}\nArchitecture: amd64\n"
    scratch = path.with_suffix(".tar")
    files: rootfs.Tree = {"control": rootfs.File(control.encode())}
    data: rootfs.Tree = {
        "usr/bin/qemu-arm": rootfs.File(b"arm"),
        PROGRAM: rootfs.File(program),
        "usr/libexec/qemu-x86_64": rootfs.File(b"a plugin"),
    }
    path.write_bytes(
        ar(
            debian_binary=b"2.0\n",
            control_tar=tar_of(files, scratch),
            data_tar=tar_of(data, scratch),
        )
    )
    return deb.package(path)


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Debian offers: a file that a made-up mmdebstrap puts where it was asked to."""
    offered = tmp_path / "offered.deb"
    program = tmp_path / "bin/mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nfor at in "{tmp_path}"/cache/debs/.tmp-*; do cp "{offered}" "$at"; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return offered


def ensure(tmp_path: Path, committed: Package, tool: Tool = TOOL) -> Path:
    return tools.ensure(
        tool, "qemu-x86_64", Arch.AMD64, cache=tmp_path / "cache", committed=(committed,)
    )


def message(tmp_path: Path, committed: Package) -> str:
    with pytest.raises(InferpackError) as err:
        ensure(tmp_path, committed)
    return str(err.value)


def test_the_program_is_taken_out_of_the_package_once(tmp_path: Path, debian: Path) -> None:
    committed = write_deb(debian, b"the emulator")
    made = ensure(tmp_path, committed)
    assert (made.name, made.read_bytes()) == ("qemu-x86_64", b"the emulator")
    assert made.stat().st_mode & 0o777 == 0o755
    archive.deb_path(tmp_path / "cache", committed).unlink()
    debian.unlink()
    assert ensure(tmp_path, committed) == made


def test_a_package_may_have_it_in_a_folder_of_its_own(tmp_path: Path, debian: Path) -> None:
    committed = write_deb(debian, b"the emulator")
    plugin = msgspec.structs.replace(TOOL, folder="usr/libexec")
    assert ensure(tmp_path, committed, plugin).read_bytes() == b"a plugin"


def test_a_program_that_was_changed_in_the_cache_is_taken_again(
    tmp_path: Path, debian: Path
) -> None:
    committed = write_deb(debian, b"the emulator")
    made = ensure(tmp_path, committed)
    made.write_bytes(b"another program")
    assert ensure(tmp_path, committed).read_bytes() == b"the emulator"


def test_a_package_that_was_damaged_in_the_cache_is_fetched_again(
    tmp_path: Path, debian: Path
) -> None:
    committed = write_deb(debian, b"the emulator")
    cached = archive.deb_path(tmp_path / "cache", committed)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(debian.read_bytes()[:-1])
    assert ensure(tmp_path, committed).read_bytes() == b"the emulator"
    assert cached.read_bytes() == debian.read_bytes()


def test_the_same_version_with_other_bytes_is_refused(tmp_path: Path, debian: Path) -> None:
    committed = write_deb(debian, b"the emulator")
    write_deb(debian, b"something else")
    assert message(tmp_path, committed) == (
        "Debian trixie: qemu-user 1:10.0-1 has other bytes than the lock says;"
        " ask why before you run it"
    )
    assert not list(tmp_path.rglob("qemu-x86_64"))


def test_a_newer_version_is_used_and_said_so_every_time(
    tmp_path: Path, debian: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = write_deb(debian, b"the emulator")
    newer = write_deb(debian, b"a newer one", version="1:10.0-2")
    for _ in range(2):
        made = ensure(tmp_path, committed)
        assert made.read_bytes() == b"a newer one"
        assert "qemu-user 1:10.0-1 → 1:10.0-2: `./inv lock --upgrade`" in capsys.readouterr().err
        debian.unlink(missing_ok=True)
    assert made.parent.name == newer.file.sha256


def test_a_newer_program_never_passes_for_the_committed_one(tmp_path: Path, debian: Path) -> None:
    """Once its own package is there again, the lock is followed."""
    committed = write_deb(debian, b"the emulator")
    newer = write_deb(debian, b"a newer one", version="1:10.0-2")
    ensure(tmp_path, committed)
    made = ensure(tmp_path, newer)
    assert made.read_bytes() == b"a newer one"
    assert not (made.parents[1] / committed.file.sha256).exists()


def test_a_package_that_came_to_depend_on_another_is_found_by_its_name(
    tmp_path: Path, debian: Path
) -> None:
    wanted = write_deb(debian, b"the emulator")
    other = msgspec.structs.replace(wanted, name="a-new-dependency")
    assert tools.package_of(TOOL, (other, wanted)) == wanted
    with pytest.raises(InferpackError, match="Debian trixie: has no package qemu-user"):
        tools.package_of(TOOL, (other,))


def test_a_truncated_package_is_one_line(tmp_path: Path, debian: Path) -> None:
    committed = write_deb(debian, b"the emulator")
    debian.write_bytes(debian.read_bytes()[:300])
    assert "is not a readable Debian package" in message(tmp_path, committed)


def test_a_package_without_the_program_is_one_line(tmp_path: Path, debian: Path) -> None:
    committed = write_deb(debian, b"the emulator")
    with pytest.raises(InferpackError, match="holds no usr/bin/qemu-aarch64"):
        tools.ensure(
            TOOL,
            "qemu-aarch64",
            Arch.AMD64,
            cache=tmp_path / "cache",
            committed=(committed,),
        )
