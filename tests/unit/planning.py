"""A checkout of the repository's recipes, and an engine that has what it was told it has."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import cli, hosts, images, keys, matrix, multiarch, plan, proof
from inferpack.engine import Engine
from inferpack.keys import Keys
from inferpack.model import Arch, Variant
from inferpack.workshop import Workshop
from tests.unit import records

ORT, DEV = "onnxruntime-mlas-py311-amd64", "onnxruntime-mlas-py311-amd64-dev"
LLAMA, WHEEL = "llama-cpp-ggml-py311-amd64", "llama-cpp-python-ggml-amd64"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Held(Engine):
    """An engine that has what it was told it has: digests by names."""

    arch: Arch = Arch.AMD64
    names: dict[str, str] = dataclasses.field(default_factory=dict)

    def digest(self, reference: str) -> str | None:
        return self.names.get(reference)

    def version(self) -> str:
        return "26.1.5"


@pytest.fixture
def engine(tmp_path: Path) -> Held:
    return Held(logs=tmp_path)


@pytest.fixture
def shop(tmp_path: Path, engine: Held) -> Workshop:
    """The repository's recipes and locks, with nothing built."""
    for name in ("plugins", "recipes", "selftest", "templates", "wheels"):
        (tmp_path / name).symlink_to(cli.ROOT / name)
    return dataclasses.replace(cli.shop(), root=tmp_path, engine=engine)


@pytest.fixture
def variant(shop: Workshop) -> Variant:
    return matrix.select(shop.variants(), ORT)[0]


def made(shop: Workshop, engine: Held, variant: Variant, **other: Any) -> images.Image:
    """Records of an image proven here, as ./inv image leaves them, and the engine that has it."""
    inputs = Keys(shop=shop).here(variant)
    image = records.image(key=keys.key(inputs), inputs=inputs, revision="a" * 40, **other)
    images.record(shop.folder(variant), image)
    prove(shop, variant)
    engine.names.update({image.digest: image.digest, variant.reference: image.digest})
    listed = multiarch.digest_of(multiarch.document({variant.arch: image}))
    engine.names.update(dict.fromkeys(listing(shop, variant), listed))
    return image


def listing(shop: Workshop, variant: Variant) -> tuple[str, ...]:
    """The indexes that have it."""
    known = multiarch.indexes(shop.variants(variant.recipe.name))
    return tuple(index.reference for index in known if variant in index.variants)


def prove(shop: Workshop, variant: Variant, machine: str = "", **other: Any) -> None:
    proven = records.proof(variant, **other)
    machine = machine or hosts.here()
    proof.record(shop.folder(variant), msgspec.structs.replace(proven, machine=machine))


def steps(shop: Workshop, glob: str = ORT, since: Path | None = None) -> dict[str, object]:
    planned = plan.make(shop, glob, since)
    return {job.id: {step.stage: step.why for step in job.steps} for job in planned.jobs}
