"""Whose program the kernel runs Arm's by: entries as the kernel shows them, in a made-up folder."""

import os
from pathlib import Path

import pytest

from inferpack import binfmt

EMULATOR = Path("/somewhere/.cache/qemu/0123abcd/qemu-aarch64")
MAGIC = "magic 7f454c460201010000000000000000000200b700"


def entry(
    folder: Path,
    name: str,
    *,
    state: str = "enabled",
    program: Path = EMULATOR,
    flags: str = "POF",
    magic: str = MAGIC,
    at: int = 100,
) -> None:
    """Registered at a time in seconds."""
    lines = (state, f"interpreter {program}", f"flags: {flags}", "offset 0", magic, "mask ff")
    (folder / name).write_text("\n".join(lines) + "\n")
    os.utime(folder / name, (at, at))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a kernel that runs Arm's programs by our emulator."""
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "register").write_text("")
    entry(tmp_path, "inferpack-aarch64")
    return tmp_path


def test_our_entry_serves(folder: Path) -> None:
    assert binfmt.serves(EMULATOR, folder)


def test_that_of_another_checkout_is_as_good(folder: Path) -> None:
    entry(folder, "inferpack-aarch64", program=Path("/other/qemu/0123abcd/qemu-aarch64"))
    assert binfmt.serves(EMULATOR, folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"program": Path("/usr/bin/qemu-aarch64-static")},
        {"program": EMULATOR.parents[1] / "another/qemu-aarch64"},
        {"state": "disabled"},
        {"flags": "PO"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_any_other_entry_of_our_name_is_stale(folder: Path, wrong: dict[str, str]) -> None:
    entry(folder, "inferpack-aarch64", **wrong)  # type: ignore[arg-type]
    assert not binfmt.serves(EMULATOR, folder)


def test_another_architecture_is_not_served(folder: Path) -> None:
    assert not binfmt.serves(EMULATOR.with_name("qemu-x86_64"), folder)


def test_the_kernel_obeys_the_entry_that_came_last(folder: Path) -> None:
    distribution = Path("/usr/libexec/qemu-binfmt/aarch64-binfmt-P")
    entry(folder, "qemu-aarch64", program=distribution, at=99)
    assert binfmt.serves(EMULATOR, folder)
    entry(folder, "qemu-aarch64", program=distribution, at=101)
    assert not binfmt.serves(EMULATOR, folder)


@pytest.mark.parametrize("other", [{"state": "disabled"}, {"magic": "magic 7f454c4602010100"}])
def test_a_later_entry_that_is_off_or_for_others_does_not_count(
    folder: Path, other: dict[str, str]
) -> None:
    entry(folder, "qemu-riscv64", at=101, **other)  # type: ignore[arg-type]
    assert binfmt.serves(EMULATOR, folder)


def test_all_may_be_switched_off(folder: Path) -> None:
    (folder / "status").write_text("disabled\n")
    assert not binfmt.serves(EMULATOR, folder)


def test_where_nothing_is_mounted_nothing_serves(tmp_path: Path) -> None:
    assert not binfmt.serves(EMULATOR, tmp_path)
    assert not binfmt.serves(EMULATOR, tmp_path / "absent")
