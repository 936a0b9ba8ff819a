"""What goes beside an image is read from its records, and only where these agree."""

import json
import shutil
from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from inferpack import cli, documents, images, locks, proof, store
from inferpack.errors import InferpackError
from inferpack.images import Image
from inferpack.locks import Lock
from inferpack.model import Variant
from inferpack.referrers import PROOF, PROVENANCE, SBOM
from inferpack.workshop import Workshop
from tests.unit import records, test_ingredients

ID = "onnxruntime-mlas-py311-amd64"
image = test_ingredients.image
whole = test_ingredients.shop


@pytest.fixture
def shop(whole: Workshop, onnxruntime: Variant) -> Workshop:
    """With recipes of its own, whose lock a test may write."""
    whole.recipes.unlink()
    shutil.copytree(cli.ROOT / "recipes", whole.recipes)
    proof.record(whole.folder(onnxruntime), records.proof(onnxruntime))
    return whole


@pytest.fixture
def locked(shop: Workshop, onnxruntime: Variant, image: Image) -> Lock:
    """The lock that the image was made of."""
    lock = Lock(inputs="9" * 64, wheels=image.wheels)
    store.write(shop.lock_path(onnxruntime), locks.render(lock))
    return lock


@pytest.mark.usefixtures("locked")
def test_an_image_has_a_bill_a_provenance_and_a_proof(shop: Workshop, onnxruntime: Variant) -> None:
    bill, provenance, proven = found = documents.of(shop, onnxruntime)
    folder = shop.folder(onnxruntime)
    assert [item.kind for item in found] == [SBOM, PROVENANCE, PROOF]
    assert bill.content == (folder / "sbom.cdx.json").read_bytes()
    assert proven.content == (folder / "proof.json").read_bytes()
    assert (bill.predicate, proven.predicate) == (bill.content, proven.content)
    told = json.loads(provenance.content)["predicate"]
    assert json.loads(provenance.predicate) == told
    lock = told["buildDefinition"]["resolvedDependencies"][1]
    path = f"recipes/locks/pylock.{ID}.toml"
    assert lock == {"name": path, "digest": {"sha256": store.file_digest(shop.root / path)}}
    assert documents.of(shop, onnxruntime) == found


@pytest.mark.usefixtures("locked")
def test_a_proof_made_anew_changes_no_other_document(shop: Workshop, onnxruntime: Variant) -> None:
    """One of these may be in the registry already, and stays."""
    *before, old = documents.of(shop, onnxruntime)
    anew = msgspec.structs.replace(records.proof(onnxruntime), proven=1)
    proof.record(shop.folder(onnxruntime), anew)
    *after, new = documents.of(shop, onnxruntime)
    assert (after, old.content == new.content) == (before, False)


def refusal(shop: Workshop, variant: Variant) -> str:
    with pytest.raises(InferpackError) as caught:
        documents.of(shop, variant)
    return str(caught.value)


@pytest.mark.usefixtures("image")
def test_a_lock_that_the_image_is_not_made_of_is_refused(
    shop: Workshop, onnxruntime: Variant
) -> None:
    said = f"{ID}: the lock has changed since the image was built; run ./inv image {ID}"
    assert refusal(shop, onnxruntime) == said


def test_a_lock_file_that_the_image_s_commit_has_not_is_not_told_of_it(
    shop: Workshop, onnxruntime: Variant, image: Image, locked: Lock
) -> None:
    """It holds the same wheels, but asks for others."""
    path = shop.lock_path(onnxruntime)
    inputs = {**image.inputs, "lock": store.file_digest(path)}
    images.record(shop.folder(onnxruntime), structs.replace(image, inputs=inputs))
    assert documents.of(shop, onnxruntime)
    store.write(path, locks.render(replace(locked, inputs="8" * 64)))
    said = f"{ID}: the lock has changed since the image was built; run ./inv image {ID}"
    assert refusal(shop, onnxruntime) == said


@pytest.mark.usefixtures("locked")
def test_an_image_without_a_passing_proof_of_its_own_is_refused(
    shop: Workshop, onnxruntime: Variant, image: Image
) -> None:
    said, folder = f"{ID}: is not proven; run ./inv image {ID}", shop.folder(onnxruntime)
    proof.record(folder, records.proof(onnxruntime, passed=False))
    assert refusal(shop, onnxruntime) == said
    proof.forget(folder)
    assert refusal(shop, onnxruntime) == said
    proof.record(folder, records.proof(onnxruntime))
    images.record(folder, msgspec.structs.replace(image, digest="sha256:" + "e" * 64))
    assert refusal(shop, onnxruntime) == said
