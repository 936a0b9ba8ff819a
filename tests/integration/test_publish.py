"""./inv publish and ./inv promote, with a real registry, and what they refuse."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import structs

from inferpack import distribution, images, multiarch, promote, publish, referrers
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.model import Arch, Variant
from inferpack.publish import Publication, Publisher
from inferpack.store import read_record
from inferpack.workshop import Workshop
from tests.integration.conftest import proven
from tests.integration.publishing import committed
from tests.integration.registries import Registry, running

NOON = 1_795_262_400  # 2026-11-21 12:00 UTC
DAY = 86_400
DATED = "1.31.1-mlas-py311-20261121"
MOVING = ("1.31.1-mlas", "1.31.1", "latest")


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
        assert before.items() <= self.tags.items()  # those of before stay valid
        assert {tag for tag in self.tags if tag in MOVING} <= set(before)
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


def test_a_release_is_pushed_documented_signed_and_named(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools
) -> None:
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    (release,) = publish.publish(desk.shop, to, variants)
    assert desk.tags == dict.fromkeys((DATED, *MOVING), release.digest)
    held = {image.arch: images.read(desk.shop.folder(image)) for image in variants}
    document = json.loads(multiarch.document({a: i for a, i in held.items() if i}))
    assert distribution.manifest(tools, f"{desk.repository}:latest") == document
    for variant in variants:
        image = images.read(desk.shop.folder(variant))
        assert image
        place = Published(desk.repository, image.digest)
        kinds = (referrers.SBOM, referrers.PROVENANCE, referrers.PROOF)
        assert set(referrers.listed(tools, place)) == {kind.artifact for kind in kinds}
        assert read_record(desk.shop.folder(variant) / "release.json", Publication) == Publication(
            digest=image.digest, repository=desk.repository, tags=MOVING, published=NOON
        )
    public = str(key.with_suffix(".pub"))
    verify = [str(tools.cosign), "verify", "--private-infrastructure", "--key", public]
    subprocess.run([*verify, f"{desk.repository}:latest"], check=True, capture_output=True)


def test_nothing_changed_is_nothing_pushed(desk: Desk, variants: tuple[Variant, ...]) -> None:
    first = desk.publish(variants)
    blobs, tags, start = desk.registry.blobs(), desk.tags, time.monotonic()
    assert desk.publish(variants, later=DAY) == first
    assert time.monotonic() - start < 1
    assert (desk.registry.blobs(), desk.tags) == (blobs, tags)


def spoilt(desk: Desk, variant: Variant, **facts: object) -> None:
    """Another image on record."""
    image = images.read(desk.shop.folder(variant))
    assert image
    images.record(desk.shop.folder(variant), structs.replace(image, **facts))


def test_a_dated_tag_never_changes(desk: Desk, variants: tuple[Variant, ...]) -> None:
    amd64 = variants[0]
    (first,) = desk.publish((amd64,))
    message = desk.refused(variants)
    assert message.startswith(f"{desk.repository}:{DATED}: is {first} already, and this would be ")
    assert message.endswith("; dated tags never change: publish again tomorrow")
    (second,) = desk.publish(variants, later=DAY)
    assert desk.tags == {
        DATED: first,
        "1.31.1-mlas-py311-20261122": second,
        **dict.fromkeys(MOVING, second),
    }


def test_a_tag_never_loses_a_platform(desk: Desk, variants: tuple[Variant, ...]) -> None:
    desk.publish(variants)
    assert desk.refused(variants[:1], later=DAY) == (
        f"{desk.repository}:1.31.1-mlas: would lose linux/arm64; give it that too: --arch all"
    )


def spoil_digest(desk: Desk, variant: Variant) -> None:
    spoilt(desk, variant, digest=f"sha256:{'0' * 64}")


def spoil_proof(desk: Desk, variant: Variant) -> None:
    path = desk.shop.folder(variant) / "proof.json"
    found = json.loads(path.read_text())
    found["report"]["checks"][0]["passed"] = False
    path.unlink()
    path.write_text(json.dumps(found))


def remove_proof(desk: Desk, variant: Variant) -> None:
    (desk.shop.folder(variant) / "proof.json").unlink()


def spoil_revision(desk: Desk, variant: Variant) -> None:
    spoilt(desk, variant, revision="c0ffee-dirty")


def spoil_wheels(desk: Desk, variant: Variant) -> None:
    image = images.read(desk.shop.folder(variant))
    assert image
    spoilt(desk, variant, wheels=image.wheels[1:])


UNPROVEN = "the engine has no image of it with a passing proof"


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (spoil_digest, UNPROVEN),
        (spoil_proof, UNPROVEN),
        (remove_proof, UNPROVEN),
        (spoil_revision, "the image was built from uncommitted changes"),
        (spoil_wheels, "the image was built from another lock"),
    ],
)
def test_only_what_is_proven_is_published(
    desk: Desk,
    variants: tuple[Variant, ...],
    spoil: Callable[[Desk, Variant], None],
    wrong: str,
) -> None:
    spoil(desk, variants[1])
    message = desk.refused(variants)
    assert message.startswith(f"{variants[1].id}: {wrong}; ")
    assert message.endswith(f"run ./inv image {variants[1].id}")
    assert desk.registry.blobs() == {}


def test_a_release_is_promoted_with_all_that_belongs_to_it(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools
) -> None:
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    (release,) = publish.publish(desk.shop, to, variants)
    blobs = {name: size for name, size in desk.registry.blobs().items() if size > 100_000}
    public = str(key.with_suffix(".pub"))
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target, public, {})
    (one,) = promote.promote(desk.shop, route, variants)
    source, copied = (desk.registry.tags(f"{name}/onnxruntime") for name in ("staging", "release"))
    assert set(copied) == set(source)
    assert {copied[tag] for tag in (DATED, *MOVING)} == {one.digest} == {release.digest}
    now = {name: size for name, size in desk.registry.blobs().items() if size > 100_000}
    assert now == blobs  # nothing was built, so nothing is new
    verify = [str(tools.cosign), "verify", "--private-infrastructure", "--key", public]
    subprocess.run([*verify, f"{target}/onnxruntime:latest"], check=True, capture_output=True)


def test_what_is_not_signed_by_the_key_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...], key: Path
) -> None:
    (digest,) = desk.publish(variants)
    target = f"{desk.registry.host}/release"
    public = str(key.with_suffix(".pub"))
    route = promote.route(desk.shop, desk.to.registry, target, public, {})
    with pytest.raises(InferpackError) as err:
        promote.promote(desk.shop, route, variants)
    assert str(err.value) == (
        f"{desk.repository}@{digest}: is not signed by this key; who published it?"
    )
    assert desk.registry.tags("release/onnxruntime") == {}


def test_what_was_never_published_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...]
) -> None:
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target, "", {})
    with pytest.raises(InferpackError) as err:
        promote.promote(desk.shop, route, variants)
    hint = "publish it: ./inv publish onnxruntime"
    assert str(err.value) == f"{desk.repository}: has none of its tags; {hint}"
