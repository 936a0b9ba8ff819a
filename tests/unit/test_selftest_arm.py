"""What the auxiliary vector, MIDR_EL1 and /proc say of an Arm CPU. That they are really read is
tested on emulated CPUs in test_emulated_arm.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from selftest import arm
from selftest.arm import HWCAP, HWCAP2, MIDR_FILE
from selftest.cpu import ARM_FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from selftest.arm import Vector

N1 = 0x414FD0C1
GRAVITON_2 = {
    "Features": "fp asimd aes crc32 atomics asimdhp asimdrdm asimddp",
    "CPU implementer": "0x41",
    "CPU part": "0xd0c",
}
FEATURES = ("neon", "crc32", "lse", "fp16", "rdm", "dotprod")


def vector(first: int, second: int = 0) -> Vector:
    return {HWCAP: first, HWCAP2: second}.get  # type: ignore[return-value]


def no_file(_: str) -> None:
    return None


def identified(
    cpuinfo: Mapping[str, str] | None = None,
    read: Callable[[str], str | None] = no_file,
    auxiliary: Vector | None = None,
) -> arm.Identity | None:
    return arm.identify(lambda: cpuinfo or {}, read, auxiliary)


@pytest.mark.parametrize(
    ("first", "second", "expected"),  # what the kernel shows under QEMU's models
    [
        (0x8FB, 0x0, ("neon", "crc32")),  # cortex-a72
        (0xCFFFFFFB, 0x17201, (*FEATURES, "bf16", "i8mm", "sve")),  # neoverse-v1
        (1 << 1 | 1 << 22, 0, ("neon", "sve")),
        (0, 1 << 1, ("sve2",)),
    ],
)
def test_features_are_bits_of_the_auxiliary_vector(
    first: int, second: int, expected: tuple[str, ...]
) -> None:
    assert arm.features(vector(first, second)) == expected


def test_every_feature_that_selftest_reports_is_asked_of_the_cpu() -> None:
    assert set(ARM_FEATURES) <= set(arm.BITS)


def test_without_the_auxiliary_vector_cpuinfo_tells() -> None:
    assert identified(GRAVITON_2) == ("Neoverse N1", FEATURES, False)


def test_where_nothing_tells_there_is_no_identity() -> None:
    assert identified() is None


def test_the_name_is_the_kernels_where_no_register_may_be_read() -> None:
    files = {MIDR_FILE: "0x00000000413fd0c1\n"}
    assert identified(read=files.get, auxiliary=vector(1 << 1)) == ("Neoverse N1", ("neon",), False)


def test_the_name_is_cpuinfos_where_nothing_else_has_it() -> None:
    assert identified(GRAVITON_2, auxiliary=vector(1 << 1)) == ("Neoverse N1", ("neon",), False)


def test_the_register_goes_before_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm, "executed_midr", lambda: 0x461F0010)
    may_read = vector(1 << 1 | 1 << arm.CPUID)
    assert identified(GRAVITON_2, auxiliary=may_read) == ("A64FX", ("neon",), False)


def test_without_a_name_there_are_still_features() -> None:
    assert identified(auxiliary=vector(1 << 1)) == ("", ("neon",), False)


@pytest.mark.parametrize(
    ("part", "expected"),
    [((0x41, 0xD40), "Neoverse V1"), ((0x41, 0xFFF), "Arm 0x41/0xfff"), (None, "")],
)
def test_a_part_that_we_do_not_know_is_shown_by_number(
    part: tuple[int, int] | None, expected: str
) -> None:
    assert arm.model(part) == expected


def test_qemus_own_cpu_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm, "executed_midr", lambda: 0x000F0510)
    assert identified(auxiliary=vector(1 << 1 | 1 << arm.CPUID)) == ("QEMU's max", ("neon",), True)


def links(targets: Mapping[str, str]) -> Callable[[str], str]:
    def readlink(link: str) -> str:
        if link not in targets:
            raise FileNotFoundError(link)
        return targets[link]

    return readlink


OWN, TASK = "/proc/self/exe", f"/proc/self/task/{os.getpid()}/exe"
PYTHON, QEMU = "/usr/bin/python3.11", "/usr/bin/qemu-aarch64"


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({OWN: PYTHON, TASK: PYTHON, "/proc/thread-self/exe": PYTHON}, False),
        ({OWN: PYTHON, TASK: QEMU, "/proc/thread-self/exe": QEMU}, True),
        ({OWN: PYTHON, TASK: PYTHON, "/proc/thread-self/exe": QEMU}, True),
        ({OWN: PYTHON}, False),  # a kernel that hides the others
        ({}, False),  # no /proc
    ],
)
def test_a_translated_program_is_not_the_one_that_the_kernel_runs(
    targets: Mapping[str, str], expected: bool
) -> None:
    assert arm.is_translated(links(targets)) == expected


def test_this_program_is_not_translated() -> None:
    assert not arm.is_translated(os.readlink)
