"""What a kernel is worth: how fast its kind of INT8 is, and for which instruction set.

A name that no line of the table knows is never fast.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from selftest.evidence import OPERATORS, Kernel
from selftest.instructions import Instructions

SLOW = "slow"
"""Stands in a recipe's row where the library has nothing better: any INT8 but a reference."""

SOME = "some"
"""Where the library leaves others in FP32: some in INT8, and none a reference."""

X86 = ("sse4", "avx2", "avx512", "avx_vnni", "avx_vnni_int8", "avx512_vnni", "amx")
ARM = ("neon", "dotprod", "sve", "i8mm")
ISAS = (*X86, *ARM)
"""From least to best. AVX-VNNI stands above AVX-512 without VNNI: one instruction instead of three
on vectors of half the length. SVE is its dot products, of longer vectors than dotprod's; a matrix
product multiplies twice as much as they do, and SVE's own count as i8mm. Those of Arm never meet
those of x86."""

SEEN = "seen"
"""Instead of an instruction set, where a name leaves open which of them computes."""

FEATURES = {
    "sse4_2": "sse4",
    "avx2": "avx2",
    "avx512bw": "avx512",
    "avx_vnni": "avx_vnni",
    "avx_vnni_int8": "avx_vnni_int8",
    "avx512_vnni": "avx512_vnni",
    "amx_int8": "amx",
    "neon": "neon",
    "dotprod": "dotprod",
    "i8mm": "i8mm",
    "sve": "sve",
}
"""CPU features that bring better INT8, and what they bring."""


class Kind(Enum):
    FAST = "fast int8"
    SLOW = "slow int8"
    REFERENCE = "reference"
    NOT_INT8 = "not int8"
    UNNAMED = "unnamed int8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """`isa` is None where neither the name nor the instructions tell."""

    kind: Kind
    isa: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.value} for {self.isa}" if self.isa else self.kind.value


TABLE: tuple[tuple[str, Kind, str | None], ...] = (
    # oneDNN: JIT_IMPL_NAME_HELPER in src/cpu/x64, whose endings are the values of
    # https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html in small letters
    (r"(.*:)?ref(_\w+)?(:\w+)?|simple(_\w+)?:any|nspc_\w+:any", Kind.REFERENCE, None),
    (r".*gemm(_\w+)?:ref", Kind.REFERENCE, None),
    (r"(x64:)?gemm(_\w+)?:jit", Kind.SLOW, None),
    (r"(br|jit).*:avx(512_core|10_\d_512)_amx\w*", Kind.FAST, "amx"),
    (r"(br|jit).*:avx(512_core_(vnni|bf16|fp16)|10_\d(_512)?)", Kind.FAST, "avx512_vnni"),
    (r"(br|jit).*:avx512_core", Kind.FAST, "avx512"),
    (r"(br|jit).*:avx2_vnni(_2)?", Kind.FAST, "avx_vnni"),
    (r"(br|jit).*:avx2", Kind.FAST, "avx2"),
    (r"(br|jit).*:(avx|sse41)", Kind.SLOW, "sse4"),
    # OpenVINO: impl_type_to_string in src/plugins/intel_cpu/src/onednn/iml_type_mapper.cpp,
    # followed by the precision; the same name with and without VNNI
    (r"(br|jit)\w*_avx512_amx\w*", Kind.FAST, "amx"),
    (r"(br|jit)\w*_avx512\w*", Kind.FAST, "avx512"),
    (r"(br|jit)\w*_avx2\w*", Kind.FAST, "avx2"),
    (r"(br|jit)\w*_(avx|sse42)\w*", Kind.SLOW, "sse4"),
    (r"gemm_(any|blas|mlas|avx512|avx2|avx|sse42)_\w+|jit_gemm_\w+", Kind.SLOW, None),
    # The same two libraries on Arm: oneDNN's src/cpu/aarch64, with the width of SVE's vectors
    (r"(br|jit).*:sve_\d+", Kind.FAST, "sve"),
    (r"(br|jit)\w*_sve\d+\w*", Kind.FAST, "sve"),
    (r"(br|jit).*:asimd|(br|jit)\w*_asimd\w*", Kind.FAST, SEEN),
    # Arm's own libraries under both: plain products, dot products or matrix products
    (r"\w+:acl|(\w+_)?(acl|kleidiai)_\w+", Kind.FAST, SEEN),
    # onnxruntime's operators: MLAS does not name its kernels
    (r"\w+ExecutionProvider/\w+", Kind.FAST, SEEN),
    # LiteRT's: nor does XNNPACK
    (r"LiteRT-XNNPACK/\w+", Kind.FAST, SEEN),
    # torch's quantised operators on Arm, by XNNPACK or QNNPACK
    (r"(XNNPACK|qnnpack)/\w+", Kind.FAST, SEEN),
    # ggml's backend for a kind of CPU, and what its graph calls a product
    (r"ggml-cpu(-[\w.]+)?/\w+", Kind.FAST, SEEN),
    # CTranslate2's log names these two libraries, and nothing in them
    (r"(oneDNN|Ruy)/gemm", Kind.FAST, SEEN),
)
"""Whole implementation name to class; the first that fits."""


def classify(kernel: Kernel, instructions: Instructions | None) -> Class:
    """By the name; where it leaves open what computes, by the instructions that did."""
    kind, isa = named(kernel.implementation)
    if not kernel.is_int8:
        return Class(kind=Kind.NOT_INT8, isa=None if isa == SEEN else isa)
    if isa != SEEN:
        return Class(kind=kind, isa=isa)
    return _by_instructions(instructions if kernel.operator in OPERATORS else None)


def named(implementation: str) -> tuple[Kind, str | None]:
    found = (line for line in TABLE if re.fullmatch(line[0], implementation))
    _, kind, isa = next(found, ("", Kind.UNNAMED, None))
    return kind, isa


def _by_instructions(instructions: Instructions | None) -> Class:
    isa = dominant(instructions) if instructions else None
    if isa is None:
        return Class(kind=Kind.UNNAMED)
    return Class(kind=Kind.SLOW if isa == "sse4" else Kind.FAST, isa=isa)


def worst(isas: Collection[str]) -> str | None:
    return min(isas, key=ISAS.index, default=None)


def best(isas: Collection[str]) -> str | None:
    return max(isas, key=ISAS.index, default=None)


def dominant(instructions: Instructions) -> str | None:
    """The INT8 instruction set that most samples show; of equals, the lesser one."""
    isas = instructions.isas
    return max(isas, key=lambda isa: (isas[isa], -_rank(isa)), default=None)


def is_at_least(one: str | None, other: str | None) -> bool:
    """Whether an instruction set is the other or a better one; None is less than any."""
    return _rank(one) >= _rank(other)


def _rank(isa: str | None) -> int:
    return -1 if isa is None else ISAS.index(isa)


def meets(found: Class, least: str) -> bool:
    """Whether a kernel of this class is what a recipe's row asks for."""
    if least == SLOW:
        return found.kind in (Kind.FAST, Kind.SLOW)
    enough = [isa for one in (X86, ARM) if least in one for isa in one[one.index(least) :]]
    return found.kind is Kind.FAST and found.isa in enough


def asked(least: str) -> str:
    """What a row asks for, in words."""
    if least == SLOW:
        return "any int8 kernel but a reference one"
    if least == SOME:
        return "some int8 kernel, and no reference one"
    return f"{Kind.FAST.value} for {least} or better"


def untold(features: Collection[str], row: Collection[str]) -> tuple[str, ...]:
    """The CPU's features for better INT8 than any that the row names."""
    known = best([FEATURES[name] for name in row if name in FEATURES])
    return tuple(
        name for name in features if name in FEATURES and not is_at_least(known, FEATURES[name])
    )
