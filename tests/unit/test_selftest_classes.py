"""Every name that a library was seen to give, and what it is worth."""

from __future__ import annotations

import pytest

from selftest.classes import (
    FEATURES,
    ISAS,
    Class,
    Kind,
    asked,
    classify,
    dominant,
    is_at_least,
    meets,
)
from selftest.cpu import ARM_FEATURES, X86_FEATURES
from selftest.evidence import Kernel
from selftest.instructions import INSTRUCTIONS, Instructions


def int8(implementation: str) -> Class:
    kernel = Kernel(operator="convolution", types="u8*s8->u8", implementation=implementation)
    return classify(kernel, None)


FAST = {
    "brg_conv_fwd:avx512_core_amx": "amx",
    "brg_matmul:avx10_1_512_amx_fp16": "amx",
    "brg_conv_fwd:avx512_core_vnni": "avx512_vnni",
    "brgconv_1x1:avx512_core_vnni": "avx512_vnni",
    "brdgmm_dw:avx512_core_vnni": "avx512_vnni",
    "brg_matmul:avx512_core_fp16": "avx512_vnni",
    "brgemm:avx512_core_vnni": "avx512_vnni",
    "brgconv:avx10_1_512": "avx512_vnni",
    "brgconv:avx10_2": "avx512_vnni",
    "brg_conv_fwd:avx512_core": "avx512",
    "jit_int8:avx512_core": "avx512",
    "brg_conv_fwd:avx2_vnni": "avx_vnni",
    "brg_matmul:avx2_vnni_2": "avx_vnni",
    "jit_uni_int8_1x1:avx2": "avx2",
    "brgconv_avx512_I8": "avx512",
    "brgconv_avx512_amx_1x1_I8": "amx",
    "jit_avx2_dw_I8": "avx2",
    "brgconv:sve_256": "sve",
    "brg_matmul:sve_512": "sve",
    "jit_int8:sve_512": "sve",
    "brgconv_sve256_I8": "sve",
}
OPEN = (
    *("acl_I8", "gemm_acl_I8", "dw_acl_I8", "gemm_kleidiai_I8", "lowp_gemm:acl", "gemm:acl"),
    *("indirect_gemm:acl", "jit_int8:asimd", "jit_asimd_I8", "CPUExecutionProvider/QLinearConv"),
    *("oneDNN/gemm", "Ruy/gemm"),
)
SLOW = {
    "jit_uni_int8:sse41": "sse4",
    "jit_uni_int8_1x1:sse41": "sse4",
    "gemm:jit": None,
    "x64:gemm:jit": None,
    "x64:gemm_s8u8s32:jit": None,
    "gemm_any_I8": None,
    "gemm_avx512_I8": None,
    "jit_gemm_I8": None,
    "jit_sse42_I8": "sse4",
}
REFERENCE = (
    *("ref", "ref:any", "ref_int8:any", "gemm:ref", "gemm_s8u8s32:ref", "x64:gemm_s8u8s32:ref"),
    *("simple:any", "ref_any_I8", "ref_I8"),
)
UNKNOWN = ("warp:drive", "vnni", "avx512_core_vnni", "brg_conv_fwd", "my_gemm:fast", "")
ELSEWHERE = ("MKL/gemm", "OpenBLAS/gemm", "none/gemm")


@pytest.mark.parametrize(("name", "isa"), FAST.items())
def test_a_fast_kernel_is_for_an_instruction_set(name: str, isa: str) -> None:
    assert int8(name) == Class(kind=Kind.FAST, isa=isa)


@pytest.mark.parametrize(("name", "isa"), SLOW.items())
def test_generic_and_old_kernels_are_slow(name: str, isa: str | None) -> None:
    assert int8(name) == Class(kind=Kind.SLOW, isa=isa)


SEEN = {
    "smmla": "i8mm",
    "smmla.sve": "i8mm",
    "sdot.sve": "sve",
    "sdot": "dotprod",
    "smull": "neon",
    "smlal": "neon",
}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize(("instruction", "isa"), SEEN.items())
def test_a_name_that_leaves_the_instructions_open_is_worth_what_was_seen(
    name: str, instruction: str, isa: str
) -> None:
    kernel = Kernel(operator="convolution", types="u8*s8->u8", implementation=name)
    seen = Instructions(samples=100, seen={instruction: 0.5, "fmla": 0.3})
    assert classify(kernel, seen) == Class(kind=Kind.FAST, isa=isa)


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize(
    "seen", [None, Instructions(samples=100, seen={"fmla": 0.9, "sdot": 0.04})], ids=str
)
def test_and_nothing_where_nothing_was_seen(name: str, seen: Instructions | None) -> None:
    kernel = Kernel(operator="convolution", types="u8*s8->u8", implementation=name)
    assert classify(kernel, seen) == Class(kind=Kind.UNNAMED)
    assert not any(meets(classify(kernel, seen), least) for least in ("slow", *ISAS))


def test_and_nothing_in_fp32() -> None:
    kernel = Kernel(operator="convolution", types="f32", implementation="gemm:acl")
    assert classify(kernel, None) == Class(kind=Kind.NOT_INT8)


def test_a_matrix_product_is_better_than_sves_dot_products_and_those_than_neons() -> None:
    arm = ISAS[ISAS.index("neon") :]
    assert arm == ("neon", "dotprod", "sve", "i8mm")


@pytest.mark.parametrize("name", REFERENCE)
def test_a_reference_kernel_is_known_as_one(name: str) -> None:
    assert int8(name) == Class(kind=Kind.REFERENCE)


@pytest.mark.parametrize("name", (*UNKNOWN, *ELSEWHERE))
def test_an_unknown_name_is_worth_nothing(name: str) -> None:
    assert int8(name) == Class(kind=Kind.UNNAMED)
    assert not any(meets(int8(name), least) for least in ("slow", *ISAS))


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("convolution", Class(kind=Kind.FAST, isa="avx512_vnni")),
        ("reorder", Class(kind=Kind.UNNAMED)),
    ],
)
def test_instructions_tell_of_what_multiplies_alone(operator: str, expected: Class) -> None:
    name = "CPUExecutionProvider/Q" + operator
    kernel = Kernel(operator=operator, types="u8", implementation=name)
    seen = Instructions(samples=100, seen={"vpdpbusd": 0.5})
    assert classify(kernel, seen) == expected


@pytest.mark.parametrize(
    ("seen", "isa"),
    [
        ({"vpdpbusd": 0.053, "vpmaddwd.vex": 0.85}, "avx2"),
        ({"vpdpbusd": 0.57, "vpmaddubsw.vex": 0.06, "vpmaddwd.vex": 0.06}, "avx512_vnni"),
        ({"vpdpbusd": 0.5, "vpmaddubsw.vex": 0.6, "vpmaddwd.vex": 0.6}, "avx2"),
        ({"vpdpbusd": 0.15, "vpmaddubsw": 0.09, "vpmaddwd": 0.09}, "avx512_vnni"),  # row sums
        ({"vpdpbusd": 0.5, "vpmaddubsw": 0.5}, "avx512"),
        ({"vpdpbusd": 0.04, "vfmadd": 0.9}, None),
    ],
)
def test_what_computed_most_of_the_time_counts_and_of_equals_the_lesser(
    seen: dict[str, float], isa: str | None
) -> None:
    assert dominant(Instructions(samples=100, seen=seen)) == isa


def test_a_kernel_that_multiplies_no_integers_is_not_int8_whatever_its_name() -> None:
    kernel = Kernel(operator="linear", types="f32", implementation="brg_matmul:avx512_core_vnni")
    assert classify(kernel, None) == Class(kind=Kind.NOT_INT8, isa="avx512_vnni")
    assert not meets(classify(kernel, None), "slow")


def test_a_row_is_met_by_its_instruction_set_and_by_better_ones() -> None:
    vnni = int8("brg_conv_fwd:avx512_core_vnni")
    assert [least for least in ISAS if meets(vnni, least)] == [
        *("sse4", "avx2", "avx512", "avx_vnni", "avx_vnni_int8", "avx512_vnni")
    ]
    assert [meets(vnni, "slow"), meets(int8("gemm:jit"), "slow"), meets(int8("ref"), "slow")] == [
        *(True, True, False)
    ]
    assert not meets(int8("jit_uni_int8:sse41"), "sse4")


def test_no_architecture_meets_what_the_other_or_none_has() -> None:
    neon, amx = Class(kind=Kind.FAST, isa="neon"), Class(kind=Kind.FAST, isa="amx")
    assert [least for least in ("sse4", "amx", "warp", "neon") if meets(neon, least)] == ["neon"]
    assert [least for least in ("neon", "i8mm", "warp", "amx") if meets(amx, least)] == ["amx"]


def test_what_a_row_asks_for_has_words() -> None:
    assert asked("amx") == "fast int8 for amx or better"
    assert asked("slow") == "any int8 kernel but a reference one"


def test_nothing_known_is_less_than_anything() -> None:
    assert is_at_least("sse4", None) and not is_at_least(None, "sse4") and is_at_least(None, None)


def test_features_and_instructions_speak_of_known_instruction_sets() -> None:
    assert set(FEATURES) <= {*X86_FEATURES, *ARM_FEATURES}
    assert set(FEATURES.values()) == set(ISAS)
    assert {known.isa for known in INSTRUCTIONS} <= {None, *ISAS}
