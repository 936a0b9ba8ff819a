"""The table of variants, and which of them a glob means."""

import pytest

from inferpack import matrix, program
from inferpack.errors import UsageError
from inferpack.model import Arch, Variant

TABLE = {
    "ctranslate2-onednn-py311-amd64",
    "ctranslate2-openblas-py311-arm64",
    "llama-cpp-ggml-py311-amd64",
    "llama-cpp-ggml-py311-arm64",
    "onnxruntime-mlas-py311-amd64",
    "onnxruntime-mlas-py311-amd64-dev",
    "onnxruntime-mlas-py311-arm64",
    "onnxruntime-mlas-py311-arm64-dev",
    "openvino-onednn-py311-amd64",
    "openvino-onednn-py311-amd64-dev",
    "openvino-onednn-acl-py311-arm64",
    "openvino-onednn-acl-py311-arm64-dev",
    "pytorch-onednn-py311-amd64",
    "pytorch-onednn-py311-amd64-dev",
    "pytorch-onednn-acl-py311-arm64",
    "pytorch-onednn-acl-py311-arm64-dev",
    "pytorch-openblas-py311-arm64",
    "pytorch-openblas-py311-arm64-dev",
    "tensorflow-onednn-py311-amd64",
    "tensorflow-onednn-acl-py311-arm64",
    "tensorflow-eigen-py311-arm64",
}


def ids(variants: tuple[Variant, ...]) -> list[str]:
    return [variant.id for variant in variants]


def usual(variants: tuple[Variant, ...], globs: str, arch: Arch | None) -> list[str]:
    return ids(matrix.usual(variants, globs, arch))


def test_the_recipes_expand_to_the_whole_table(variants: tuple[Variant, ...]) -> None:
    assert len(variants) == len(TABLE)
    assert set(ids(variants)) == TABLE


def test_a_glob_chooses_by_id_or_by_recipe(variants: tuple[Variant, ...]) -> None:
    by_id = matrix.select(variants, "onnxruntime-mlas-*-amd64")
    assert ids(by_id) == ["onnxruntime-mlas-py311-amd64"]
    assert by_id[0] in matrix.select(variants, "onnxruntime")
    assert matrix.select(variants, "*") == variants
    both = matrix.select(variants, "pytorch*,onnxruntime*")
    assert {item.recipe.name for item in both} == {"onnxruntime", "pytorch"}


def test_a_recipe_means_this_machines_runtime(variants: tuple[Variant, ...]) -> None:
    assert usual(variants, "openvino", Arch.AMD64) == ["openvino-onednn-py311-amd64"]
    assert usual(variants, "openvino", Arch.ARM64) == ["openvino-onednn-acl-py311-arm64"]


def test_all_architectures_are_still_runtimes(variants: tuple[Variant, ...]) -> None:
    assert usual(variants, "openvino", None) == [
        "openvino-onednn-py311-amd64",
        "openvino-onednn-acl-py311-arm64",
    ]


def test_a_glob_that_names_a_flavour_means_it(variants: tuple[Variant, ...]) -> None:
    assert usual(variants, "openvino-*-dev", Arch.AMD64) == ["openvino-onednn-py311-amd64-dev"]


def test_a_glob_that_names_another_architecture_means_it(variants: tuple[Variant, ...]) -> None:
    assert usual(variants, "onnxruntime-*-arm64", Arch.AMD64) == ["onnxruntime-mlas-py311-arm64"]
    assert usual(variants, "onnxruntime-*-arm64-dev", Arch.AMD64) == [
        "onnxruntime-mlas-py311-arm64-dev"
    ]


def test_each_glob_is_understood_on_its_own(variants: tuple[Variant, ...]) -> None:
    assert usual(variants, "openvino,onnxruntime-*-arm64", Arch.AMD64) == [
        "onnxruntime-mlas-py311-arm64",
        "openvino-onednn-py311-amd64",
    ]


def test_a_name_that_matches_nothing_lists_the_nearest(variants: tuple[Variant, ...]) -> None:
    with pytest.raises(UsageError) as err:
        matrix.select(variants, "onxruntime")
    assert str(err.value).startswith("onxruntime: matches no variant; did you mean onnxruntime")


def test_a_name_of_another_architecture_says_which(variants: tuple[Variant, ...]) -> None:
    name = "onnxruntime-mlas-py311-arm64"
    with pytest.raises(UsageError) as err:
        matrix.only(variants, f"openvino,{name}", Arch.AMD64)
    assert str(err.value) == f"{name}: is for arm64; leave out --arch, or: --arch arm64"
    assert {item.arch for item in matrix.only(variants, "openvino,x", Arch.AMD64)} == {Arch.AMD64}


def test_every_variant_is_judged_by_rows_of_its_architecture(
    variants: tuple[Variant, ...],
) -> None:
    """A row of another architecture could never apply; without any row nothing could pass."""
    for variant in variants:
        kept = program.rows(variant)
        assert kept, variant.id
        assert {feature.is_arm for row in kept for feature in row.cpu} == {
            variant.arch is Arch.ARM64
        }
        assert all(not row.backends or variant.backend in row.backends for row in kept)


def test_all_of_nothing_is_nothing(variants: tuple[Variant, ...]) -> None:
    """Not everybody has recipes of wheels."""
    assert matrix.select((), "*") == ()
    runtime = tuple(item for item in variants if not item.suffix)
    for known in (variants, runtime):  # what a night publishes, of whoever's matrix
        assert matrix.usual(known, "*,*-dev", None) == known
    assert matrix.select(variants, "*") == variants
    with pytest.raises(UsageError):
        matrix.select((), "wheel")
