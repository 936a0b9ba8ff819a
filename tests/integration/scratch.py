"""Fixtures: scratch copies of this repository, made once and removed with their images."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.integration.checkout import ROOT, Checkout, forget, scratch


@pytest.fixture(scope="session")
def proven_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose onnxruntime image is proven; nothing may change in it.

    It shares what costs a download with this repository, and makes its own layers.
    """
    made = scratch(tmp_path_factory.mktemp("proven") / "checkout")
    made.cache.mkdir()
    for name in ("base", "debs", "wheels", "partial"):
        (ROOT / ".cache" / name).mkdir(parents=True, exist_ok=True)
        (made.cache / name).symlink_to(ROOT / ".cache" / name)
    done = made.image()
    assert done.code == 0, done.stderr
    yield made
    forget(made)


@pytest.fixture
def checkout(proven_checkout: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """A checkout with everything cached and nothing built."""
    made = proven_checkout.copy(tmp_path / "checkout")
    yield made
    forget(made)


@pytest.fixture(scope="module")
def bare_checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with nothing cached, for what fails before anything is made."""
    return scratch(tmp_path_factory.mktemp("bare") / "checkout")


def apart(shop: Workshop, variant: Variant, root: Path) -> Workshop:
    """The workshop with a build folder of its own, where the proven image of a variant is known."""
    for name in ("recipes", "templates", "selftest", "plugins", ".cache", ".git"):
        (root / name).symlink_to(shop.root / name)
    own = dataclasses.replace(shop, root=root)
    own.folder(variant).mkdir(parents=True)
    for name in ("image.json", "proof.json", "context"):
        (own.folder(variant) / name).symlink_to(shop.folder(variant) / name)
    return own
