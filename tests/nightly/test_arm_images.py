"""Arm's images of a second backend: each framework's best is proven in every run."""

import pytest

from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.integration.test_arm_images import ARM, BEST, check


@pytest.mark.parametrize(
    "variant", [item for item in ARM if item not in BEST.values()], ids=lambda variant: variant.id
)
def test_an_arm_image_is_proven(variant: Variant, shop: Workshop) -> None:
    check(variant, shop)
