"""What a recipe counts as proof, per CPU."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from inferpack.tables import Ratio, Several, Share, Table


class Feature(StrEnum):
    """CPU features an expectation may ask for, by the names selftest reports."""

    SSE4_2 = "sse4_2"
    AVX = "avx"
    FMA = "fma"
    AVX2 = "avx2"
    AVX_VNNI = "avx_vnni"
    AVX_VNNI_INT8 = "avx_vnni_int8"
    AVX512F = "avx512f"
    AVX512BW = "avx512bw"
    AVX512_VNNI = "avx512_vnni"
    AVX512_BF16 = "avx512_bf16"
    AMX_INT8 = "amx_int8"
    AMX_BF16 = "amx_bf16"
    NEON = "neon"
    FP16 = "fp16"
    DOTPROD = "dotprod"
    BF16 = "bf16"
    I8MM = "i8mm"
    SVE = "sve"
    SVE2 = "sve2"

    @property
    def is_arm(self) -> bool:
        return self in ARM


ARM = frozenset(list(Feature)[list(Feature).index(Feature.NEON) :])


class Operator(StrEnum):
    """What multiplies, by the names selftest reports."""

    CONVOLUTION = "convolution"
    LINEAR = "linear"


class Task(StrEnum):
    """What selftest proves a framework by, by the names it reports."""

    DIGITS = "digits"
    ENCODER = "encoder"
    GENERATION = "generation"
    NUMBERS = "numbers"


TASKS: Mapping[str, tuple[Task, ...]] = {
    "ctranslate2": (Task.NUMBERS,),
    "llama-cpp": (Task.GENERATION, Task.NUMBERS),
    "onnxruntime": (Task.DIGITS, Task.ENCODER),
    "openvino": (Task.DIGITS, Task.ENCODER),
    "pytorch": (Task.DIGITS, Task.ENCODER),
    "tensorflow": (Task.DIGITS,),
}
"""Of every framework, the main one first."""


class Least(StrEnum):
    """The least an INT8 kernel must be: fast, for this instruction set or a better one; or slow,
    where the library has nothing better; or some of them INT8, where it leaves others in FP32.
    Instruction sets stand from least to best, x86's before Arm's.
    """

    SOME = "some"
    SLOW = "slow"
    SSE4 = "sse4"
    AVX2 = "avx2"
    AVX512 = "avx512"
    AVX_VNNI = "avx_vnni"
    AVX_VNNI_INT8 = "avx_vnni_int8"
    AVX512_VNNI = "avx512_vnni"
    AMX = "amx"
    NEON = "neon"
    DOTPROD = "dotprod"
    SVE = "sve"
    I8MM = "i8mm"

    def may_be_asked(self, *, arm: bool) -> bool:
        """Whether CPUs of this architecture have it at all."""
        return self in (Least.SOME, Least.SLOW) or (self in ARM_ORDER) == arm


ARM_ORDER = tuple(Least)[tuple(Least).index(Least.NEON) :]


class Row(Table, frozen=True):
    """INT8 kernels a CPU with these features must run, and how much faster than FP32.

    `speedups`: for tasks that gain less or more than that.
    `backends`: those it is for; none: all.
    """

    cpu: Several[Feature]
    kernels: dict[Operator, Least]
    speedup: Ratio
    speedups: dict[Task, Ratio] = msgspec.field(default_factory=dict)
    backends: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "+".join(self.cpu)

    def hides(self, later: "Row") -> bool:
        """Whether it fits every CPU and backend that the later row fits."""
        served = not self.backends or (
            bool(later.backends) and set(later.backends) <= set(self.backends)
        )
        return served and set(self.cpu) <= set(later.cpu)


class Accuracy(Table, frozen=True):
    fp32_min: Share
    drop_max: Share
    agreement_min: Share


class Tolerance(Table, frozen=True):
    """How much worse than an older image a newer one may be, before `./inv compare` fails.

    Shares: of the older speed and of the older size; of the test images for accuracy.
    """

    speed: Share = 0.1
    accuracy: Share = 0.005
    size: Share = 0.05


class Expectation(Table, frozen=True):
    """What counts as proof; rows run from the strictest to the loosest."""

    accuracy: Accuracy
    rows: Several[Row]
    tolerance: Tolerance = Tolerance()

    def judging(self, backend: str, *, arm: bool) -> tuple[Row, ...]:
        """The rows for one backend on one architecture."""
        return tuple(
            row
            for row in self.rows
            if all(feature.is_arm == arm for feature in row.cpu)
            and (not row.backends or backend in row.backends)
        )
