"""Dev images for Arm, which are built for the night alone."""

import pytest

from inferpack import base, emulation
from inferpack.engine import Engine
from inferpack.model import Arch
from inferpack.workshop import Workshop
from tests.integration.shells import USER, bash
from tests.nightly.test_dev_compilers import CPP


@pytest.mark.skipif(base.native() is Arch.ARM64, reason="Arm's images are not emulated on Arm")
def test_arms_is_whole(shop: Workshop, engine: Engine) -> None:
    """Unpacked without emulation; only here does it run emulated."""
    emulation.emulator(shop, Arch.ARM64)
    _, options = emulation.by_kernel(Arch.ARM64)
    script = f"""
        dpkg --audit
        apt-get check -qq
        {CPP.replace("$1", "Ninja")}
        uname -m
    """
    root = {**USER, "user": "0:0"}
    variant = "onnxruntime-mlas-py311-arm64-dev"
    environment = {"QEMU_CPU": "neoverse-n1"}
    assert bash(engine, variant, script, environment=environment, **{**root, **options}) == (
        "hello 201703\naarch64"
    )
