"""Whether an implementation is a fast one, by the name that oneDNN gives it."""

from __future__ import annotations

import re
from enum import Enum

VNNI = ("vnni", "avx10")
FAST: dict[str, tuple[str, ...]] = {
    "sse41": ("jit",),
    "avx": ("jit",),
    "avx2": ("avx2", "gemm:jit"),
    "avx2_vnni": ("avx2_vnni",),
    "avx2_vnni_2": ("avx2_vnni",),
    "avx512_core": ("avx512_core",),
    "avx512_core_vnni": VNNI,
    "avx512_core_bf16": VNNI,
    "avx10_1_512": VNNI,
    "avx10_1_512_amx": ("amx",),
    "avx10_1_512_amx_fp16": ("amx",),
    # On Arm plain C++ calls itself gemm:jit, as the machine code for x86 does: src/cpu/matmul
    "advanced_simd": ("acl",),
    "sve_128": ("acl", "sve_128"),
    "sve_256": ("acl", "sve_256"),
    "sve_512": ("acl", "sve_512"),
}
"""By the CPU's instruction set: one of these is in the name of every fast INT8 implementation."""


class Verdict(Enum):
    FAST = "fast"
    SLOW = "slow"
    """Not what this instruction set can do, or unknown."""
    REFERENCE = "reference"
    """Plain C++, for correctness only."""


def expected(isa: str) -> tuple[str, ...]:
    """What a fast INT8 implementation has in its name; nothing for an unknown instruction set."""
    return FAST.get(isa, ())


def judge(implementation: str, isa: str) -> Verdict:
    if "ref" in re.split("[:_]", implementation):
        return Verdict.REFERENCE
    if any(part in implementation for part in expected(isa)):
        return Verdict.FAST
    return Verdict.SLOW
