"""Nouns that tests share: the repository's own recipes, and small fixed inputs."""

from pathlib import Path

import pytest

from inferpack import matrix, recipes
from inferpack.model import File, Origin, Package, Variant
from inferpack.render import Root

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def variants() -> tuple[Variant, ...]:
    return matrix.variants(recipes.load(ROOT / "recipes"))


@pytest.fixture
def onnxruntime(variants: tuple[Variant, ...]) -> Variant:
    return matrix.select(variants, "onnxruntime-mlas-py311-amd64")[0]


@pytest.fixture
def origin() -> Origin:
    return Origin(revision="0123456789abcdef0123456789abcdef01234567", created=1_700_000_000)


@pytest.fixture
def our_root() -> Root:
    """A base of two packages, as recorded after a build."""
    packages = tuple(
        Package(
            name=name,
            version=version,
            arch="amd64",
            file=File(name=f"{name}.deb", size=1, sha256="0" * 64),
        )
        for name, version in (("libc6", "2.36-9"), ("python3.11-minimal", "3.11.2-6"))
    )
    return Root(
        name="inferpack/base:bookworm",
        digest="sha256:" + "b" * 64,
        environment={"LANG": "C.UTF-8"},
        packages=packages,
    )
