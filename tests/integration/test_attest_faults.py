"""What goes wrong between cosign, oras and a registry is one line, and leaves nothing half done."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from inferpack import distribution, referrers, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.referrers import SBOM, Document
from inferpack.signatures import Signer
from tests.integration import attested
from tests.integration.attested import DOCUMENTS
from tests.integration.flaky import way
from tests.integration.registries import Registry
from tests.integration.test_bad_input import small_disk

key = attested.key
image = attested.image
registry = attested.registry
signer = attested.signer
tools = attested.tools


def test_an_index_that_is_signed_has_platforms_that_are(
    tools: Tools, registry: Registry, image: Published, signer: Signer
) -> None:
    """Whenever the way to the registry is cut: here, while the second signature is sent."""
    begun: list[bytes] = []

    def cut(data: bytes) -> None:
        begun.extend(re.findall(rb"PUT \S+\.sig ", data))
        if len(begun) > 1:
            raise ConnectionResetError

    with way(registry.host) as to:
        to.seen = cut
        there = replace(image, repository=image.repository.replace(registry.host, to.host))
        with pytest.raises(InferpackError, match="breaks the connection off"):
            signatures.sign(tools, there, signer)
    assert not signatures.signed(tools, image, signer.verifies)
    assert signatures.sign(tools, image, signer)
    images = (image, *distribution.platforms(tools, image))
    assert all(signatures.signed(tools, item, signer.verifies) for item in images)


def test_what_is_wrong_is_one_line(
    tools: Tools, image: Published, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = replace(image, digest="sha256:" + "0" * 64)
    nobody = Published("127.0.0.1:1/tiny", image.digest)
    said = [
        line(lambda: distribution.platforms(tools, missing)),
        line(lambda: distribution.platforms(tools, nobody)),
    ]
    said += [line(lambda: signatures.with_key(tools, f"{key}s"))]
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")
    said += [line(lambda: signatures.with_key(tools, key))]
    monkeypatch.delenv("COSIGN_PASSWORD")
    said += [line(lambda: signatures.with_key(tools, key))]
    locked = f"{key}: its password is wrong or not given; set COSIGN_PASSWORD"
    assert said == [
        f"{missing}: is not in its registry; publish it first",
        "127.0.0.1:1/tiny: does not answer; check the name, and that it runs",
        f"{key}s: does not exist; cosign generate-key-pair makes a key",
        locked,
        locked,
    ]


def test_a_registry_that_fails_is_told_in_one_line(
    tools: Tools, registry: Registry, image: Published, signer: Signer
) -> None:
    with way(registry.host) as to:
        there = replace(image, repository=image.repository.replace(registry.host, to.host))
        to.errors = float("inf")
        said = [line(lambda: signatures.signed(tools, there, signer.verifies))]
        to.errors, to.cut_after = 0, 0
        said += [line(lambda: signatures.signed(tools, there, signer.verifies))]
        said += [line(lambda: distribution.platforms(tools, there))]
    cut = f"{there.repository}: breaks the connection off; run the command again"
    fails = f"{there.repository}: fails to answer; wait for some minutes, or ask its owner"
    assert said == [fails, cut, cut]


def test_a_full_disk_here_is_told_in_one_line(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    here = replace(tools, logs=folder)
    bill, _, proof = (replace(item, content=bytes(1 << 20)) for item in DOCUMENTS)
    referrers.attach(tools, image, [bill], created=0)
    with small_disk(folder, "300k"):
        said = [
            line(lambda: referrers.attach(here, image, [proof], created=0)),
            line(lambda: referrers.fetch(here, image, SBOM)),
            line(lambda: signatures.attest(here, image, [proof], signer)),
        ]
    full = re.compile(rf"{folder}(/\S+\.log)?: no space left on the disk; free some space on .*")
    assert [text for text in said if not full.fullmatch(text)] == []


def line(work: Callable[[], object]) -> str:
    """The error's one line, less where its log is."""
    with pytest.raises(InferpackError) as err:
        work()
    text, _, _ = str(err.value).partition("; full log: ")
    assert "\n" not in str(err.value)
    return text


def test_what_two_publishers_attach_and_sign_at_once_is_all_there(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    """Each rewrites the image's one list of documents, and its one manifest of attestations."""
    (amd64, _) = distribution.platforms(tools, image)
    orders = (DOCUMENTS, DOCUMENTS[::-1])
    apart = [replace(tools, logs=tmp_path / name) for name in "ab"]

    def work(own: Tools, order: tuple[Document, ...]) -> None:
        referrers.attach(own, amd64, order, created=0)
        signatures.attest(own, amd64, order, signer)

    with ThreadPoolExecutor() as pool:
        for job in [pool.submit(work, *item) for item in zip(apart, orders, strict=True)]:
            job.result()
    assert referrers.is_told(tools, amd64)
    for document in DOCUMENTS:
        assert signatures.attested(tools, amd64, document.kind, signer.verifies)
