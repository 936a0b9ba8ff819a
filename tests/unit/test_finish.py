"""A raw wheel becomes the one that is given away, for either architecture, on either."""

import zipfile
from pathlib import Path

import pytest

from inferpack import finish, wheel_archive, wheel_elf
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch
from inferpack.store import file_digest
from tests.unit import toy_wheels
from tests.unit.machine_code import libc, library
from tests.unit.toy_wheels import Sysroot

ABOUT = "toy_wheel-1.0+inferpack.3.dist-info"


def sysroot(folder: Path, arch: Arch) -> Sysroot:
    """Debian's package of a library that no manylinux system has, and glibc's."""
    place = Path("usr/lib") / arch.multiarch
    near = libc(folder / place, arch, "2.17")
    library(folder / place / "libfar.so.1.2", arch, defines="far", calls="clock", needs=(near,))
    (folder / place / "libfar.so.1").symlink_to("libfar.so.1.2")
    for name, text in (
        ("usr/share/doc/libfar1/copyright", "On Debian: /usr/share/common-licenses/GPL-3."),
        ("usr/share/common-licenses/GPL-3", "GNU GENERAL PUBLIC LICENSE\n"),
    ):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return Sysroot(root=folder, owners={f"{place}/libfar.so.1.2": "libfar1"})


def needing(path: Path, arch: Arch, libraries: Sysroot, soname: str = "libfar.so.1") -> Path:
    """A library with debug symbols and a search path of the machine it was built on."""
    other = library(path.parent / soname, arch, defines="far")
    near = libraries.root / "usr/lib" / arch.multiarch / "libc.so.6"
    return library(
        path, arch, calls="clock", needs=(near, other), search="/usr/src/build", debug=True
    )


def finished(tmp_path: Path, arch: Arch, libraries: Sysroot, **files: str | Path) -> Path:
    library = needing(tmp_path / "made/libtoy.so", arch, libraries)
    raw = toy_wheels.raw(tmp_path, {"toy_wheel/libtoy.so": library, **files})
    return finish.finish(
        toy_wheels.variant(arch),
        raw,
        tmp_path / "out",
        libraries=libraries,
        licences={"vendored/LICENSE": b"BSD"},
        log=tmp_path / "log",
    )


@pytest.mark.parametrize("arch", Arch)
def test_a_finished_wheel_brings_its_libraries_and_their_licences(
    tmp_path: Path, arch: Arch
) -> None:
    wheel = finished(tmp_path, arch, sysroot(tmp_path / "sysroot", arch))
    assert wheel.name == f"toy_wheel-1.0+inferpack.3-3-py3-none-{platform(arch)}.whl"
    root = tmp_path / "seen"
    wheel_archive.unpack(wheel, root)
    toy, far = sorted(wheel_elf.below(root), key=lambda elf: elf.name, reverse=True)
    assert far.name.startswith("toy_wheel.libs/libfar-")
    assert (toy.needed, toy.search) == (
        ("libc.so.6", Path(far.name).name),
        ("$ORIGIN/../toy_wheel.libs",),
    )
    assert (toy.symbols, far.symbols, toy.arch, far.arch) == ((), (), arch, arch)
    assert set(wheel_archive.files(root)) == {
        toy.name,
        far.name,
        *(f"{ABOUT}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")),
        f"{ABOUT}/licenses/debian/libfar1/copyright",
        f"{ABOUT}/licenses/debian/common-licenses/GPL-3",
        f"{ABOUT}/licenses/vendored/LICENSE",
    }
    assert list(wheel_archive.lies(root)) == []


def platform(arch: Arch) -> str:
    """Of glibc 2.17, under both of its names."""
    return f"manylinux2014_{arch.machine}.manylinux_2_17_{arch.machine}"


def test_metadata_has_our_version_and_every_licence(tmp_path: Path) -> None:
    wheel = finished(tmp_path, Arch.ARM64, sysroot(tmp_path / "sysroot", Arch.ARM64))
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{ABOUT}/METADATA").decode()
        about = archive.read(f"{ABOUT}/WHEEL").decode()
    assert metadata == (
        "Metadata-Version: 2.4\n"
        "Name: Toy-Wheel\n"
        "Version: 1.0+inferpack.3\n"
        "Summary: A toy\n"
        "Description-Content-Type: text/markdown\n"
        "License-File: LICENSE\n"
        "License-File: debian/common-licenses/GPL-3\n"
        "License-File: debian/libfar1/copyright\n"
        "License-File: vendored/LICENSE\n"
        "\n"
        "A *toy*.\n"
    )
    assert sorted(about.split("\n")) == [
        *("", "", "Build: 3", "Generator: a test", "Root-Is-Purelib: false"),
        *("Tag: py3-none-manylinux2014_aarch64", "Tag: py3-none-manylinux_2_17_aarch64"),
        "Wheel-Version: 1.0",
    ]


def test_the_same_raw_wheel_gives_the_same_bytes(tmp_path: Path) -> None:
    libraries = sysroot(tmp_path / "sysroot", Arch.AMD64)
    first = file_digest(finished(tmp_path, Arch.AMD64, libraries))
    (tmp_path / "elsewhere").mkdir()
    assert first == file_digest(finished(tmp_path / "elsewhere", Arch.AMD64, libraries))


def test_times_and_order_of_the_zip_are_fixed(tmp_path: Path) -> None:
    wheel = finished(tmp_path, Arch.AMD64, sysroot(tmp_path / "sysroot", Arch.AMD64))
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} <= {0o100644, 0o100755}
    assert entries[-1].filename == f"{ABOUT}/RECORD"


def test_the_folder_for_data_gets_the_new_name_too(tmp_path: Path) -> None:
    libraries = sysroot(tmp_path / "sysroot", Arch.AMD64)
    wheel = finished(tmp_path, Arch.AMD64, libraries, **{"Toy_Wheel-1.0.data/data/x": "x\n"})
    with zipfile.ZipFile(wheel) as archive:
        assert "toy_wheel-1.0+inferpack.3.data/data/x" in archive.namelist()


def test_a_library_that_nobody_has_is_named(tmp_path: Path) -> None:
    libraries = sysroot(tmp_path / "sysroot", Arch.ARM64)
    for path in libraries.root.rglob("libfar.so*"):
        path.unlink()
    with pytest.raises(InferpackError) as err:
        finished(tmp_path, Arch.ARM64, libraries)
    assert str(err.value) == (
        "toy-wheel-plain-arm64: auditwheel: Cannot repair wheel, because required library"
        f' "libfar.so.1" could not be located; full log: {tmp_path}/log'
    )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("gone", ["doc/libfar1/copyright", "common-licenses/GPL-3"])
def test_a_library_without_its_licence_is_refused(tmp_path: Path, gone: str) -> None:
    libraries = sysroot(tmp_path / "sysroot", Arch.AMD64)
    raw = toy_wheels.raw(
        tmp_path,
        {"toy_wheel/libtoy.so": needing(tmp_path / "made/libtoy.so", Arch.AMD64, libraries)},
    )
    (libraries.root / "usr/share" / gone).unlink()
    variant = toy_wheels.variant(Arch.AMD64)
    with pytest.raises(InferpackError, match=r"libfar-\w{8}\.so\.1\.2: .* is missing"):
        finish.finish(
            variant, raw, tmp_path / "out", libraries=libraries, licences={}, log=tmp_path / "log"
        )


def test_licences_of_what_was_compiled_in_come_from_its_wheel(tmp_path: Path) -> None:
    wheel = toy_wheels.raw(tmp_path, {"Toy_Wheel-1.0.dist-info/AUTHORS": "me\n"})
    assert finish.licences_in(wheel) == {"Toy_Wheel/LICENSE": b"MIT\n"}


def test_a_source_of_another_version_than_the_recipe_is_refused(tmp_path: Path) -> None:
    libraries = sysroot(tmp_path / "sysroot", Arch.AMD64)
    raw = toy_wheels.raw(tmp_path, {})
    variant = toy_wheels.variant(Arch.AMD64, version="1.1")
    with pytest.raises(UsageError) as err:
        finish.finish(
            variant, raw, tmp_path / "out", libraries=libraries, licences={}, log=tmp_path / "log"
        )
    assert str(err.value) == (
        "wheels/toy-wheel.toml: the source is of version 1.0, not 1.1;"
        " correct the version or the source; built: Toy_Wheel-1.0-py3-none-any.whl"
    )


def test_a_wheel_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    evil = tmp_path / "evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("../evil.py", "")
    with pytest.raises(InferpackError, match=r"would write outside: \.\./evil\.py"):
        wheel_archive.unpack(evil, tmp_path / "tree")
