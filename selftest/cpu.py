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
ARM_FEATURES = ("neon", "fp16", "dotprod", "bf16", "i8mm", "sve", "sve2")
FEATURES = {"x86_64": X86_FEATURES, "aarch64": ARM_FEATURES}
"""By architecture, what this program reports; CPUs have more."""

CPUINFO = {"x86_64": "flags", "aarch64": "Features"}
"""What /proc/cpuinfo calls the features."""


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


def identify(arch: str, identity: cpuid.Identity | None, cpuinfo: str) -> Processor:
    """What the CPU says of itself, in our order; None where nothing tells.

    Where /proc/cpuinfo is that of another architecture, something translates our instructions:
    QEMU's user mode passes the host's through.
    """
    fields = cpuid.first_processor(cpuinfo)
    model, features, translated = identity or ("", (), False)
    return Processor(
        model=model or "unknown",
        features=tuple(name for name in FEATURES.get(arch, ()) if name in features),
        emulated=translated or bool(fields and CPUINFO.get(arch) not in fields),
    )


def is_emulated(processor: Processor, environment: Mapping[str, str]) -> bool:
    """Also where our runner says so. Emulated speed says nothing."""
    return processor.emulated or environment.get("INFERPACK_EMULATED", "") not in ("", "0")
