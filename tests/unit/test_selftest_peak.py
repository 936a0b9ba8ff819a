"""What a CPU could do at most: a sourced table, times a frequency that is measured."""

from __future__ import annotations

import os
import platform
import time

import pytest

from selftest import arm, cgroup, cpu, microarchitecture, peak
from selftest.cpu import Cpu
from selftest.cpuid import first_processor
from selftest.microarchitecture import AMD, ARM, INTEL, TABLE, Core, find
from selftest.peak import (
    CHAINS,
    IMUL,
    LATENCY,
    Compiled,
    Peak,
    counted,
    counted_arm,
    frequency,
    physical,
)

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 machine code")
on_ours = pytest.mark.skipif(platform.machine() not in CHAINS, reason="not our machine code")


def cpuinfo(vendor: str, family: int, model: int, name: str = "") -> dict[str, str]:
    return {
        "vendor_id": vendor,
        "cpu family": str(family),
        "model": str(model),
        "model name": name,
    }


@pytest.mark.parametrize(
    ("identity", "features", "operations"),
    [
        ((AMD, 26, 2, "AMD EPYC"), ("avx512_vnni",), (64, 256)),
        ((AMD, 26, 0x24, "AMD Ryzen AI 9 HX 370"), ("avx512_vnni",), (32, 128)),
        ((AMD, 25, 0x11, "AMD EPYC 9654"), ("avx512_vnni",), (32, 128)),
        ((AMD, 25, 1, "AMD EPYC 7763"), ("avx2",), (32, 64)),
        ((AMD, 23, 0x31, "AMD EPYC 7742"), ("avx2",), (32, 64)),
        ((INTEL, 6, 85, "Xeon Platinum 8168"), ("avx512bw",), (64, 85)),
        ((INTEL, 6, 85, "Xeon Platinum 8268"), ("avx512_vnni",), (64, 256)),
        ((INTEL, 6, 85, "Xeon Silver 4210"), ("avx512_vnni",), (32, 128)),
        ((INTEL, 6, 85, "Xeon(R) Gold 5118 CPU"), ("avx512bw",), (32, 64)),
        ((INTEL, 6, 85, "Xeon(R) Gold 5218 CPU"), ("avx512_vnni",), (32, 128)),
        ((INTEL, 6, 85, "Xeon(R) Gold 5222 CPU"), ("avx512_vnni",), (64, 256)),
        ((INTEL, 6, 85, "Xeon(R) Gold 6240 CPU"), ("avx512_vnni",), (64, 256)),
        ((INTEL, 6, 106, "Xeon Platinum 8380"), ("avx512_vnni",), (64, 256)),
        ((INTEL, 6, 143, "Xeon Platinum 8480+"), ("amx_int8",), (64, 2048)),
    ],
)
def test_a_known_cpu_has_its_operations_per_cycle(
    identity: tuple[str, int, int, str], features: tuple[str, ...], operations: tuple[int, int]
) -> None:
    core = find(cpuinfo(*identity), features)
    assert core is not None
    assert (core.fp32, core.int8, core.assumed) == (*operations, False)
    assert core.source.startswith("https://")


def test_no_model_is_in_two_rows() -> None:
    for rows in TABLE.values():
        models = [model for some, _ in rows for model in some]
        assert len(models) == len(set(models))


@pytest.mark.parametrize(
    ("features", "int8"),
    [(("avx2", "avx512bw", "avx512_vnni"), 256), (("avx2", "avx_vnni"), 128), (("avx2",), 64)],
)
def test_an_unknown_cpu_is_assumed_from_its_features_and_says_so(
    features: tuple[str, ...], int8: int
) -> None:
    core = find(cpuinfo("GenuineNew", 99, 1), features)
    assert core is not None
    assert (core.int8, core.assumed) == (int8, True)


def test_where_cores_differ_the_peak_is_assumed() -> None:
    core = find(cpuinfo(INTEL, 6, 151, "Core i9-12900K"), ("avx_vnni",))
    assert core is not None
    assert (core.fp32, core.int8, core.assumed) == (32, 128, True)


def test_a_cpu_that_tells_nothing_has_no_peak() -> None:
    assert find({}, ()) is None


def test_cpuinfo_is_read_from_the_first_processor() -> None:
    text = "processor\t: 0\ncpu family\t: 26\n\nprocessor\t: 1\ncpu family\t: 27\n"
    found = first_processor(text)
    assert (found["processor"], found["cpu family"]) == ("0", "26")


def test_hyperthreads_of_one_core_count_once() -> None:
    siblings = {0: "0,4", 4: "0,4", 1: "1,5", 5: "1,5"}
    assert (physical({0, 4, 1}, siblings.__getitem__), physical({0, 1}, str)) == (2, 2)


def test_the_peak_is_frequency_times_cores_times_operations() -> None:
    core = Core(name="some", fp32=64, int8=256, source="https://example.org")
    assert peak.peak(core, 4.0, 1.5) == Peak(
        ghz=4.0,
        cores=1.5,
        fp32_gops=384.0,
        int8_gops=1536.0,
        model="some",
        source="https://example.org",
        assumed=False,
    )


@pytest.mark.parametrize(
    ("model", "operations"),
    [
        ("Neoverse N1", (16, 64)),
        ("Neoverse N2", (16, 128)),
        ("Neoverse V1", (32, 256)),
        ("Neoverse V2", (32, 256)),
        ("A64FX", (64, 256)),
    ],
)
def test_an_arm_core_is_known_by_its_name(model: str, operations: tuple[int, int]) -> None:
    assert (ARM[model].fp32, ARM[model].int8) == operations
    assert ARM[model].source.startswith("https://")


def test_the_table_has_arm_cores_that_are_known_by_their_number_and_no_others() -> None:
    assert set(ARM) <= set(arm.PARTS.values())
    assert "Cortex-A72" not in ARM  # no source tells for sure


@pytest.mark.parametrize(
    ("arch", "model", "emulated", "expected"),
    [
        ("aarch64", "Neoverse N1", False, 2 * 3.0 * 16),
        ("aarch64", "Cortex-A72", False, None),
        ("aarch64", "Neoverse N1", True, None),
        ("x86_64", "AMD EPYC", True, None),
        ("riscv64", "", False, None),
    ],
)
def test_an_emulated_or_unknown_cpu_has_no_peak(
    arch: str, model: str, emulated: bool, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peak, "frequency", lambda *_: 3.0)
    monkeypatch.setattr(peak, "physical", lambda *_: 2)
    features = ("avx2", "neon")
    this = Cpu(model=model, arch=arch, features=features, cores=2, quota=None, emulated=emulated)
    found = peak.measure(this)
    assert (found.fp32_gops if found else None) == expected


def test_a_counted_loop_on_arm_is_what_an_assembler_makes() -> None:
    assert counted_arm(bytes.fromhex("210002ca")) == bytes.fromhex(
        "210002ca 000400f1 c1ffff54 c0035fd6"  # eor; subs x0, x0, #1; b.ne .-8; ret
    )


@on_ours
def test_the_frequency_is_one_that_cpus_have_and_measured_again_the_same() -> None:
    chain = CHAINS[platform.machine()]()
    once, again = (frequency(1, chain, time.thread_time) for _ in range(2))
    assert 0.8 < once < 7
    assert once == pytest.approx(again, rel=0.15)


ZMM = 0b10


def evex(opcode: int, map_: int, target: int, first: int, second: int) -> bytes:
    """An AVX-512 instruction on whole registers: 66 prefix, W0 (Intel's manual, volume 2, 2.7)."""
    p0 = (
        (~target >> 3 & 1) << 7
        | (~second >> 4 & 1) << 6
        | (~second >> 3 & 1) << 5
        | (~target >> 4 & 1) << 4
        | map_
    )
    p1 = (~first & 15) << 3 | 0b101
    p2 = ZMM << 5 | (~first >> 4 & 1) << 3
    return bytes([0x62, p0, p1, p2, opcode, 0xC0 | (target & 7) << 3 | second & 7])


def per_cycle(opcode: int) -> float:
    """How many such instructions that wait for nothing one core starts per cycle, at best."""
    clear = b"".join(evex(0xEF, 1, n, n, n) for n in range(32))  # vpxord
    body = b"".join(evex(opcode, 2, n, 30, 31) for n in range(24)) * 2
    vector = Compiled(counted(body, before=clear, after=bytes.fromhex("c5f877")))  # vzeroupper
    scalar = Compiled(counted(IMUL * 32))
    best, cycle = 0.0, 0.0
    for _ in range(100):
        start = time.thread_time()
        vector(10_000)
        middle = time.thread_time()
        scalar(5_000)
        best = max(best, 10_000 * 48 / (middle - start))
        cycle = max(cycle, 5_000 * 32 * LATENCY / (time.thread_time() - middle))
    return best / cycle


@on_x86
@pytest.mark.parametrize(("opcode", "operations"), [(0xB8, 32), (0x50, 128)], ids=["fma", "dot"])
def test_this_machine_does_what_the_table_says(opcode: int, operations: int) -> None:
    """VFMADD231PS and VPDPBUSD on 512 bits: two a cycle on Zen 5 and on Xeons, one on others."""
    this = cpu.examine(os.environ)
    if "avx512_vnni" not in this.features or this.emulated:
        pytest.skip("a CPU without AVX-512 VNNI")
    cpuinfo = first_processor(cgroup.read("/proc/cpuinfo") or "")
    core = microarchitecture.find(cpuinfo, this.features)
    assert core is not None
    if core.assumed or "amx_int8" in this.features:
        pytest.skip("not a CPU of the table, or one whose INT8 peak is AMX")
    expected = core.fp32 if opcode == 0xB8 else core.int8
    tries = (per_cycle(opcode) * operations for _ in range(3))  # the clock may change within one
    assert any(measured == pytest.approx(expected, rel=0.12) for measured in tries)
