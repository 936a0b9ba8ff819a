"""An arm64 image is built on amd64 without a single program of arm64 being run."""

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import base, binfmt, cli, images, matrix, pipeline
from inferpack.model import Arch, Variant
from inferpack.workshop import Workshop

STATUS = binfmt.FOLDER / "status"
OTHERS = [
    variant
    for variant in matrix.usual(cli.shop().variants(), "onnxruntime", None)
    if variant.arch is not base.native()
]


@pytest.fixture
def no_emulation() -> Iterator[None]:
    """The kernel runs no program of another architecture, whoever has registered what."""
    on = binfmt.read(STATUS) == (binfmt.ENABLED,)
    if on:
        STATUS.write_text("0")
    yield
    if on:
        STATUS.write_text("1")


@pytest.fixture
def cold(shop: Workshop, tmp_path: Path) -> Workshop:
    """The workshop with downloads in its cache, and nothing made of them."""
    for name in ("recipes", "templates", "selftest", "plugins", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    (tmp_path / ".cache").mkdir()
    for name in ("debs", "wheels", "partial"):
        (shop.cache / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / ".cache" / name).symlink_to(shop.cache / name)
    return dataclasses.replace(shop, root=tmp_path)


@pytest.mark.usefixtures("no_emulation")
@pytest.mark.parametrize("variant", OTHERS, ids=lambda variant: variant.id)
def test_an_image_for_another_architecture_needs_no_emulator(
    cold: Workshop, variant: Variant
) -> None:
    # Not under the checkout's own names: what is proven there stays
    own = dataclasses.replace(variant, namespace="inferpack-cold")
    try:
        made = pipeline.inputs(cold, own)
        with pytest.raises(OSError, match="Exec format error"):
            subprocess.run([made.base.root / "usr/bin/python3.11", "-V"], check=True)
        built = pipeline.build(cold, made)
        (arch,) = {package.arch for package in built.debian if package.name == "libc6"}
    finally:
        cold.engine.remove(images.unproven(own))
    assert Arch(arch) is variant.arch
