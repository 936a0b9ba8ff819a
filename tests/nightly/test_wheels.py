"""Wheels that take many minutes to be compiled, installed from our own index as others are."""

import pytest

from inferpack import cli
from tests.integration.test_index_wheels import (
    built,
    server,
    test_pip_installs_a_wheel_of_ours_and_it_passes_its_test,
    test_uv_takes_the_wheel_of_each_architecture,
)

__all__ = [
    "built",
    "server",
    "test_pip_installs_a_wheel_of_ours_and_it_passes_its_test",
    "test_uv_takes_the_wheel_of_each_architecture",
]

VARIANTS = {
    variant.id: variant
    for name in ("inferpack-onednn", "llama-cpp-python")
    for variant in cli.shop().wheel_variants(name)
}

pytestmark = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
