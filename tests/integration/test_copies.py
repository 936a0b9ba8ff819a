"""A copy of a published image, as a promotion makes it, has everything that belongs to it."""

from pathlib import Path

import pytest

from inferpack import distribution, referrers, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.referrers import PROOF
from inferpack.signatures import Signer
from tests.integration import attested
from tests.integration.attested import DOCUMENTS, beside, new_key, publish
from tests.integration.registries import Registry, running

key = attested.key
image = attested.image
registry = attested.registry
signer = attested.signer
tools = attested.tools


def test_a_copy_has_all_that_the_image_has(
    tools: Tools,
    registry: Registry,
    image: Published,
    signer: Signer,
    tmp_path: Path,
) -> None:
    publish(tools, image, signer)
    with running(tmp_path / "elsewhere") as elsewhere:
        for host in (registry.host, elsewhere.host):
            repository = f"{host}/released/tiny"
            copied = referrers.copy(tools, image, repository)
            assert copied == Published(repository, image.digest)
            distribution.tag(tools, copied, "1.0", "latest")
            assert referrers.copy(tools, image, repository) == copied
            done = publish(tools, copied, signer)
            assert done == {"attached": [], "attested": [], "signed": []}
        tags = elsewhere.tags("released/tiny")
        assert (tags.pop("1.0"), tags.pop("latest")) == (image.digest, image.digest)
        known = registry.tags("staging/tiny")
        assert set(tags) == set(known)  # a list of documents may have another order
        assert {name: tags[name] for name in tags if "." in name} == {
            name: known[name] for name in known if "." in name
        }
        for item in distribution.platforms(tools, image):
            there = Published(repository, item.digest)
            assert referrers.listed(tools, there) == referrers.listed(tools, item)


def test_a_copy_brings_what_is_new_and_leaves_the_targets_own_signatures(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    repository = beside(image)
    copied = referrers.copy(tools, image, repository)
    other = signatures.with_key(tools, new_key(tools, tmp_path / "other"))
    signatures.sign(tools, copied, other)
    publish(tools, image, signer)
    referrers.copy(tools, image, repository)
    assert signatures.signed(tools, copied, other.verifies)
    assert not signatures.signed(tools, copied, signer.verifies)
    for platform in distribution.platforms(tools, copied):
        assert referrers.fetch(tools, platform, PROOF) == DOCUMENTS[2].content
        assert signatures.attested(tools, platform, PROOF, signer.verifies)


def test_a_copy_whose_documents_got_lost_is_an_error(tools: Tools, image: Published) -> None:
    """What `cosign copy` does: the tag that lists an image's documents names the image itself."""
    repository = beside(image)
    amd64, _ = distribution.platforms(tools, image)
    referrers.attach(tools, amd64, DOCUMENTS, created=0)
    copied = referrers.copy(tools, image, repository)
    for item in (copied, Published(repository, amd64.digest)):
        distribution.tag(tools, item, item.digest.replace(":", "-"))
    with pytest.raises(InferpackError, match=f"{repository}@{amd64.digest}: did not get applicat"):
        referrers.copy(tools, image, repository)
