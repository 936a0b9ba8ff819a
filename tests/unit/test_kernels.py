"""Kernels that are others than before, and the instructions they ran."""

from itertools import product
from typing import Any

import msgspec
import pytest

from inferpack import changes, summary
from inferpack.difference import Change
from inferpack.expectation import Tolerance
from inferpack.kernels import ISAS, KINDS, isa_rank, worst_rank
from inferpack.model import Variant
from inferpack.proof import Report
from tests.unit import records
from tests.unit.records import CPU, INT8, kernel

TOLERANCE = Tolerance()
REFERENCE = kernel("convolution", "ref:any", kind="reference", isa=None)
LINEAR = INT8["kernels"][2]


def report(variant: Variant, **other: Any) -> Report:
    return msgspec.convert(records.report(variant, **other), Report)


def reports(variant: Variant, **other: Any) -> list[Change]:
    """What differs where only this changed."""
    return list(changes.reports(report(variant), report(variant, **other), TOLERANCE))


def lines(found: list[Change]) -> list[tuple[bool, str]]:
    return [(change.worse, str(change)) for change in found]


def test_a_reference_kernel_is_worse(onnxruntime: Variant) -> None:
    assert reports(onnxruntime, int8={**INT8, "kernels": [REFERENCE, LINEAR]}) == [
        Change(
            what="digits int8 convolution",
            before="brg_conv_fwd:avx512_core_vnni, brgconv_1x1:avx512_core_vnni",
            after="ref:any",
            note="fast int8 avx512_vnni → reference",
            worse=True,
        )
    ]


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (
            kernel("linear", "brg_matmul:avx512_core", count=1, isa="avx512", kind="slow int8"),
            "digits int8 linear: brg_matmul:avx512_core_vnni → brg_matmul:avx512_core "
            "(fast int8 avx512_vnni → slow int8 avx512)",
        ),
        (
            kernel("linear", "brg_matmul:avx512_core", count=1, isa="avx512", kind="not int8"),
            "digits int8 linear: brg_matmul:avx512_core_vnni → brg_matmul:avx512_core "
            "(fast int8 avx512_vnni → not int8 avx512)",
        ),
        (
            kernel("linear", "Gemm", count=1, isa=None, kind="unnamed int8"),
            "digits int8 linear: brg_matmul:avx512_core_vnni → Gemm "
            "(fast int8 avx512_vnni → unnamed int8)",
        ),
        (
            kernel("linear", "brg_matmul:avx2_vnni", count=1, isa="avx_vnni"),
            "digits int8 linear: brg_matmul:avx512_core_vnni → brg_matmul:avx2_vnni "
            "(fast int8 avx512_vnni → fast int8 avx_vnni)",
        ),
        (
            None,
            "digits int8 linear: brg_matmul:avx512_core_vnni → nothing "
            "(fast int8 avx512_vnni → none)",
        ),
    ],
    ids=["slow", "not int8", "no evidence", "lesser ISA", "gone"],
)
def test_a_worse_kernel_of_any_kind_is_caught(
    onnxruntime: Variant, new: dict[str, Any] | None, line: str
) -> None:
    kernels = [*INT8["kernels"][:2], *([new] if new else [])]
    assert lines(reports(onnxruntime, int8={**INT8, "kernels": kernels})) == [(True, line)]


def test_the_same_kernels_in_a_worse_proportion_are_caught(onnxruntime: Variant) -> None:
    def run(fast: int, slow: int) -> dict[str, Any]:
        return {
            **INT8,
            "kernels": [
                kernel("convolution", "vnni", count=fast),
                kernel("convolution", "plain", count=slow, isa="avx512", kind="slow int8"),
            ],
        }

    old, new = report(onnxruntime, int8=run(4, 1)), report(onnxruntime, int8=run(2, 3))
    found = lines(list(changes.reports(old, new, TOLERANCE)))
    assert found == [(True, "digits int8 convolution: 1 x plain, 4 x vnni → 2 x vnni, 3 x plain")]
    assert [change.worse for change in changes.reports(new, old, TOLERANCE)] == []


def test_a_better_kernel_is_a_change_and_no_worse(onnxruntime: Variant) -> None:
    amx = kernel("linear", "brg_matmul:avx10_1_512_amx", count=1, isa="amx")
    kernels = [*INT8["kernels"][:2], amx]
    assert lines(reports(onnxruntime, int8={**INT8, "kernels": kernels})) == [
        (
            False,
            "digits int8 linear: brg_matmul:avx512_core_vnni → brg_matmul:avx10_1_512_amx "
            "(fast int8 avx512_vnni → fast int8 amx)",
        )
    ]


def test_a_fused_reorder_is_no_worse_but_one_on_a_reference_kernel_is(
    onnxruntime: Variant,
) -> None:
    plain = kernel("reorder", "jit:uni", kind="not int8", isa="avx2")
    with_reorder = report(onnxruntime, int8={**INT8, "kernels": [*INT8["kernels"], plain]})
    without = report(onnxruntime)
    slow = kernel("reorder", "ref:any", kind="reference", isa=None)
    reference = report(onnxruntime, int8={**INT8, "kernels": [*INT8["kernels"], slow]})
    assert [item.worse for item in changes.reports(with_reorder, without, TOLERANCE)] == [False]
    assert [item.worse for item in changes.reports(with_reorder, reference, TOLERANCE)] == [True]


def sampled(samples: int, **seen: float) -> dict[str, Any]:
    return {**INT8, "instructions": {"samples": samples, "seen": seen}}


def test_lost_dot_products_are_caught(onnxruntime: Variant) -> None:
    assert lines(reports(onnxruntime, int8=sampled(400, vpmaddwd=0.8))) == [
        (True, "digits int8 instructions: vpdpbusd 83% → no dot products seen")
    ]
    assert reports(onnxruntime, int8=sampled(400, tdpb=0.8)) == []
    unsampled = {**INT8, "instructions": None}
    assert lines(reports(onnxruntime, int8=unsampled)) == [
        (True, "digits int8 instructions: sampled → not sampled")
    ]
    old, new = report(onnxruntime, int8=unsampled), report(onnxruntime)
    assert [change.worse for change in changes.reports(old, new, TOLERANCE)] == [False]


def test_on_another_cpu_other_kernels_are_no_worse(onnxruntime: Variant) -> None:
    """The kernels of a lesser CPU are told, and its lost verdict is still a loss."""
    cpu = CPU | {"features": ["avx2"]}
    lesser = {**INT8, "kernels": [REFERENCE, LINEAR], "instructions": None}
    found = lines(reports(onnxruntime, cpu=cpu, int8=lesser, passed=False))
    assert [(worse, line.partition(":")[0]) for worse, line in found] == [
        (True, "verdict"),
        (False, "digits int8 convolution"),
        (False, "digits int8 instructions"),
    ]
    emulated = lines(reports(onnxruntime, emulated=True, int8=lesser))
    assert [worse for worse, _ in emulated] == [False, False]


def test_dot_products_that_a_few_samples_may_have_missed_are_no_loss(onnxruntime: Variant) -> None:
    old = report(onnxruntime, int8=sampled(400, vpdpbusd=0.27))
    few, many = (report(onnxruntime, int8=sampled(count, vfmadd=0.1)) for count in (10, 22))
    assert list(changes.reports(old, few, TOLERANCE)) == []
    assert [change.worse for change in changes.reports(old, many, TOLERANCE)] == [True]


def test_the_class_of_kernels_is_read_from_the_words_that_tell_it(onnxruntime: Variant) -> None:
    for kind, isa in product(KINDS, (None, *ISAS)):
        alone = {**INT8, "kernels": [kernel("linear", "a: b:avx2", kind=kind, isa=isa)]}
        (told,) = summary.kernels(report(onnxruntime, int8=alone).main, "linear")
        assert worst_rank(told) == (KINDS.index(kind), isa_rank(isa)), told
    assert worst_rank("") < worst_rank("ref:any: reference")
