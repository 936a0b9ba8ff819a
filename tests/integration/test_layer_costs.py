"""What an image costs whoever has the one before it: the blobs that a registry did not have."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from inferpack.images import MB
from tests.integration.checkout import LOCK, RECIPE, ROOT, Checkout, docker
from tests.integration.registries import Registry, running


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """An image in a registry; `new`: the sizes in bytes, by digest, of what came with it."""

    manifest: str
    config: str
    layers: dict[str, str]  # name → digest
    new: dict[str, int]

    @property
    def cost(self) -> int:
        """Bytes that a pull of it takes after a pull of what was there before."""
        return sum(self.new.values())

    def besides(self, *layers: str) -> set[str]:
        """What every image has of its own, and these layers."""
        return {self.manifest, self.config, *(self.layers[name] for name in layers)}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path / "registry") as made:
        yield made


def push(checkout: Checkout, registry: Registry) -> Pushed:
    """Builds, proves and pushes the checkout's image."""
    done, before = checkout.image(), registry.blobs()
    assert done.code == 0, done.stderr
    digest, name = done.stdout.strip(), f"{registry.host}/onnxruntime:latest"
    docker("tag", digest, name)
    try:
        docker("push", name)
    finally:
        docker("image", "rm", name)
    manifest = json.loads(registry.blob(digest))
    names = re.findall(
        r"^ADD --link layers/(.+)\.tar /$",
        (checkout.build / "context/Dockerfile").read_text(),
        re.M,
    )
    digests = [layer["digest"] for layer in manifest["layers"]]
    pushed = Pushed(
        manifest=digest,
        config=manifest["config"]["digest"],
        layers=dict(zip(names, digests, strict=True)),
        new={name: size for name, size in registry.blobs().items() if name not in before},
    )
    print(f"{pushed.cost} bytes")
    return pushed


def test_an_image_of_which_one_line_of_code_has_changed_costs_less_than_a_megabyte(
    checkout: Checkout, registry: Registry
) -> None:
    first = push(checkout, registry)
    assert set(first.new) == first.besides(*first.layers)
    with (checkout.root / "selftest/wording.py").open("a") as file:
        file.write("# a change\n")
    second = push(checkout, registry)
    assert set(second.new) == second.besides("selftest")
    assert second.cost < MB


@pytest.mark.parametrize(
    ("package", "requirement", "older"),
    [
        ("onnxruntime", '"onnxruntime==.+?"', '"onnxruntime==1.31.0"'),
        ("packaging", '"numpy>=2"', '"numpy>=2", "packaging==26.2"'),
    ],
    ids=["framework", "package"],
)
def test_an_upgrade_of_one_package_costs_its_layer_alone(
    checkout: Checkout,
    registry: Registry,
    package: str,
    requirement: str,
    older: str,
) -> None:
    checkout.edit(RECIPE, requirement, older)
    assert checkout.inv("lock", "onnxruntime-mlas-py311-amd64").code == 0
    first = push(checkout, registry)
    for name in (RECIPE, LOCK):
        (checkout.root / name).write_bytes((ROOT / name).read_bytes())
    second = push(checkout, registry)
    (upgraded,) = (name for name in second.layers if name.startswith(f"{package}-"))
    assert upgraded not in first.layers
    assert set(second.new) == second.besides(upgraded)
