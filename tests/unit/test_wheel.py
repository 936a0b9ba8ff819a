"""What is derived from a recipe of wheels: names, versions, what a cell adds, what is locked."""

import pytest
from msgspec.structs import replace

from inferpack import locks, recipes, supply, wheel_recipes
from inferpack.model import Arch, Backend
from inferpack.rungs import CpuModel
from inferpack.wheel import Needed, Purpose, WheelCell, WheelVariant
from tests.unit.conftest import ROOT
from tests.unit.toy_wheels import variant as toy_variant


def test_no_two_variants_of_an_architecture_share_a_file_name() -> None:
    cells = tuple(
        WheelCell(backend=backend, arch=arch, target=target)
        for backend in (Backend.GGML, Backend.OPENBLAS)
        for arch, target in (
            (Arch.AMD64, "generic"),
            (Arch.ARM64, "generic"),
            (Arch.ARM64, "neoverse-v1"),
        )
    )
    recipe = replace(toy_variant(Arch.AMD64).recipe, matrix=cells)
    found = wheel_recipes.variants([recipe])
    assert [item.version for item in found] == [
        "1.0+inferpack.3",
        "1.0+inferpack.3",
        "1.0+inferpack.3.ggml.neoverse.v1",
        "1.0+inferpack.3.openblas",
        "1.0+inferpack.3.openblas",
        "1.0+inferpack.3.openblas.neoverse.v1",
    ]
    assert found[5].id == "toy-wheel-openblas-neoverse-v1-arm64"
    assert found[5].distribution == "toy_wheel"


def test_a_cell_adds_to_what_the_recipe_says() -> None:
    cell = WheelCell(
        backend=Backend.GGML,
        arch=Arch.AMD64,
        settings=("B=2",),
        packages=("libb-dev",),
        environment={"X": "cell", "Z": "cell"},
    )
    recipe = replace(
        toy_variant(Arch.AMD64).recipe,
        settings=("A=1",),
        packages=("liba-dev",),
        environment={"X": "recipe", "Y": "recipe"},
    )
    found = WheelVariant(recipe=recipe, cell=cell)
    assert found.settings == ("A=1", "B=2")
    assert found.packages == ("liba-dev", "libb-dev")
    assert found.environment == {"X": "cell", "Y": "recipe", "Z": "cell"}


def test_the_least_cpu_is_the_first_of_the_architecture_or_the_one_named() -> None:
    known = recipes.load_cpus(ROOT / "recipes")

    def least(arch: Arch, name: str = "") -> CpuModel:
        cell = WheelCell(backend=Backend.GGML, arch=arch, baseline=name)
        return wheel_recipes.baseline(cell, known)

    assert (least(Arch.AMD64).model, least(Arch.ARM64).model) == ("Nehalem", "cortex-a72")
    assert least(Arch.ARM64, "Neoverse V1").model == "neoverse-v1"


def test_build_and_test_ask_for_different_wheels() -> None:
    recipe = replace(toy_variant(Arch.AMD64).recipe, requires=("setuptools==80.0",))
    recipe = replace(recipe, test=replace(recipe.test, requires=("numpy==2.0",)))
    build, test = (Needed(recipe=recipe, purpose=item, arch=Arch.ARM64) for item in Purpose)
    assert (build.id, build.requires) == ("toy-wheel-build-arm64", ("setuptools==80.0",))
    assert (test.id, test.requires) == ("toy-wheel-test-arm64", ("numpy==2.0",))


@pytest.mark.parametrize("arch", Arch)
def test_an_image_of_our_own_wheel_knows_what_makes_it(arch: Arch) -> None:
    """So the lock names the version that the wheel's recipe builds now."""
    lock = locks.read(ROOT / f"recipes/locks/pylock.llama-cpp-ggml-py311-{arch}.toml")
    known = wheel_recipes.variants(wheel_recipes.load(ROOT / "wheels", ROOT / "recipes"))
    found = [(item.name, own.id) for item, own in supply.ours(lock.wheels, known, arch)]
    assert found == [("llama-cpp-python", f"llama-cpp-python-ggml-{arch}")]
