"""What one core can compute in a cycle, by CPU: lanes times ports, from published measurements.

An operation is a multiply or an add. INT8 with dot products: VPDPBUSD or AMX; without them it takes
VPMADDUBSW, VPMADDWD and VPADDD, of which two need a port that multiplies. On Arm: SMMLA, or SDOT.
Throughputs: https://uops.info/table.html, https://www.agner.org/optimize/instruction_tables.pdf
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

FLOPS = "https://stackoverflow.com/q/15655835"
UNITS = "https://hpc.rz.rptu.de/Tutorials/AVX/vechowto.shtml"
ZEN4 = "https://www.numberworld.org/blogs/2022_9_6_zen4_avx512_teardown/"
ZEN5 = "https://www.numberworld.org/blogs/2024_8_7_zen5_avx512_teardown/"
AMX = "https://en.wikipedia.org/wiki/Advanced_Matrix_Extensions"
UOPS = "https://uops.info/table.html"

LLVM = "https://github.com/llvm/llvm-project/blob/main/llvm/lib/Target/AArch64/AArch64Sched"
"""LLVM's models of Arm's cores, made from Arm's Software Optimization Guides."""
A64FX_GUIDE = "https://github.com/fujitsu/A64FX"

INTEL, AMD = "GenuineIntel", "AuthenticAMD"


@dataclass(frozen=True, kw_only=True, slots=True)
class Core:
    """Operations per cycle; `assumed`: nobody told us, the features suggest it."""

    name: str
    fp32: int
    int8: int
    source: str
    assumed: bool = False


def _core(name: str, fp32: int, int8: int, source: str) -> Core:
    return Core(name=name, fp32=fp32, int8=int8, source=source)


TWO_256 = "2 x 256-bit FMA"
TWO_512 = "2 x 512-bit FMA"

HASWELL = _core(f"Intel Haswell, {TWO_256}", 32, 32, FLOPS)
SKYLAKE = _core(f"Intel Skylake, {TWO_256}", 32, 64, FLOPS)
SKYLAKE_X = _core(f"Intel Skylake-SP, {TWO_512}", 64, 85, FLOPS)
CASCADE_LAKE = _core(f"Intel Cascade Lake, {TWO_512} and VNNI", 64, 256, UOPS)
SKYLAKE_SILVER = _core("Intel Skylake-SP, 1 x 512-bit FMA", 32, 64, UNITS)
CASCADE_LAKE_SILVER = _core("Intel Cascade Lake, 1 x 512-bit FMA and VNNI", 32, 128, UNITS)
ICE_LAKE_SP = _core(f"Intel Ice Lake-SP, {TWO_512} and VNNI", 64, 256, UOPS)
ICE_LAKE = _core("Intel Ice Lake client, 1 x 512-bit FMA and VNNI", 32, 128, UOPS)
ALDER_LAKE = replace(
    _core(f"Intel Golden Cove, {TWO_256} and VNNI (E-cores counted as P-cores)", 32, 128, UOPS),
    assumed=True,
)
SAPPHIRE_RAPIDS = _core(f"Intel Sapphire Rapids, {TWO_512}, AMX", 64, 2048, AMX)
GRANITE_RAPIDS = _core(f"Intel Granite Rapids, {TWO_512}, AMX", 64, 2048, AMX)
ZEN_1 = _core("AMD Zen, 2 x 128-bit FMA", 16, 32, FLOPS)
ZEN_2 = _core(f"AMD Zen 2, {TWO_256}", 32, 64, FLOPS)
ZEN_3 = _core(f"AMD Zen 3, {TWO_256}", 32, 64, FLOPS)
ZEN_4 = _core(f"AMD Zen 4, {TWO_256} and VNNI (512-bit in two cycles)", 32, 128, ZEN4)
ZEN_5 = _core(f"AMD Zen 5, {TWO_512} and VNNI", 64, 256, ZEN5)
ZEN_5_MOBILE = _core(f"AMD Zen 5 mobile, {TWO_256} and VNNI", 32, 128, ZEN5)

TABLE: Mapping[tuple[str, int], tuple[tuple[Collection[int], Core], ...]] = {
    (INTEL, 6): (
        ({60, 61, 63, 69, 70, 71, 79, 86}, HASWELL),
        ({78, 94, 142, 158, 165, 166}, SKYLAKE),
        ({85}, SKYLAKE_X),
        ({106, 108}, ICE_LAKE_SP),
        ({125, 126, 140, 141, 167}, ICE_LAKE),
        ({151, 154, 183, 186, 191}, ALDER_LAKE),
        ({143, 207}, SAPPHIRE_RAPIDS),
        ({173, 174}, GRANITE_RAPIDS),
    ),
    (AMD, 23): ((range(0x30), ZEN_1), (range(0x30, 0x100), ZEN_2)),
    (AMD, 25): (
        ((*range(0x10), *range(0x20, 0x60)), ZEN_3),
        ((*range(0x10, 0x20), *range(0x60, 0xB0)), ZEN_4),
    ),
    (AMD, 26): (
        ((*range(0x20), *range(0x40, 0x50), *range(0x70, 0x80)), ZEN_5),
        ((*range(0x20, 0x40), *range(0x60, 0x70)), ZEN_5_MOBILE),
    ),
}
"""Vendor and family to models: https://en.wikichip.org/wiki/intel/cpuid and …/amd/cpuid"""

ARM: Mapping[str, Core] = {
    "Neoverse N1": _core("Neoverse N1, 2 x 128 bits, SDOT", 16, 64, f"{LLVM}NeoverseN1.td"),
    "Neoverse N2": _core("Neoverse N2, 2 x 128 bits, SMMLA", 16, 128, f"{LLVM}NeoverseN2.td"),
    "Neoverse V1": _core("Neoverse V1, 4 x 128 bits, SMMLA", 32, 256, f"{LLVM}NeoverseV1.td"),
    "Neoverse V2": _core("Neoverse V2, 4 x 128 bits, SMMLA", 32, 256, f"{LLVM}NeoverseV2.td"),
    "A64FX": _core("A64FX, 2 x 512 bits, SDOT", 64, 256, A64FX_GUIDE),
}
"""By the name that selftest.arm gives it; none is assumed of others."""

ASSUMED = {
    feature: Core(
        name=f"unknown CPU with {name}: two ports of full width assumed",
        fp32=fp32,
        int8=int8,
        source=FLOPS,
        assumed=True,
    )
    for feature, name, fp32, int8 in (
        ("amx_int8", "AMX", 64, 2048),
        ("avx512_vnni", "AVX-512 and VNNI", 64, 256),
        ("avx512bw", "AVX-512", 64, 85),
        ("avx_vnni", "AVX2 and VNNI", 32, 128),
        ("avx2", "AVX2", 32, 64),
        ("sse4_2", "SSE4.2", 8, 16),
    )
}
"""By the best feature of a CPU that the table does not have."""

ONE_UNIT = r"Silver|Bronze|Gold 5[12](?!22)\d\d"
"""Of Skylake-SP and Cascade Lake, these have half the 512-bit units; Gold 5122 and 5222 have all
(UNITS, and Intel's product pages, "# of AVX-512 FMA Units").
"""


def find(cpuinfo: Mapping[str, str], features: Collection[str]) -> Core | None:
    """Of /proc/cpuinfo's first processor; None where nothing is known at all."""
    known = _known(cpuinfo)
    if known is None:
        return next((core for feature, core in ASSUMED.items() if feature in features), None)
    if known is not SKYLAKE_X:
        return known
    halved = re.search(ONE_UNIT, cpuinfo.get("model name", ""))
    if "avx512_vnni" in features:
        return CASCADE_LAKE_SILVER if halved else CASCADE_LAKE
    return SKYLAKE_SILVER if halved else SKYLAKE_X


def _known(cpuinfo: Mapping[str, str]) -> Core | None:
    try:
        family, model = int(cpuinfo["cpu family"]), int(cpuinfo["model"])
    except (KeyError, ValueError):
        return None
    rows = TABLE.get((cpuinfo.get("vendor_id", ""), family), ())
    return next((core for models, core in rows if model in models), None)
