"""What /proc/cpuinfo and cgroups mean."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from selftest.cpu import (
    Processor,
    Reader,
    is_emulated,
    parse_cpu_max,
    parse_cpuinfo,
    quota,
)

XEON = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu sse4_2 avx fma avx2 avx512f avx512bw avx512_vnni avx_vnni amx_int8 avx512_bf16

processor\t: 1
model name\t: a second one
flags\t\t: fpu
"""
GRAVITON = """processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm aes asimdhp asimddp sve i8mm bf16
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""


def test_an_x86_cpu_has_a_model_and_features_in_our_order() -> None:
    assert parse_cpuinfo(XEON, "x86_64") == Processor(
        model="Intel(R) Xeon(R) Platinum 8480+",
        features=(
            "sse4_2",
            "avx",
            "fma",
            "avx2",
            "avx_vnni",
            "avx512f",
            "avx512bw",
            "avx512_vnni",
            "avx512_bf16",
            "amx_int8",
        ),
        foreign=False,
    )


def test_an_arm_cpu_is_named_by_its_part_and_has_features_by_their_usual_names() -> None:
    assert parse_cpuinfo(GRAVITON, "aarch64") == Processor(
        model="Neoverse V1",
        features=("neon", "fp16", "dotprod", "bf16", "i8mm", "sve"),
        foreign=False,
    )


def test_an_arm_part_that_we_do_not_know_is_shown_by_number() -> None:
    text = GRAVITON.replace("0xd40", "0xfff")
    assert parse_cpuinfo(text, "aarch64").model == "Arm 0x41/0xfff"


def test_the_hosts_cpuinfo_seen_from_another_architecture_is_foreign_and_means_emulation() -> None:
    processor = parse_cpuinfo(XEON, "aarch64")
    assert (processor.foreign, processor.features) == (True, ())
    assert is_emulated(processor, {})


@pytest.mark.parametrize(
    ("model", "environment", "expected"),
    [
        ("AMD EPYC", {}, False),
        ("AMD EPYC", {"INFERPACK_EMULATED": "0"}, False),
        ("AMD EPYC", {"INFERPACK_EMULATED": "1"}, True),
        ("QEMU TCG CPU version 2.5+", {}, True),
        ("QEMU Virtual CPU version 2.5+", {}, True),
    ],
)
def test_emulation_is_what_the_runner_says_or_the_model_gives_away(
    model: str, environment: dict[str, str], expected: bool
) -> None:
    processor = Processor(model=model, features=("avx2",), foreign=False)
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


def files(**contents: str) -> Reader:
    texts = {f"/{path.replace('__', '/')}": text for path, text in contents.items()}
    texts = {path.replace("DOT", ".").replace("COMMA", ","): text for path, text in texts.items()}

    def read(path: PurePosixPath) -> str | None:
        return texts.get(str(path))

    return read


def test_cgroup_v2_takes_the_tightest_limit_of_the_group_and_its_parents() -> None:
    read = files(
        proc__self__cgroup="0::/outer/inner\n",
        sys__fs__cgroup__outer__inner__cpuDOTmax="400000 100000",
        sys__fs__cgroup__outer__cpuDOTmax="250000 100000",
    )
    assert quota(read) == 2.5


def test_cgroup_v2_in_a_container_sees_only_the_root() -> None:
    read = files(proc__self__cgroup="0::/\n", sys__fs__cgroup__cpuDOTmax="150000 100000")
    assert quota(read) == 1.5


def test_cgroup_v1_reads_quota_and_period_of_the_cpu_controller() -> None:
    read = files(
        proc__self__cgroup="7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
        sys__fs__cgroup__cpuCOMMAcpuacct__cpuDOTcfs_quota_us="75000\n",
        sys__fs__cgroup__cpuCOMMAcpuacct__cpuDOTcfs_period_us="100000\n",
    )
    assert quota(read) == 0.75


def test_cgroup_v1_without_a_quota_says_minus_one() -> None:
    read = files(
        proc__self__cgroup="4:cpu:/\n",
        sys__fs__cgroup__cpu__cpuDOTcfs_quota_us="-1",
        sys__fs__cgroup__cpu__cpuDOTcfs_period_us="100000",
    )
    assert quota(read) is None


def test_without_cgroups_there_is_no_quota() -> None:
    assert quota(files()) is None
