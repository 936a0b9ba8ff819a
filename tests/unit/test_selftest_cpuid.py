"""What CPUID's registers mean. Executing it is tested on real and emulated CPUs in test_entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from selftest import arm, cpuid
from selftest.cpuid import AMX, AVX, AVX512

if TYPE_CHECKING:
    from selftest.cpuid import Query, Registers

ALL = 0xFFFFFFFF
EVERYTHING: dict[tuple[int, int], Registers] = {
    (0, 0): (7, 0, 0, 0),
    (1, 0): (0, 0, ALL, ALL),
    (7, 0): (1, ALL, ALL, ALL),
    (7, 1): (ALL, ALL, ALL, ALL),
    (0x80000000, 0): (0x80000004, 0, 0, 0),
    (0x80000001, 0): (0, 0, ALL, ALL),
}
V2 = ("sse3", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm")
ALWAYS = (*V2, "movbe", "lzcnt", "bmi1", "bmi2")
AVX_ONES = ("avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8")
AVX512_ONES = (
    *("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    *("avx512_vnni", "avx512_bf16"),
)


def cpu(leaves: dict[tuple[int, int], Registers]) -> Query:
    return lambda leaf, subleaf: leaves.get((leaf, subleaf), (0, 0, 0, 0))


def words(text: str) -> tuple[int, ...]:
    raw = text.encode().ljust(48, b"\0")
    return tuple(int.from_bytes(raw[at : at + 4], "little") for at in range(0, 48, 4))


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (0, ALWAYS),
        (AVX, ALWAYS + AVX_ONES),
        (AVX512, ALWAYS + AVX_ONES + AVX512_ONES),
        (AVX512 | AMX, tuple(cpuid.BITS)),
    ],
)
def test_what_the_operating_system_does_not_save_does_not_count(
    saved: int, expected: tuple[str, ...]
) -> None:
    assert cpuid.features(cpu(EVERYTHING), saved) == expected


def test_a_leaf_above_the_highest_is_not_asked_for_another_one_answers() -> None:
    old = EVERYTHING | {(0, 0): (1, 0, 0, 0), (0x80000000, 0): (0x80000000, 0, 0, 0)}
    assert cpuid.features(cpu(old), AVX512 | AMX) == (
        *("sse3", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt"),
        *("movbe", "avx", "f16c", "fma"),
    )


def test_a_subleaf_above_the_highest_is_not_asked() -> None:
    haswell = EVERYTHING | {(7, 0): (0, ALL, 0, 0)}
    found = cpuid.features(cpu(haswell), AVX)
    assert found == (*ALWAYS, "avx", "f16c", "fma", "avx2")


def test_the_model_is_the_brand_string_without_its_padding() -> None:
    brand = words("  Intel(R) Core(TM)2 Duo CPU    T7700  @ 2.40GHz")
    leaves = {(0x80000002 + at, 0): brand[4 * at : 4 * at + 4] for at in range(3)}
    query = cpu(EVERYTHING | leaves)  # type: ignore[arg-type]
    assert cpuid.model(query) == "Intel(R) Core(TM)2 Duo CPU T7700 @ 2.40GHz"
    assert cpuid.model(cpu({})) == ""


@pytest.mark.parametrize(("name", "expected"), [("TCGTCGTCGTCG", True), ("KVMKVMKVM", False)])
def test_qemus_emulator_is_known_by_the_hypervisor_leaf(name: str, expected: bool) -> None:
    ebx, ecx, edx, *_ = words(name)
    assert cpuid.is_tcg(cpu({(0x40000000, 0): (0x40000001, ebx, ecx, edx)})) == expected


def test_without_executable_memory_cpuinfo_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(cpuid.Instructions):
        def __init__(self) -> None:
            raise PermissionError

    monkeypatch.setattr(cpuid, "Instructions", Refused)
    text = "model name\t: AMD EPYC\nflags\t\t: fpu pni ssse3 sse4_2 avx2\n\nflags\t: later\n"
    expected = ("AMD EPYC", ("sse3", "ssse3", "sse4_2", "avx2"), False)
    assert cpuid.identify("x86_64", lambda: text) == expected
    assert cpuid.identify("x86_64", lambda: "") is None


def test_another_architecture_has_no_cpuid() -> None:
    assert cpuid.identify("riscv64", lambda: "flags: sse4_2") is None


def test_an_arm_cpu_is_asked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    a64fx = ("A64FX", ("neon", "sve"), True)
    monkeypatch.setattr(arm, "identify", lambda *_: a64fx)
    assert cpuid.identify("aarch64", lambda: "") == a64fx


def test_a_level_lacks_each_of_its_parts_and_a_feature_itself() -> None:
    assert cpuid.missing("x86-64-v2", ("sse3", "ssse3", "lahf_lm")) == (
        "cx16",
        "sse4_1",
        "sse4_2",
        "popcnt",
    )
    assert cpuid.missing("x86-64-v2", ALWAYS) == ()
    assert cpuid.missing("avx2", ALWAYS) == ("avx2",)
