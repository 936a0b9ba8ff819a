"""This CPU and how much of it we may use."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass

from selftest import cgroup, cpuid

X86_FEATURES = (
    "sse4_2",
    "avx",
    "fma",
    "avx2",
    "avx_vnni",
    "avx_vnni_int8",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "amx_bf16",
)
ARM_FEATURES = {
    "asimd": "neon",
    "asimdhp": "fp16",
    "asimddp": "dotprod",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "sve2": "sve2",
}
"""The kernel's name to the usual name."""

ARM_PARTS = {
    "0x41/0xd08": "Cortex-A72",
    "0x41/0xd0c": "Neoverse N1",
    "0x41/0xd40": "Neoverse V1",
    "0x41/0xd49": "Neoverse N2",
    "0x41/0xd4f": "Neoverse V2",
    "0x46/0x001": "A64FX",
    "0xc0/0xac3": "Ampere-1",
}
"""Implementer and part number, as /proc/cpuinfo of aarch64 shows them (Arm's MIDR_EL1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """The CPU that runs this program, as far as its own instructions or the kernel tell."""

    model: str
    features: tuple[str, ...]
    emulated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """`cores`: what the affinity mask (cpusets) allows; `quota`: cgroup CPUs, None without one."""

    model: str
    arch: str
    features: tuple[str, ...]
    cores: int
    quota: float | None
    emulated: bool


def examine(environment: Mapping[str, str]) -> Cpu:
    arch = platform.machine()
    cpuinfo = cgroup.read("/proc/cpuinfo") or ""
    processor = identify(arch, cpuid.identify(arch, lambda: cpuinfo), cpuinfo)
    return Cpu(
        model=processor.model,
        arch=arch,
        features=processor.features,
        cores=len(os.sched_getaffinity(0)),
        quota=cgroup.quota(cgroup.read),
        emulated=is_emulated(processor, environment),
    )


def identify(arch: str, x86: cpuid.Identity | None, cpuinfo: str) -> Processor:
    """What CPUID says on x86, else what /proc/cpuinfo says; features in our order and names.

    Where /proc/cpuinfo is that of another architecture, something translates our instructions:
    QEMU user mode passes the host's through.
    """
    fields = cpuid.first_processor(cpuinfo)
    if arch == "aarch64":
        return _arm(fields)
    model, features, is_tcg = x86 or ("", (), False)
    return Processor(
        model=model or "unknown",
        features=tuple(name for name in X86_FEATURES if name in features),
        emulated=is_tcg or bool(fields and "flags" not in fields),
    )


def _arm(fields: Mapping[str, str]) -> Processor:
    flags = fields.get("Features", "").split()
    part = f"{fields.get('CPU implementer', '?')}/{fields.get('CPU part', '?')}"
    return Processor(
        model=fields.get("model name") or ARM_PARTS.get(part, f"Arm {part}"),
        features=tuple(name for flag, name in ARM_FEATURES.items() if flag in flags),
        emulated=bool(fields and "Features" not in fields),
    )


def is_emulated(processor: Processor, environment: Mapping[str, str]) -> bool:
    """Also where our runner says so. Emulated speed says nothing."""
    return processor.emulated or environment.get("INFERPACK_EMULATED", "") not in ("", "0")
