"""A publisher at work: onnxruntime's proven images, a registry, and a key."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inferpack import publish
from inferpack.distribution import Tools
from inferpack.errors import InferpackError
from inferpack.model import Arch, Variant
from inferpack.sending import Publisher
from inferpack.workshop import Workshop
from tests.integration.conftest import KNOWN, proven
from tests.integration.publishing import committed
from tests.integration.registries import Registry, running

NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
DAY = 86_400
(ONNXRUNTIME,) = {item.version for item in KNOWN if item.recipe.name == "onnxruntime"}
STEM = f"{ONNXRUNTIME}-mlas-py311"
DATED, MORROW = f"{STEM}-20261121", f"{STEM}-20261122"
MOVING = (f"{ONNXRUNTIME}-mlas", ONNXRUNTIME, "latest")


@pytest.fixture(scope="module")
def variants(shop: Workshop) -> tuple[Variant, ...]:
    """onnxruntime's, proven on both architectures."""
    ids = tuple(f"onnxruntime-mlas-py311-{arch}" for arch in Arch)
    for name in ids:
        proven(name)
    return tuple(shop.variants(name)[0] for name in ids)


@pytest.fixture
def own(shop: Workshop, variants: tuple[Variant, ...], tmp_path: Path) -> Workshop:
    """The workshop at noon, with records that a test may spoil."""
    made = committed(shop, variants, tmp_path / "checkout")
    return at(made, NOON)


def at(shop: Workshop, moment: int) -> Workshop:
    return replace(shop, now=lambda: moment)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path / "registry") as made:
        yield made


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Path]:
    """A private key of cosign's; own.pub is beside it."""
    folder = tmp_path_factory.mktemp("key")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSIGN_PASSWORD", "a password")
        subprocess.run(
            [tools.cosign, "generate-key-pair", "--output-key-prefix", "own"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        yield folder / "own.key"


@pytest.fixture(scope="session")
def tools(shop: Workshop) -> Tools:
    return shop.tools()


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """A publisher at work: everything but what is to be published."""

    shop: Workshop
    to: Publisher
    registry: Registry

    def publish(self, variants: tuple[Variant, ...], *, later: int = 0) -> tuple[str, ...]:
        shop = at(self.shop, NOON + later)
        return tuple(release.digest for release in publish.publish(shop, self.to, variants))

    def refused(self, variants: tuple[Variant, ...], *, later: int = 0) -> str:
        before = self.tags
        with pytest.raises(InferpackError) as err:
            self.publish(variants, later=later)
        assert self.tags == before
        return str(err.value)

    @property
    def repository(self) -> str:
        return f"{self.to.registry}/onnxruntime"

    @property
    def tags(self) -> dict[str, str]:
        """The tags that people use."""
        found = self.registry.tags(self.repository.partition("/")[2])
        return {tag: digest for tag, digest in found.items() if not tag.startswith("sha256-")}


@pytest.fixture
def desk(own: Workshop, registry: Registry, tools: Tools) -> Desk:
    to = Publisher(registry=f"{registry.host}/staging", tools=tools, signer=None)
    return Desk(shop=own, to=to, registry=registry)
