"""./inv publish with a real registry, and what it refuses."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from msgspec import structs

from inferpack import (
    distribution,
    images,
    multiarch,
    publish,
    referrers,
    releases,
    remotes,
    sending,
    signatures,
)
from inferpack.distribution import Published, Tools
from inferpack.model import Variant
from inferpack.publish import Publication
from inferpack.store import read_record
from tests.integration import desk as fixtures
from tests.integration.desk import DATED, DAY, MORROW, MOVING, NOON, Desk

variants = fixtures.variants
own = fixtures.own
registry = fixtures.registry
key = fixtures.key
tools = fixtures.tools
desk = fixtures.desk


def test_a_release_is_pushed_documented_signed_and_named(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools
) -> None:
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    (release,) = publish.publish(desk.shop, to, variants)
    assert desk.tags == dict.fromkeys((DATED, *MOVING), release.digest)
    held = {image.arch: images.read(desk.shop.folder(image)) for image in variants}
    document = json.loads(multiarch.document({a: i for a, i in held.items() if i}))
    assert distribution.fetched(tools, f"{desk.repository}:latest", dict[str, Any]) == document
    for variant in variants:
        image = images.read(desk.shop.folder(variant))
        assert image
        place = Published(desk.repository, image.digest)
        kinds = (referrers.SBOM, referrers.PROVENANCE, referrers.PROOF)
        assert set(referrers.listed(tools, place)) == {kind.artifact for kind in kinds}
        assert read_record(desk.shop.folder(variant) / "release.json", Publication) == Publication(
            digest=image.digest,
            repository=desk.repository,
            indexes=dict.fromkeys((DATED, *MOVING), release.digest),
            published=NOON,
        )
    public = str(key.with_suffix(".pub"))
    verify = [str(tools.cosign), "verify", "--private-infrastructure", "--key", public]
    subprocess.run([*verify, f"{desk.repository}:latest"], check=True, capture_output=True)


def test_nothing_changed_is_nothing_pushed(desk: Desk, variants: tuple[Variant, ...]) -> None:
    first = desk.publish(variants)
    blobs, tags = desk.registry.blobs(), desk.tags
    assert desk.publish(variants, later=DAY) == first
    assert (desk.registry.blobs(), desk.tags) == (blobs, tags)


def test_another_keys_signature_is_not_ours(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools, tmp_path: Path
) -> None:
    desk.publish(variants)
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    (release,) = publish.publish(desk.shop, to, variants)  # signs what was not signed
    public = signatures.of_key(str(key.with_suffix(".pub")))
    assert signatures.signed(tools, release.published, public)
    words = [str(tools.cosign), "generate-key-pair", "--output-key-prefix", "other"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    other = publish.publisher(desk.shop, desk.to.registry, str(tmp_path / "other.key"), {})
    publish.publish(desk.shop, other, variants)
    theirs = signatures.of_key(str(tmp_path / "other.pub"))
    for verifies in (public, theirs):
        assert signatures.signed(tools, release.published, verifies)


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
    assert message.endswith("; dated tags never change; tomorrow's is another")
    (second,) = desk.publish(variants, later=DAY)
    assert desk.tags == {
        DATED: first,
        MORROW: second,
        **dict.fromkeys(MOVING, second),
    }


def test_a_dated_tag_that_is_gone_is_set_again(desk: Desk, variants: tuple[Variant, ...]) -> None:
    """By the day on which that is seen: without one nobody can promote the release."""
    (digest,) = desk.publish(variants)
    place = desk.registry.data / "docker/registry/v2/repositories/staging/onnxruntime"
    shutil.rmtree(place / "_manifests/tags" / DATED)
    assert desk.tags == dict.fromkeys(MOVING, digest)
    assert desk.publish(variants, later=DAY) == (digest,)
    assert desk.tags == dict.fromkeys((MORROW, *MOVING), digest)


def test_a_tag_never_loses_a_platform(desk: Desk, variants: tuple[Variant, ...]) -> None:
    desk.publish(variants)
    assert desk.refused(variants[:1], later=DAY) == (
        f"{desk.repository}:{MOVING[0]}: would lose linux/arm64; give it that too: --arch all"
    )


def delete(desk: Desk, digest: str) -> None:
    """As whoever cleans a registry up may do."""
    path = f"{desk.registry.host}/v2/staging/onnxruntime/manifests/{digest}"
    with urlopen(Request(f"http://{path}", method="DELETE")) as answer:
        assert answer.status == 202


def test_an_image_that_is_gone_is_sent_again(desk: Desk, variants: tuple[Variant, ...]) -> None:
    (digest,) = desk.publish(variants)
    image = images.read(desk.shop.folder(variants[0]))
    assert image
    delete(desk, image.digest)
    assert desk.publish(variants, later=DAY) == (digest,)
    assert remotes.find(desk.shop.engine, f"{desk.repository}@{image.digest}") is not None


def test_documents_that_are_gone_are_attached_again(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools
) -> None:
    desk.publish(variants)
    image = images.read(desk.shop.folder(variants[0]))
    assert image
    place = Published(desk.repository, image.digest)
    fallback = place.digest.replace(":", "-")
    delete(desk, desk.registry.tags("staging/onnxruntime")[fallback])
    assert not referrers.is_told(tools, place)
    desk.publish(variants, later=DAY)
    assert referrers.is_told(tools, place)


def test_a_push_that_ended_before_the_tags_is_taken_up(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools
) -> None:
    """With one image there, and then with all of them and the index."""
    publish.push_images(desk.shop, desk.to, variants[:1])
    one = desk.registry.tags("staging/onnxruntime")
    for variant in variants:
        publish.push_images(desk.shop, desk.to, (variant,))
    found = {variant.id: images.read(desk.shop.folder(variant)) for variant in variants}
    chosen = {name: image for name, image in found.items() if image}
    (release,) = releases.releases(desk.to.registry, variants, chosen, NOON)
    sending.index(desk.shop, tools, release)
    passing = [f"{image.digest.replace(':', '-')}.image" for image in release.images]
    both = desk.registry.tags("staging/onnxruntime")
    assert [set(there) & set(passing) for there in (one, both)] == [{passing[0]}, {*passing}]
    assert (desk.tags, desk.publish(variants)) == ({}, (release.digest,))
    assert desk.tags == dict.fromkeys((DATED, *MOVING), release.digest)


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


def swap_images(desk: Desk, variant: Variant) -> None:
    """One platform's image on record as the other's, proof and all."""
    other = desk.shop.folder(desk.shop.variants("onnxruntime-mlas-py311-amd64")[0])
    image = images.read(other)
    assert image
    spoilt(desk, variant, digest=image.digest)
    path = desk.shop.folder(variant) / "proof.json"
    path.unlink()
    path.write_bytes((other / path.name).read_bytes())


def spoil_wheels(desk: Desk, variant: Variant) -> None:
    image = images.read(desk.shop.folder(variant))
    assert image
    spoilt(desk, variant, wheels=image.wheels[1:])


UNPROVEN = "its image on record has no passing proof"


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (spoil_digest, UNPROVEN),
        (spoil_proof, UNPROVEN),
        (remove_proof, UNPROVEN),
        (spoil_revision, "the image was built from no commit: c0ffee-dirty"),
        (
            swap_images,
            "the image on record is of onnxruntime-mlas-py311-amd64, as its label says",
        ),
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
