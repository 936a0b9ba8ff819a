"""Machines push their images by digest; another, whose engine has none of them, publishes them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from inferpack import images, nightly, publish
from inferpack.distribution import Published, Tools
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.plan import Plan
from inferpack.referrers import PROVENANCE, fetch
from inferpack.workshop import Workshop
from tests.integration import desk as fixtures
from tests.integration.desk import DATED, MOVING, Desk, at
from tests.integration.publishing import committed
from tests.integration.registries import free_port
from tests.integration.second_engine import beside

variants = fixtures.variants
own = fixtures.own
registry = fixtures.registry
tools = fixtures.tools
desk = fixtures.desk


@pytest.fixture(scope="module")
def empty(engine: Engine) -> Iterator[Engine]:
    """An engine that has no image."""
    with beside(engine, containerd_store=True) as made:
        yield Engine(logs=engine.logs, host=made.host)


@pytest.fixture
def merging(desk: Desk, empty: Engine, tmp_path: Path) -> Desk:
    """Records of all, as CI hands them on, and nothing else: not a wheel, not an image."""
    root = tmp_path / "merging"
    shutil.copytree(desk.shop.root, root, symlinks=True)
    (root / ".cache").unlink()
    (root / ".cache").mkdir()
    (root / ".cache/tools").symlink_to(desk.shop.cache / "tools")
    return replace(desk, shop=replace(desk.shop, root=root, engine=empty))


def machine(desk: Desk, variant: Variant, root: Path) -> Workshop:
    """Of a CI job: it knows of its own variant alone."""
    return at(committed(desk.shop, (variant,), root), desk.shop.now())


def test_what_machines_pushed_apart_another_names_without_having_it(
    desk: Desk, merging: Desk, variants: tuple[Variant, ...], tools: Tools, tmp_path: Path
) -> None:
    to = replace(desk.to, builder="https://ci.example.com/a-job")
    for variant in variants:
        publish.push_images(machine(desk, variant, tmp_path / variant.id), to, (variant,))
    before = desk.registry.blobs()
    assert desk.tags == {}
    (digest,) = merging.publish(variants)
    assert desk.tags == dict.fromkeys((DATED, *MOVING), digest)
    assert [size for name, size in desk.registry.blobs().items() if name not in before] == [
        len(desk.registry.blob(digest))
    ]
    assert not list(merging.shop.cache.glob("wheels/*"))  # nor anything fetched to tell of it
    for variant in variants:
        image = images.read(desk.shop.folder(variant))
        assert image
        told = fetch(tools, Published(desk.repository, image.digest), PROVENANCE)
        assert b"https://ci.example.com/a-job" in told


def test_a_night_pushes_what_an_earlier_one_could_not(
    desk: Desk, merging: Desk, variants: tuple[Variant, ...]
) -> None:
    """It was killed before that, or the registry was away, as the second is here."""
    ids = tuple(variant.id for variant in variants)
    planned = Plan(revision="", wheels=(), images=(), unchanged=ids)
    assert nightly.catch_up(desk.shop, planned, desk.to) == frozenset()
    assert len(merging.publish(variants)) == 1
    away = replace(desk.to, registry=f"127.0.0.1:{free_port()}/away")
    assert nightly.catch_up(desk.shop, planned, away) == {*ids}


def test_what_nobody_has_pushed_is_named(
    desk: Desk, merging: Desk, variants: tuple[Variant, ...]
) -> None:
    publish.push_images(desk.shop, desk.to, variants[:1])
    assert merging.refused(variants) == (
        f"{variants[1].id}: neither the registry nor the engine has the image on record; "
        f"run ./inv image {variants[1].id}"
    )


def test_the_label_of_an_image_that_only_the_registry_has_is_read(
    desk: Desk, merging: Desk, variants: tuple[Variant, ...]
) -> None:
    """A record of one variant that names the other's image, proof and all."""
    publish.push_images(desk.shop, desk.to, variants[:1])
    one, other = (merging.shop.folder(variant) for variant in variants)
    right, wrong = images.read(one), images.read(other)
    assert right and wrong
    images.record(other, structs.replace(wrong, digest=right.digest))
    (other / "proof.json").unlink()
    (other / "proof.json").write_bytes((one / "proof.json").read_bytes())
    with pytest.raises(InferpackError) as err:
        publish.push_images(merging.shop, merging.to, variants[1:])
    assert str(err.value) == (
        f"{variants[1].id}: the image on record is of {variants[0].id}, as its label says; "
        f"run ./inv image {variants[1].id}"
    )
