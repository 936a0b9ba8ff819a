"""A recipe may start from a registry image by digest instead of our own base; proven alike."""

import dataclasses
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from inferpack import images, matrix, pipeline, tree
from inferpack.engine import Engine
from inferpack.errors import UsageError
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
def pushed(registry: str, engine: Engine, tmp_path: Path) -> Callable[[Path], str]:
    """Pushes a root file system as somebody's image, named by digest, and gone from the engine."""

    def push(tar: Path) -> str:
        folder = tmp_path / "base"
        folder.mkdir()
        (folder / "base.tar").write_bytes(tar.read_bytes())
        (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        name = f"{registry}/somebody/base:1"
        digest = engine.build(folder, name=name, arch=Arch.AMD64, created=0).digest
        engine.client.images.push(name)
        engine.remove(name)
        return f"{registry}/somebody/base@{digest}"

    return push


@pytest.fixture
def apart(shop: Workshop, tmp_path: Path) -> Workshop:
    for name in ("recipes", "templates", "selftest", ".cache", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    return dataclasses.replace(shop, root=tmp_path)


def on(variant: Variant, base: str) -> Variant:
    recipe = msgspec.structs.replace(variant.recipe, base=base)
    return dataclasses.replace(variant, recipe=recipe, namespace="inferpack-test")


def test_an_image_on_a_registry_base_is_proven(
    pushed: Callable[[Path], str], engine: Engine, apart: Workshop, onnxruntime: Variant
) -> None:
    pinned = pushed(pipeline.inputs(apart, onnxruntime).base.tar)
    variant = on(onnxruntime, pinned)
    try:
        assert pipeline.image(apart, variant).report.passed
        labels = engine.client.images.get(variant.reference).labels
        name, _, digest = pinned.partition("@")
        assert labels["org.opencontainers.image.base.name"] == name
        assert labels["org.opencontainers.image.base.digest"] == digest
        assert "io.inferpack.base.packages" not in labels
        text = (apart.folder(variant) / "context/Dockerfile").read_text()
        assert f"FROM {pinned}\n" in text and "base.tar" not in text
    finally:
        for image in engine.client.images.list(name=f"{variant.namespace}/*"):
            for name in image.tags:
                engine.remove(name)


def test_a_registry_base_without_the_right_python_is_refused(
    pushed: Callable[[Path], str],
    engine: Engine,
    apart: Workshop,
    onnxruntime: Variant,
    tmp_path: Path,
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("empty\n")
    tree.pack(tmp_path / "etc", tmp_path / "empty.tar")
    variant = on(onnxruntime, pushed(tmp_path / "empty.tar"))
    with pytest.raises(UsageError) as err:
        pipeline.image(apart, variant)
    assert str(err.value) == (
        f"recipes/onnxruntime.toml: {variant.recipe.base} has no Debian Python 3.11 at"
        " /usr/bin/python3; name a base that has it, or one of recipes/bases.toml"
    )
    assert engine.digest(images.unproven(variant)) is None
