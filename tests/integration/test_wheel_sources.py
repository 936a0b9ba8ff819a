"""Real sources of wheels, from the real index and Debian's real archive."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import sources
from inferpack.errors import InferpackError
from inferpack.model import File
from inferpack.wheel import Kind, Source, WheelRecipe
from inferpack.workshop import Workshop

NAME = "arm-compute-library_24.11+dfsg.orig.tar.xz"
SHA = "cebdf5dfe8b35007a84e3dfb6794ffe07064d9297bffeb5df0765437bf69c556"


def debian(shop: Workshop, *, version: str = "24.11+dfsg-3", sha256: str = SHA) -> WheelRecipe:
    """A recipe of Arm Compute Library, as Debian 13 has its source."""
    recipe = shop.wheel_variants("fasttext")[0].recipe
    source = Source(
        kind=Kind.DEBIAN,
        name="arm-compute-library",
        version=version,
        suite="trixie",
        files=(File(name=NAME, size=0, sha256=sha256),),
    )
    return replace(recipe, name="acl", sources=(source,), patches=())


def ensure(shop: Workshop, recipe: WheelRecipe, cache: Path) -> Path:
    return sources.ensure(recipe, shop.indexes, wheels=shop.wheels, cache=cache)


def test_a_source_comes_from_the_index_and_every_patch_applies(
    shop: Workshop, tmp_path: Path
) -> None:
    (recipe,) = {item.recipe.name: item.recipe for item in shop.wheel_variants("fasttext")}.values()
    folder = ensure(shop, recipe, tmp_path)
    module = (folder / "python/fasttext_module/fasttext/FastText.py").read_text()
    assert "copy=False" not in module
    assert "-march=native" not in (folder / "setup.py").read_text()


def test_a_source_comes_from_debian(shop: Workshop, tmp_path: Path) -> None:
    folder = ensure(shop, debian(shop), tmp_path)
    assert {"SConstruct", "LICENSES", "src"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sha256": "0" * 64}, f"{NAME}: expected sha256 {'0' * 64}, got {SHA}; ask why"),
        (
            {"version": "24.11+dfsg-1"},
            "Debian trixie, source of arm-compute-library 24.11+dfsg-1: Can not find version "
            "'24.11+dfsg-1' of package 'arm-compute-library'; name the version that the suite has",
        ),
    ],
)
def test_another_source_from_debian_is_refused_in_a_line(
    shop: Workshop, tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(InferpackError) as err:
        ensure(shop, debian(shop, **changed), tmp_path)
    assert str(err.value).startswith(message)
    assert not list(tmp_path.rglob(NAME))
