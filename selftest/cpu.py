"""This CPU and how much of it we may use."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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

CGROUPS = PurePosixPath("/sys/fs/cgroup")

Reader = Callable[[PurePosixPath], str | None]
"""A file's text, None where there is no such file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """What /proc/cpuinfo says; `foreign` when it describes another architecture than ours."""

    model: str
    features: tuple[str, ...]
    foreign: bool


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
    processor = parse_cpuinfo(read(PurePosixPath("/proc/cpuinfo")) or "", arch)
    return Cpu(
        model=processor.model,
        arch=arch,
        features=processor.features,
        cores=len(os.sched_getaffinity(0)),
        quota=quota(read),
        emulated=is_emulated(processor, environment),
    )


def read(path: PurePosixPath) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def parse_cpuinfo(text: str, arch: str) -> Processor:
    """The first processor's block; features in our order and names."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    if arch == "aarch64":
        flags = fields.get("Features", "").split()
        features = tuple(name for flag, name in ARM_FEATURES.items() if flag in flags)
        return Processor(
            model=_arm_model(fields), features=features, foreign="Features" not in fields
        )
    flags = fields.get("flags", "").split()
    return Processor(
        model=fields.get("model name", "unknown"),
        features=tuple(name for name in X86_FEATURES if name in flags),
        foreign="flags" not in fields,
    )


def _arm_model(fields: Mapping[str, str]) -> str:
    part = f"{fields.get('CPU implementer', '?')}/{fields.get('CPU part', '?')}"
    return fields.get("model name") or ARM_PARTS.get(part, f"Arm {part}")


def is_emulated(processor: Processor, environment: Mapping[str, str]) -> bool:
    """Our runner says so, /proc/cpuinfo is that of another architecture (QEMU user mode passes
    the host's through), or the model is QEMU's own. Emulated speed says nothing.
    """
    return (
        environment.get("INFERPACK_EMULATED", "") not in ("", "0")
        or processor.foreign
        or processor.model.startswith(("QEMU Virtual CPU", "QEMU TCG CPU"))
    )


def quota(read: Reader) -> float | None:
    """CPUs the cgroup may use, the tightest of this group and its parents; v2, then v1."""
    memberships = (read(PurePosixPath("/proc/self/cgroup")) or "").splitlines()
    limits: list[float] = []
    for membership in memberships:
        hierarchy, controllers, group = [*membership.split(":", 2), "", ""][:3]
        if hierarchy == "0" and not controllers:
            texts = (read(folder / "cpu.max") for folder in _folders(CGROUPS, group))
            limits += [limit for text in texts if (limit := parse_cpu_max(text)) is not None]
        elif "cpu" in controllers.split(","):
            for mount in (controllers, "cpu"):
                for folder in _folders(CGROUPS / mount, group):
                    period = read(folder / "cpu.cfs_period_us")
                    limit = parse_cpu_max(f"{read(folder / 'cpu.cfs_quota_us')} {period}")
                    limits += [] if limit is None else [limit]
    return min(limits, default=None)


def _folders(mount: PurePosixPath, group: str) -> Iterator[PurePosixPath]:
    """The group's folder and its parents up to the mount (all that a container may see)."""
    folder = mount / group.lstrip("/")
    yield folder
    while folder != mount:
        folder = folder.parent
        yield folder


def parse_cpu_max(text: str | None) -> float | None:
    """'150000 100000' is 1.5 CPUs; 'max …', '-1 …' and anything else is no limit."""
    match (text or "").split():
        case [limit, period] if limit.isdigit() and period.isdigit() and int(period):
            return int(limit) / int(period) or None
        case _:
            return None
