"""Real images on the real engine: each variant is built and proven once a run."""

import functools
from pathlib import Path

import pytest

from inferpack import base, cli, matrix, pipeline, proof, recipes
from inferpack.engine import Engine
from inferpack.model import NAMESPACE, Arch, Variant
from inferpack.workshop import Workshop
from tests.integration.containers import Run
from tests.integration.scratch import bare_checkout, checkout, proven_checkout

__all__ = ["bare_checkout", "checkout", "proven_checkout"]  # fixtures of another file

KNOWN = matrix.variants(recipes.load(cli.ROOT / "recipes"))
# Those of wheels that must be compiled for minutes before are for tests/nightly.
EVERY = tuple(item for item in KNOWN if f"+{NAMESPACE}." not in item.cell.version)
VARIANTS = matrix.usual(EVERY, "*", base.native())  # of this machine's architecture, to run models


@pytest.fixture(scope="session")
def shop() -> Workshop:
    return cli.shop()


@pytest.fixture(scope="session")
def engine(shop: Workshop) -> Engine:
    return shop.engine


@pytest.fixture(scope="session")
def qemu(shop: Workshop) -> Path:
    """A static program that runs x86-64 programs on an emulated CPU: qemu-x86_64."""
    return shop.emulator(Arch.AMD64)


@functools.cache
def proven(variant_id: str) -> proof.Proof:
    (variant,) = matrix.select(KNOWN, variant_id)
    return pipeline.image(cli.shop(), variant)


@pytest.fixture(params=VARIANTS, ids=lambda variant: variant.id)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Every variant in turn, or the ones a test names by id."""
    chosen = request.param
    return chosen if isinstance(chosen, Variant) else matrix.select(KNOWN, chosen)[0]


@pytest.fixture
def image(variant: Variant) -> str:
    """The digest of the variant's proven image."""
    return proven(variant.id).digest


@pytest.fixture
def run(engine: Engine, image: str) -> Run:
    """Runs a command in the variant's image: any uid, read-only, no network, no capabilities."""
    return functools.partial(engine.run, image, timeout=120.0)
