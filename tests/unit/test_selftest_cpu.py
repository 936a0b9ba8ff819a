"""What /proc/cpuinfo, CPUID and cgroups mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selftest.cgroup import parse_cpu_max, quota
from selftest.cpu import Processor, identify, is_emulated

if TYPE_CHECKING:
    from selftest.cgroup import Reader
    from selftest.cpuid import Identity

XEON = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu sse4_2 avx fma avx2
"""
GRAVITON = """processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm aes asimdhp asimddp sve i8mm bf16
"""


def x86(*, is_tcg: bool = False) -> Identity:
    return "Intel Core i7 9xx", ("sse3", "sse4_2", "popcnt"), is_tcg


def arm(*, translated: bool = False) -> Identity:
    return "Neoverse N1", ("neon", "crc32", "lse", "fp16", "dotprod"), translated


def test_an_x86_cpu_is_what_cpuid_says_and_not_what_the_hosts_cpuinfo_says() -> None:
    assert identify("x86_64", x86(is_tcg=True), XEON) == Processor(
        model="Intel Core i7 9xx", features=("sse4_2",), emulated=True
    )


def test_a_real_x86_cpu_is_not_emulated() -> None:
    assert not identify("x86_64", x86(), XEON).emulated


def test_an_arm_cpu_is_what_it_says_with_the_features_that_int8_is_about() -> None:
    assert identify("aarch64", arm(), GRAVITON) == Processor(
        model="Neoverse N1", features=("neon", "fp16", "dotprod"), emulated=False
    )


def test_an_arm_cpu_that_says_so_is_emulated() -> None:
    assert identify("aarch64", arm(translated=True), GRAVITON).emulated


def test_instructions_of_another_architecture_are_emulated_whoever_translates_them() -> None:
    assert identify("x86_64", x86(), GRAVITON).emulated
    assert identify("aarch64", arm(), XEON).emulated


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64"])
def test_a_cpu_that_nothing_tells_of_is_unknown_and_has_no_features(arch: str) -> None:
    assert identify(arch, None, "") == Processor(model="unknown", features=(), emulated=False)


@pytest.mark.parametrize("text", ["", XEON])
def test_a_hidden_cpuinfo_is_no_emulation_and_qemus_own_leaf_still_is(text: str) -> None:
    assert not identify("x86_64", x86(), text).emulated
    assert identify("x86_64", x86(is_tcg=True), text).emulated


def test_a_hidden_cpuinfo_is_no_emulation_of_arm_either() -> None:
    assert not identify("aarch64", arm(), "").emulated


@pytest.mark.parametrize(
    ("translated", "environment", "expected"),
    [
        (False, {}, False),
        (False, {"INFERPACK_EMULATED": "0"}, False),
        (False, {"INFERPACK_EMULATED": "1"}, True),
        (True, {}, True),
    ],
)
def test_emulation_is_what_the_cpu_gives_away_or_the_runner_says(
    translated: bool, environment: dict[str, str], expected: bool
) -> None:
    processor = Processor(model="AMD EPYC", features=("avx2",), emulated=translated)
    assert is_emulated(processor, environment) == expected


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("150000 100000\n", 1.5),
        ("50000 100000", 0.5),
        ("max 100000", None),
        ("-1 100000", None),
        ("None None", None),
        ("", None),
        (None, None),
        ("100000 0", None),
    ],
)
def test_a_quota_is_a_share_of_a_period(text: str | None, cpus: float | None) -> None:
    assert parse_cpu_max(text) == cpus


def files(contents: dict[str, str]) -> Reader:
    return contents.get


def test_cgroup_v2_takes_the_tightest_limit_of_the_group_and_its_parents() -> None:
    read = files(
        {
            "/proc/self/cgroup": "0::/outer/inner\n",
            "/sys/fs/cgroup/outer/inner/cpu.max": "400000 100000",
            "/sys/fs/cgroup/outer/cpu.max": "250000 100000",
            "/sys/fs/cgroup/cpu.max": "max 100000",
        }
    )
    assert quota(read) == 2.5


def test_cgroup_v2_in_a_container_sees_only_the_root() -> None:
    read = files({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000"})
    assert quota(read) == 1.5


def test_cgroup_v2_with_the_hosts_path_still_sees_the_root() -> None:
    read = files(
        {"/proc/self/cgroup": "0::/docker/abc\n", "/sys/fs/cgroup/cpu.max": "150000 100000"}
    )
    assert quota(read) == 1.5


def test_cgroup_v1_reads_quota_and_period_of_the_cpu_controller() -> None:
    read = files(
        {
            "/proc/self/cgroup": "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "75000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        }
    )
    assert quota(read) == 0.75


def test_cgroup_v1_takes_the_tightest_limit_of_the_group_and_its_parents() -> None:
    read = files(
        {
            "/proc/self/cgroup": "4:cpu:/outer/inner\n",
            "/sys/fs/cgroup/cpu/outer/inner/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/cpu/outer/inner/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/cpu/outer/cpu.cfs_quota_us": "300000",
            "/sys/fs/cgroup/cpu/outer/cpu.cfs_period_us": "100000",
        }
    )
    assert quota(read) == 3.0


def test_cgroup_v1_without_a_quota_says_minus_one() -> None:
    read = files(
        {
            "/proc/self/cgroup": "4:cpu:/\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        }
    )
    assert quota(read) is None


def test_without_cgroups_there_is_no_quota() -> None:
    assert quota(files({})) is None
