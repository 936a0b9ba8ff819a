"""A recipe may start from a registry image by digest instead of our own base; proven alike."""

import dataclasses
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from inferpack import images, matrix, pipeline
from inferpack.engine import Engine
from inferpack.model import Arch, Variant
from inferpack.workshop import Workshop
from tests.integration.conftest import VARIANTS


@pytest.fixture
def onnxruntime() -> Variant:
    return matrix.select(VARIANTS, "onnxruntime-mlas-py311-amd64")[0]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry on a free local port, unpacked rather than installed."""
    subprocess.run(["apt-get", "download", "-q", "docker-registry"], cwd=tmp_path, check=True)
    (package,) = tmp_path.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "unpacked"], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "config.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'blobs'}}}}}"
    config.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: '127.0.0.1:{port}'}}\n")
    program = tmp_path / "unpacked/usr/bin/docker-registry"
    server = subprocess.Popen([program, "serve", config], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"no registry on port {port}")


@pytest.fixture
def pinned(
    registry: str, engine: Engine, shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> Iterator[str]:
    """Our base pushed as somebody's image, named by digest, and gone from the engine."""
    built = pipeline.inputs(shop, onnxruntime).base
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "base.tar").hardlink_to(built.tar)
    (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    name = f"{registry}/somebody/base:1"
    digest = engine.build(folder, name=name, arch=Arch.AMD64, created=0)
    engine.client.images.push(name)
    engine.remove(name)
    yield f"{registry}/somebody/base@{digest}"


def test_an_image_on_a_registry_base_is_proven(
    pinned: str, engine: Engine, shop: Workshop, onnxruntime: Variant, tmp_path: Path
) -> None:
    for name in ("recipes", "templates", "selftest", ".cache", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    variant = dataclasses.replace(
        onnxruntime,
        recipe=msgspec.structs.replace(onnxruntime.recipe, base=pinned),
        namespace="inferpack-test",
    )
    scratch = dataclasses.replace(shop, root=tmp_path)
    try:
        proof = pipeline.image(scratch, variant)
        assert proof.report.passed
        labels = engine.client.images.get(variant.reference).labels
        name, _, digest = pinned.partition("@")
        assert labels["org.opencontainers.image.base.name"] == name
        assert labels["org.opencontainers.image.base.digest"] == digest
        assert "io.inferpack.base.packages" not in labels
        text = (scratch.folder(variant) / "context/Dockerfile").read_text()
        assert f"FROM {pinned}\n" in text and "base.tar" not in text
    finally:
        engine.remove(images.unproven(variant))
        engine.remove(variant.reference)
