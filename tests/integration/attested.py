"""A tiny image in a real registry, a key, and the documents of an image that was never built."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from inferpack import cli, distribution, matrix, referrers, signatures
from inferpack.distribution import Published, Tools
from inferpack.model import File
from inferpack.referrers import PROOF, PROVENANCE, SBOM, Document
from inferpack.sbom import document
from inferpack.signatures import Signer
from inferpack.slsa import statement
from tests.integration.conftest import KNOWN
from tests.integration.registries import Registry, running
from tests.integration.tiny_images import push
from tests.unit import records
from tests.unit.test_sbom import PARTS

PASSWORD = "correct horse"


def made() -> tuple[Document, ...]:
    """The documents of an image that was never built."""
    variant = matrix.select(KNOWN, "onnxruntime-mlas-py311-amd64")[0]
    record = records.image(revision="0" * 40, base=f"somebody/base@sha256:{'b' * 64}")
    file = File(name="file", size=1, sha256="6" * 64)
    provenance = statement(variant, record, suite="bookworm", lock=file)
    return (
        Document(kind=SBOM, content=document(variant, record, "bookworm", PARTS).encode()),
        Document(kind=PROVENANCE, content=provenance),
        Document(kind=PROOF, content=msgspec.json.encode(records.proof(variant), order="sorted")),
    )


DOCUMENTS = made()
FILES = ["sbom.cdx.json", "provenance.json", "proof.json"]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    shop = cli.shop()
    return Tools(oras=shop.tool("oras"), cosign=shop.tool("cosign"), logs=tmp_path / "logs")


@pytest.fixture
def key(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COSIGN_PASSWORD", PASSWORD)
    return new_key(tools, tmp_path / "own")


def new_key(tools: Tools, prefix: Path) -> str:
    argv = [str(tools.cosign), "generate-key-pair", "--output-key-prefix", str(prefix)]
    subprocess.run(argv, check=True, capture_output=True)
    return f"{prefix}.key"


@pytest.fixture
def signer(tools: Tools, key: str) -> Signer:
    return signatures.with_key(tools, key)


@pytest.fixture
def image(registry: Registry) -> Published:
    return push(registry.host, "staging/tiny")


def publish(tools: Tools, image: Published, signer: Signer) -> dict[str, list[str]]:
    """Attaches and signs everything; the names of what was new, by what was done."""
    done: dict[str, list[str]] = {"attached": [], "attested": []}
    for platform in distribution.platforms(tools, image):
        attached = referrers.attach(tools, platform, DOCUMENTS, created=1_700_000_000)
        done["attached"] += [item.kind.file for item in attached]
        attested = signatures.attest(tools, platform, DOCUMENTS, signer)
        done["attested"] += [item.kind.file for item in attested]
    signed = signatures.sign(tools, image, signer)
    return {**done, "signed": [image.digest] if signed else []}


def beside(image: Published) -> str:
    """Another repository of the same registry."""
    return f"{image.repository}-released"
