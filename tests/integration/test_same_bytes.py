"""The same input gives the same bytes, by our hand or by anyone's."""

import dataclasses
import shlex
import subprocess
from pathlib import Path

import pytest

from inferpack import images, matrix, pipeline
from inferpack.engine import Engine
from inferpack.model import Variant
from inferpack.store import file_digest
from inferpack.workshop import Workshop
from tests.integration.conftest import VARIANTS, proven


def test_two_builds_without_cache_give_the_same_digest(
    engine: Engine, image: str, variant: Variant, shop: Workshop
) -> None:
    recorded = images.read(shop.folder(variant))
    assert recorded is not None
    again = engine.build(
        shop.folder(variant) / "context",
        name=f"{variant.reference}-again",
        arch=variant.arch,
        created=recorded.created,
        cached=False,
    )
    engine.remove(f"{variant.reference}-again")
    assert again.digest == image


def test_layers_made_again_from_their_wheels_have_the_same_bytes(
    image: str, variant: Variant, shop: Workshop, tmp_path: Path
) -> None:
    """Unpacked, stripped, compiled and packed once more, with nothing but wheels and base there."""
    for name in ("recipes", "templates", "selftest"):
        (tmp_path / name).symlink_to(shop.root / name)
    (tmp_path / ".cache").mkdir()
    for name in ("base", "debs", "wheels"):
        (tmp_path / ".cache" / name).symlink_to(shop.cache / name)
    apart = dataclasses.replace(shop, root=tmp_path)
    found = {
        layer.name: file_digest(layer.tar)
        for layer in pipeline.layers(apart, pipeline.inputs(apart, variant))
    }
    context = shop.folder(variant) / "context/layers"
    assert found == {path.stem: file_digest(path) for path in context.glob("*.tar")}


@pytest.fixture
def onnxruntime() -> Variant:
    return matrix.select(VARIANTS, "onnxruntime-mlas-py311-amd64")[0]


def test_the_dockerfiles_own_command_builds_an_image_that_works(
    engine: Engine, onnxruntime: Variant, shop: Workshop
) -> None:
    proven(onnxruntime.id)
    context = shop.folder(onnxruntime) / "context"
    comment = (context / "Dockerfile").read_text().splitlines()[1]
    words = shlex.split(comment.partition("By hand: ")[2])
    assert words[:3] == ["docker", "buildx", "build"]
    name = "inferpack-test/by-hand:1"
    subprocess.run([*words, "--load", "--tag", name], cwd=context, check=True)
    try:
        finished = engine.run(name, ["selftest"], timeout=120)
        assert (finished.code, finished.stdout[-14:]) == (0, "verdict: PASS\n")
    finally:
        engine.remove(name)
