"""./inv promote between namespaces of a real registry, and what it refuses."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inferpack import (
    distribution,
    images,
    promote,
    publish,
    referrers,
    releases,
    scan,
    sending,
    signatures,
)
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.referrers import PROOF, Document
from tests.integration import desk as fixtures
from tests.integration.desk import DATED, DAY, MOVING, NOON, Desk
from tests.unit import advisory_data

variants = fixtures.variants
own = fixtures.own
registry = fixtures.registry
key = fixtures.key
tools = fixtures.tools
desk = fixtures.desk


def test_a_release_is_promoted_with_all_that_belongs_to_it(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools
) -> None:
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    (release,) = publish.publish(desk.shop, to, variants)
    blobs = {name: size for name, size in desk.registry.blobs().items() if size > 100_000}
    public = str(key.with_suffix(".pub"))
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target, key=public)
    (one,) = promote.promote(desk.shop, route, variants)
    source, copied = (desk.registry.tags(f"{name}/onnxruntime") for name in ("staging", "release"))
    assert set(copied) == {tag for tag in source if not tag.endswith(".image")}
    assert {copied[tag] for tag in (DATED, *MOVING)} == {one.digest} == {release.digest}
    now = {name: size for name, size in desk.registry.blobs().items() if size > 100_000}
    assert now == blobs  # nothing was built, so nothing is new
    verify = [str(tools.cosign), "verify", "--private-infrastructure", "--key", public]
    subprocess.run([*verify, f"{target}/onnxruntime:latest"], check=True, capture_output=True)


def refused(desk: Desk, variants: tuple[Variant, ...], **checks: Any) -> str:
    """Why nothing came to the other namespace."""
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target, **checks)
    with pytest.raises(InferpackError) as err:
        promote.promote(desk.shop, route, variants)
    assert desk.registry.tags("release/onnxruntime") == {}
    return str(err.value)


def test_what_is_not_signed_by_the_key_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...], key: Path
) -> None:
    (digest,) = desk.publish(variants)
    wrong = "is not signed by this key; who published it?"
    public = str(key.with_suffix(".pub"))
    assert refused(desk, variants, key=public) == f"{desk.repository}@{digest}: {wrong}"


def forged(desk: Desk, variant: Variant) -> tuple[Published, Document]:
    """An image that somebody pushed, with a proof of another one beside it."""
    image = images.read(desk.shop.folder(variant))
    proof = json.loads((desk.shop.folder(variant) / "proof.json").read_text())
    assert image
    content = json.dumps(proof | {"digest": f"sha256:{'0' * 64}"}).encode()
    return Published(desk.repository, image.digest), Document(kind=PROOF, content=content)


def push(desk: Desk, variants: tuple[Variant, ...]) -> None:
    """As any client could."""
    found = {variant.id: images.read(desk.shop.folder(variant)) for variant in variants}
    chosen = {name: image for name, image in found.items() if image}
    (index,) = releases.releases(desk.to.registry, variants, chosen, NOON)
    sending.push(desk.shop, dict.fromkeys(index.platform_images, desk.shop.engine))
    sending.index(desk.shop, desk.to.tools, index)
    distribution.tag(desk.to.tools, index.published, *index.tags)


def test_an_image_with_the_proof_of_another_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools
) -> None:
    image, document = forged(desk, variants[0])
    push(desk, variants)
    referrers.attach(tools, image, [document], created=NOON)
    assert refused(desk, variants) == (
        f"{image}: its proof is of sha256:{'0' * 64}, and passed; "
        "publish proven images: ./inv publish"
    )


def test_an_image_without_a_proof_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...]
) -> None:
    push(desk, variants)
    message = refused(desk, variants)
    assert message.endswith(": has no proof.json; publish attaches it")


def test_what_is_no_index_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools
) -> None:
    """One platform's image, whatever it is, under the name of an index."""
    desk.publish(variants)
    image, _ = forged(desk, variants[0])
    distribution.tag(tools, image, *MOVING, DATED)
    hint = "promote what ./inv publish made"
    assert refused(desk, variants) == f"{image}: is no index of images; {hint}"


def test_what_no_dated_tag_names_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools
) -> None:
    desk.publish(variants)
    image, _ = forged(desk, variants[0])
    distribution.tag(tools, image, "latest")
    assert refused(desk, variants) == (
        f"{desk.repository}: latest names {image.digest}, which no dated tag of this recipe does; "
        "publish it first: ./inv publish onnxruntime"
    )


def test_a_second_time_there_is_nothing_to_copy(
    desk: Desk, variants: tuple[Variant, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    desk.publish(variants)
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target)
    promote.promote(desk.shop, route, variants)
    blobs, tags = desk.registry.blobs(), desk.registry.tags("release/onnxruntime")
    capsys.readouterr()
    promote.promote(desk.shop, route, variants)
    assert "unchanged: nothing is copied" in capsys.readouterr().err
    assert (desk.registry.blobs(), desk.registry.tags("release/onnxruntime")) == (blobs, tags)


def test_what_is_signed_later_is_promoted_again(
    desk: Desk, variants: tuple[Variant, ...], key: Path, tools: Tools
) -> None:
    desk.publish(variants)
    target = f"{desk.registry.host}/release"
    promote.promote(desk.shop, promote.route(desk.shop, desk.to.registry, target), variants)
    to = publish.publisher(desk.shop, desk.to.registry, str(key), {})
    publish.publish(desk.shop, to, variants)
    public = str(key.with_suffix(".pub"))
    route = promote.route(desk.shop, desk.to.registry, target, key=public)
    (one,) = promote.promote(desk.shop, route, variants)
    assert signatures.signed(tools, one.target, route.verifies)


@pytest.mark.parametrize("spoil", ["platform", "dated"])
def test_tags_of_the_target_are_as_well_kept(
    desk: Desk, variants: tuple[Variant, ...], tools: Tools, spoil: str
) -> None:
    desk.publish(variants)
    target = f"{desk.registry.host}/release"
    route = promote.route(desk.shop, desk.to.registry, target)
    (one,) = promote.promote(desk.shop, route, variants)
    image, _ = forged(desk, variants[0])
    before = Published(f"{target}/onnxruntime", image.digest)
    amd64 = replace(desk, to=replace(desk.to, registry=f"{desk.registry.host}/other"))
    amd64.publish(variants[:1], later=DAY)
    if spoil == "dated":
        distribution.tag(tools, before, DATED)
        wrong = f"{DATED}: is {image.digest} already, and this would be {one.digest}"
        hint = "dated tags never change; tomorrow's is another"
    else:
        route = promote.route(desk.shop, f"{desk.registry.host}/other", target)
        wrong = f"{MOVING[0]}: would lose linux/arm64"
        hint = "give it that too: --arch all"
    tags = desk.registry.tags("release/onnxruntime")
    with pytest.raises(InferpackError) as err:
        promote.promote(desk.shop, route, variants)
    assert str(err.value) == f"{target}/onnxruntime:{wrong}; {hint}"
    assert desk.registry.tags("release/onnxruntime") == tags


def test_a_known_vulnerability_stops_a_promotion(
    desk: Desk, variants: tuple[Variant, ...], tmp_path: Path
) -> None:
    desk.publish(variants)
    record = advisory_data.osv("CVE-2026-1", "numpy", {"introduced": "0"}, ecosystem="PyPI")
    record["severity"] = [{"type": "CVSS_V3", "score": advisory_data.HIGH}]
    (tmp_path / "osv.json").write_text(json.dumps(record))
    with scan.scanner(desk.shop, [tmp_path / "osv.json"], "high") as judge:
        message = refused(desk, variants, scan=judge)
    assert "vulnerable, and not allowed at --severity high: CVE-2026-1 of numpy (high)" in message
    with scan.scanner(desk.shop, [tmp_path / "osv.json"], "critical") as judge:
        target = f"{desk.registry.host}/release"
        route = promote.route(desk.shop, desk.to.registry, target, scan=judge)
        promote.promote(desk.shop, route, variants)
    assert set(MOVING) < set(desk.registry.tags("release/onnxruntime"))


def test_what_was_never_published_is_not_promoted(
    desk: Desk, variants: tuple[Variant, ...]
) -> None:
    hint = "publish it: ./inv publish onnxruntime"
    assert refused(desk, variants) == f"{desk.repository}: has none of its tags; {hint}"
