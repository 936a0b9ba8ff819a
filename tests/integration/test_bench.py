"""`./inv bench` on a real image: measured once, recorded with its image and machine."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import images, pipeline, throughput
from inferpack.model import Variant
from inferpack.workshop import Workshop

MLAS = "onnxruntime-mlas-py311-amd64"


@pytest.fixture
def apart(shop: Workshop, variant: Variant, image: str, tmp_path: Path) -> Iterator[Workshop]:
    """The real workshop with a build folder of its own, where the image is proven already."""
    for name in ("recipes", "templates", "selftest", ".cache", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    own = dataclasses.replace(shop, root=tmp_path)
    own.folder(variant).mkdir(parents=True)
    for name in ("image.json", "proof.json", "context"):
        (own.folder(variant) / name).symlink_to(shop.folder(variant) / name)
    yield own


@pytest.mark.parametrize("variant", [MLAS], indirect=True)
def test_a_bench_is_recorded_with_its_image_and_machine(
    apart: Workshop, variant: Variant, image: str
) -> None:
    path = throughput.bench(apart, variant)
    found = throughput.read(apart.folder(variant))
    assert path == apart.folder(variant) / "bench.json"
    assert found is not None
    assert (found.digest, found.machine) == (image, pipeline.processor())
    assert images.read(apart.folder(variant)) is not None
    assert {network.name for network in found.report.networks} == {"resnet50", "mobilenet_v2"}
    for network in found.report.networks:
        assert network.int8.best.images_per_s > 0
        assert network.fp32.error < 1e-3 < network.int8.error < 0.5
