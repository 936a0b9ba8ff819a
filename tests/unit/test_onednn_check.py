"""The wheel's check: what it demands of each CPU, and its own arithmetic.

Nothing here loads oneDNN.
"""

import onednn
import pytest
from onednn import _library, check, verdict
from onednn.check import CASES, saturated, values
from onednn.primitives import Type
from onednn.problems import Convolution, Matmul, Problem, elements
from onednn.verdict import Verdict, judge

FAST, SLOW, REFERENCE = Verdict.FAST, Verdict.SLOW, Verdict.REFERENCE

JUDGED = [
    # What oneDNN 3.7.2 answers
    ("sse41", "gemm:jit", FAST),
    ("sse41", "jit_uni_int8_1x1:sse41", FAST),
    ("sse41", "jit_uni_int8:sse41", FAST),
    ("avx", "gemm:jit", FAST),
    ("avx", "jit_uni_int8:sse41", FAST),
    ("avx2", "gemm:jit", FAST),
    ("avx2", "jit_uni_int8_1x1:avx2", FAST),
    ("avx2", "jit_uni_int8:avx2", FAST),
    ("avx2_vnni", "brg_matmul:avx2_vnni", FAST),
    ("avx2_vnni", "brgconv_1x1:avx2_vnni", FAST),
    ("avx2_vnni", "brg_conv_fwd:avx2_vnni", FAST),
    ("avx512_core", "brg_matmul:avx512_core", FAST),
    ("avx512_core", "brgconv_1x1:avx512_core", FAST),
    ("avx512_core_vnni", "brg_matmul:avx512_core_vnni", FAST),
    ("avx512_core_vnni", "brg_conv_fwd:avx512_core_vnni", FAST),
    ("avx512_core_bf16", "brgconv_1x1:avx512_core_vnni", FAST),
    ("advanced_simd", "gemm_s8u8s32:ref", REFERENCE),
    ("advanced_simd", "gemm_s8s8s32:ref", REFERENCE),
    ("advanced_simd", "gemm:jit", SLOW),
    ("sve_512", "jit_int8:sve_512", FAST),
    # What its sources promise
    ("avx2_vnni_2", "brg_matmul:avx2_vnni_2", FAST),
    ("avx10_1_512", "brg_matmul:avx512_core_vnni", FAST),
    ("avx10_1_512_amx", "brgconv_1x1:avx10_1_512_amx", FAST),
    ("avx10_1_512_amx_fp16", "brg_matmul:avx10_1_512_amx", FAST),
    ("avx512_core_vnni", "x64:gemm_s8u8s32:jit:avx512_core_vnni", FAST),
    ("sve_256", "brg_matmul:sve_256", FAST),
    ("advanced_simd", "lowp_gemm:acl", FAST),
    ("sve_256", "gemm:acl", FAST),
    # What must not pass
    ("sse41", "ref_int8:any", REFERENCE),
    ("avx512_core_vnni", "ref:any", REFERENCE),
    ("sve_128", "ref_int8:any", REFERENCE),
    ("avx2", "jit_uni_int8:sse41", SLOW),
    ("avx2_vnni", "jit_uni_int8:avx2", SLOW),
    ("avx512_core", "jit_uni_int8:avx2", SLOW),
    ("avx10_1_512_amx", "brg_matmul:avx512_core_vnni", SLOW),
    ("sve_512", "brg_matmul:sve_128", SLOW),
    ("avx512_core_vnni", "brg_matmul:avx512_core", SLOW),
    ("avx512_core_bf16", "gemm:jit", SLOW),
    ("avx512_core_vnni", "jit_uni_int8_1x1:avx2", SLOW),
    ("sse41", "simple:any", SLOW),
    ("avx2", "", SLOW),
    ("avx11", "brg_matmul:avx11_vnni", SLOW),
    ("default", "gemm:jit", SLOW),
]


@pytest.mark.parametrize(("isa", "implementation", "verdict"), JUDGED)
def test_an_implementation_is_judged_by_what_the_cpu_can_do(
    isa: str, implementation: str, verdict: Verdict
) -> None:
    assert judge(implementation, isa) is verdict


def test_every_instruction_set_that_onednn_names_has_a_row() -> None:
    named = [name for names in onednn.ISAS.values() for name in names.values()]
    assert sorted(named) == sorted(verdict.FAST)
    assert verdict.expected("unheard_of") == ()


@pytest.mark.parametrize(
    ("value", "machine", "name"),
    [
        (0x27, "x86_64", "avx512_core"),
        (0x27, "aarch64", "sve_512"),
        (0x7, "x86_64", "avx2"),
        (0x7, "aarch64", "sve_256"),
        (0x1, "aarch64", "advanced_simd"),
        (0, "x86_64", "default"),
        (0, "riscv64", "default"),
        (0x3F, "x86_64", "0x3f"),
    ],
)
def test_the_same_number_is_another_instruction_set_on_another_machine(
    value: int, machine: str, name: str
) -> None:
    assert onednn.isa_name(value, machine) == name


def test_a_matrix_product_is_as_on_paper() -> None:
    problem = Matmul(rows=2, inner=3, columns=2)
    assert problem.answer([1, 2, 3, 4, 5, 6], [1, 0, 0, 1, -1, 2]) == [-2, 8, -2, 17]
    assert problem.operations == 24
    assert problem.source == ((2, 3), (3, 1))
    assert problem.weights == ((3, 2), (2, 1))
    assert problem.result == ((2, 2), (2, 1))


def test_a_pointwise_convolution_is_a_product_of_each_pixel() -> None:
    problem = Convolution(size=2, inputs=2, outputs=1, kernel=1)
    assert problem.answer([1, 2, 3, 4, 5, 6, 7, 8], [10, 1]) == [12, 34, 56, 78]
    assert problem.operations == 16
    assert problem.source == ((1, 2, 2, 2), (8, 1, 4, 2))
    assert problem.weights == ((1, 2, 1, 1), (2, 1, 2, 2))
    assert problem.result == ((1, 1, 2, 2), (4, 1, 2, 1))


def test_a_convolution_sees_zeros_around_the_image() -> None:
    problem = Convolution(size=3, inputs=1, outputs=2, kernel=3)
    image = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    above_left, everything = [1, 0, 0, 0, 0, 0, 0, 0, 0], [1] * 9
    found = problem.answer(image, above_left + everything)
    assert found[0::2] == [0, 0, 0, 0, 1, 2, 0, 4, 5]
    assert found[1::2] == [12, 21, 16, 27, 45, 33, 24, 39, 28]


def test_the_weights_of_a_convolution_are_channels_last() -> None:
    problem = Convolution(size=4, inputs=5, outputs=7, kernel=3)
    assert problem.weights == ((7, 5, 3, 3), (45, 1, 15, 5))
    assert elements(problem.weights) == 315


def test_results_of_eight_bits_saturate() -> None:
    sums = [-129, -1, 127, 300]
    assert saturated(sums, Type.F32) == sums
    assert saturated(sums, Type.S8) == [-128, -1, 127, 127]
    assert saturated(sums, Type.U8) == [0, 0, 127, 255]


@pytest.mark.parametrize(
    "problem",
    [
        Matmul(rows=3, inner=4, columns=5),
        Convolution(size=4, inputs=3, outputs=2, kernel=1),
        Convolution(size=4, inputs=3, outputs=2, kernel=3),
        Convolution(size=2, inputs=3, outputs=2, kernel=5),
    ],
)
def test_where_all_elements_are_the_same_the_answer_is_known_without_adding(
    problem: Problem,
) -> None:
    ones, twos = [1] * elements(problem.source), [2] * elements(problem.weights)
    assert problem.uniform(2) == problem.answer(ones, twos)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation.name} {case.type_names}")
def test_no_cpu_may_round_or_saturate_the_values_on_the_way(case: check.Case) -> None:
    problem = case.operation.small
    source, weights = values(problem, case.types)
    assert (source, weights) == values(problem, case.types)
    assert (len(source), len(weights)) == (elements(problem.source), elements(problem.weights))
    assert all(weight % 2 == 0 for weight in weights)
    assert 2 * 255 * max(map(abs, weights)) < 2**15
    assert max(map(abs, problem.answer(source, weights))) < 2**24
    assert min(source) >= (0 if case.types[0] is Type.U8 else -128)


def test_few_of_the_narrow_results_saturate() -> None:
    for case in CASES:
        if case.types[2] is Type.S8:
            source, weights = values(case.operation.small, case.types)
            found = saturated(case.operation.small.answer(source, weights), case.types[2])
            assert sum(abs(each) >= 127 for each in found) < len(found) / 20
            assert len(set(found)) > 50


def test_the_comparison_is_small_enough_for_an_emulated_cpu() -> None:
    assert max(case.operation.small.operations for case in CASES) <= 600_000


def test_the_folders_are_the_packages_and_importing_it_loads_nothing() -> None:
    home = _library.HOME
    assert onednn.library() == home / "lib" / "libdnnl.so.3"
    assert onednn.include() == home / "include"
    assert onednn.cmake() == home
    assert _library.load.cache_info().currsize == 0


def test_every_object_that_c_makes_has_a_function_that_frees_it() -> None:
    makers = {name for name in _library.WITH_STATUS if "_create" in name}
    assert makers == set(_library.DESTROYED_BY)
    assert set(_library.DESTROYED_BY.values()) <= set(_library.WITH_STATUS)
