"""An image for one CPU target: what it needs and sets, and what it is called."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import recipes
from inferpack.errors import UsageError
from inferpack.model import Arch, Backend, Cell, Flavour, Need, Recipe, Variant
from inferpack.rungs import Target

WHERE = Path("recipes/toy.toml")
KNOWN = {
    "neoverse-v1": Target(
        arch=Arch.ARM64, needs=(Need.I8MM,), environment={"OMP_PLACES": "cores", "A": "target"}
    )
}


def aimed(recipe: Recipe, target: str, arch: Arch = Arch.ARM64) -> Recipe:
    cell = Cell(
        backend=Backend.MLAS,
        arch=arch,
        requires=("toy==1.0",),
        target=target,
        flavours=(Flavour.RUNTIME, Flavour.DEV),
        environment={"A": "cell"},
    )
    return recipes.aimed(WHERE, replace(recipe, name="toy", matrix=(cell,)), KNOWN)


def test_a_target_adds_what_the_cpu_must_have_and_its_settings(onnxruntime: Variant) -> None:
    (cell,) = aimed(onnxruntime.recipe, "neoverse-v1").matrix
    assert cell.needs == (Need.I8MM,)
    assert cell.environment == {"OMP_PLACES": "cores", "A": "cell"}


def test_id_and_tag_show_a_target_that_is_not_generic(onnxruntime: Variant) -> None:
    recipe = aimed(onnxruntime.recipe, "neoverse-v1")
    names = [
        (item.id, item.reference)
        for item in (
            Variant(recipe=recipe, cell=recipe.matrix[0], flavour=flavour) for flavour in Flavour
        )
    ]
    assert names == [
        ("toy-mlas-neoverse-v1-py311-arm64", "inferpack/toy:1.0-mlas-neoverse-v1-py311-arm64"),
        (
            "toy-mlas-neoverse-v1-py311-arm64-dev",
            "inferpack/toy:1.0-mlas-neoverse-v1-py311-dev-arm64",
        ),
    ]


def test_an_image_for_one_target_knows_the_image_for_any(onnxruntime: Variant) -> None:
    recipe = aimed(onnxruntime.recipe, "neoverse-v1")
    (dev,) = (Variant(recipe=recipe, cell=cell, flavour=Flavour.DEV) for cell in recipe.matrix)
    assert (dev.generic, onnxruntime.generic) == ("inferpack/toy:1.0-mlas-dev", "")


def test_the_generic_target_adds_nothing_and_is_not_shown(onnxruntime: Variant) -> None:
    recipe = aimed(onnxruntime.recipe, "generic")
    variant = Variant(recipe=recipe, cell=recipe.matrix[0])
    assert (variant.id, variant.cell.needs, variant.cell.environment) == (
        "toy-mlas-py311-arm64",
        (),
        {"A": "cell"},
    )


def test_an_unknown_target_names_the_nearest(onnxruntime: Variant) -> None:
    with pytest.raises(UsageError) as err:
        aimed(onnxruntime.recipe, "neoverse-v")
    assert str(err.value) == (
        "recipes/toy.toml: unknown target 'neoverse-v'; did you mean 'neoverse-v1'?"
    )


def test_a_target_of_another_architecture_is_refused(onnxruntime: Variant) -> None:
    with pytest.raises(UsageError) as err:
        aimed(onnxruntime.recipe, "neoverse-v1", Arch.AMD64)
    assert str(err.value) == (
        "recipes/toy.toml: target 'neoverse-v1' is no amd64 CPU; it is for arm64"
    )


def test_every_target_of_the_repository_is_for_cpus_that_have_what_it_needs(root: Path) -> None:
    targets = recipes.load_targets(root / "recipes")
    assert set(targets) == {"neoverse-n1", "neoverse-v1", "a64fx", "x86-64-v3", "x86-64-v4"}
    assert [
        name
        for name, target in targets.items()
        if any(need.arch is not target.arch for need in target.needs)
    ] == []
