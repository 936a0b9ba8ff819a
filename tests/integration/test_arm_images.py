"""Every framework's arm64 image is built and proven once, and one name serves both architectures.

Those of a second backend are for tests/nightly/test_arm_images.py.
"""

import subprocess

import pytest

from inferpack import base, images, matrix
from inferpack.model import Arch, Variant
from inferpack.translation import Phase
from inferpack.workshop import Workshop
from tests.integration.conftest import EVERY, proven

ARM = matrix.usual(EVERY, "*-arm64", Arch.ARM64)
BEST = {item.recipe.name: item for item in reversed(ARM)}  # a matrix runs from best to least
BOTH = "onnxruntime-mlas-py311-amd64", "onnxruntime-mlas-py311-arm64"
PER_DOT = {"sdot", "udot", "usdot", "smmla", "ummla", "usmmla"}


@pytest.mark.parametrize("variant", BEST.values(), ids=lambda variant: variant.id)
def test_an_arm_image_is_proven(variant: Variant, shop: Workshop) -> None:
    check(variant, shop)


def check(variant: Variant, shop: Workshop) -> None:
    proof = proven(variant.id)
    image = images.read(shop.folder(variant))
    assert image is not None
    assert (proof.digest, proof.report.variant) == (image.digest, variant.id)
    assert (proof.report.passed, proof.report.cpu.arch) == (True, "aarch64")
    assert proof.report.emulated is (proof.emulation is not None)
    assert proof.report.emulated is (base.native() is not Arch.ARM64)
    if proof.emulation:  # on Neoverse N1, which has dot products
        phases = proof.emulation.translation.phases
        assert PER_DOT & set(phases[Phase.INT8])
        assert not PER_DOT & set(phases[Phase.FP32])


def test_one_name_has_both_architectures_images() -> None:
    digests = [proven(name).digest for name in BOTH]
    (variant,) = matrix.select(EVERY, BOTH[0])
    name = f"{variant.namespace}/{variant.recipe.name}:{variant.version}"
    found = []
    for arch in (Arch.AMD64, Arch.ARM64):
        words = ["docker", "run", "--rm", "--init", "--platform", f"linux/{arch}", name]
        words += ["python3", "-c", "import platform; print(platform.machine())"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found.append(done.stdout.strip())
    assert found == ["x86_64", "aarch64"]
    saved = subprocess.run(["docker", "save", name], capture_output=True, check=True).stdout
    assert all(digest.removeprefix("sha256:").encode() in saved for digest in digests)
