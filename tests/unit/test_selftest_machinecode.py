"""A few bytes of code, really executed."""

from __future__ import annotations

import ctypes
import mmap
import platform
from pathlib import Path

import pytest

from selftest import machinecode

RETURN_42 = {
    "x86_64": "b82a000000 c3",  # mov eax, 42; ret
    "aarch64": "40058052 c0035fd6",  # mov w0, #42; ret
}.get(platform.machine())


@pytest.mark.skipif(RETURN_42 is None, reason="not our machine code")
def test_code_is_executed_where_it_was_placed() -> None:
    address = machinecode.place(bytes.fromhex(RETURN_42 or ""))
    assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42


def test_nothing_is_writable_and_executable_at_once() -> None:
    address = machinecode.place(b"\0" * (mmap.PAGESIZE + 1))
    start = f"{address:x}-{address + 2 * mmap.PAGESIZE:x} "
    (line,) = (one for one in Path("/proc/self/maps").read_text().splitlines() if start in one)
    assert line.removeprefix(start).startswith("r-xp")


def test_no_file_stays_open() -> None:
    before = list(Path("/proc/self/fd").iterdir())
    machinecode.place(b"\0")
    assert list(Path("/proc/self/fd").iterdir()) == before


def test_where_it_is_forbidden_that_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "PROT_EXEC", 1 << 10)  # a protection that no kernel knows
    monkeypatch.setattr(mmap, "MAP_PRIVATE", 0)  # and neither shared nor private
    with pytest.raises(OSError, match="Invalid argument"):
        machinecode.place(b"\0")
