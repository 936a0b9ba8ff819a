"""Marks for QEMU's log; that it really shows them is tested in test_emulated_arm."""

from __future__ import annotations

import platform

import pytest

from selftest import machinecode, marker
from selftest.marker import FP32, INT8, OTHER, TIMES


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The code that was placed, a page each."""
    pages: list[bytes] = []
    monkeypatch.setattr(marker, "FREE", {phase: [] for phase in marker.PHASES})

    def place(code: bytes) -> int:
        pages.append(code)
        return 0x1000 * len(pages)

    monkeypatch.setattr(machinecode, "place", place)
    return pages


@pytest.mark.parametrize(
    ("phase", "expected"),
    [  # movz x16, #0x5e1f; movz x17, #phase; ret: as binutils 2.40 assembles them
        (OTHER, "f0c38bd2 110080d2 c0035fd6"),
        (FP32, "f0c38bd2 310080d2 c0035fd6"),
        (INT8, "f0c38bd2 510080d2 c0035fd6"),
    ],
)
def test_a_mark_names_its_phase(phase: int, expected: str) -> None:
    assert marker.code(phase) == bytes.fromhex(expected)


def test_no_two_marks_are_at_one_address(placed: list[bytes]) -> None:
    addresses = [marker.unused(INT8) for _ in range(2 * TIMES + 1)]
    assert len(set(addresses)) == len(addresses)
    assert placed == [marker.code(INT8) * TIMES] * 3
    assert addresses[:2] == [0x1000, 0x1000 + 12] and addresses[TIMES] == 0x2000


def test_elsewhere_a_mark_is_nothing(placed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    marker.mark(INT8)
    assert placed == []


def test_where_memory_may_not_be_executed_there_are_no_marks_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: bytes) -> int:
        raise PermissionError

    monkeypatch.setattr(marker, "FREE", {phase: [] for phase in marker.PHASES})
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(machinecode, "place", refuse)
    for _ in range(2):
        marker.mark(INT8)
