"""`./inv bench` on a real image: measured once, recorded with its image and machine."""

from pathlib import Path

import pytest

from inferpack import hosts, images, throughput
from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.integration.scratch import apart

MLAS = "onnxruntime-mlas-py311-amd64"


@pytest.mark.parametrize("variant", [MLAS], indirect=True)
def test_a_bench_is_recorded_with_its_image_and_machine(
    shop: Workshop, variant: Variant, image: str, tmp_path: Path
) -> None:
    own = apart(shop, variant, tmp_path)
    path = throughput.bench(own, variant)
    found = throughput.read(own.folder(variant))
    assert path == own.folder(variant) / "bench.json"
    assert found is not None
    assert (found.digest, found.machine) == (image, hosts.here())
    assert images.read(own.folder(variant)) is not None
    assert {network.name for network in found.report.networks} == {"resnet50", "mobilenet_v2"}
    for network in found.report.networks:
        assert network.int8.best.images_per_s > 0
        assert network.fp32.error < 1e-3 < network.int8.error < 0.5
