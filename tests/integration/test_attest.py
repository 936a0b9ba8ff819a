"""Documents beside a published image, and signatures: real tools, real registries."""

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inferpack import distribution, referrers, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.referrers import PROOF, SBOM, Kind
from inferpack.signatures import Signer
from tests.integration import attested
from tests.integration.attested import DOCUMENTS, FILES, PASSWORD, beside, new_key, publish
from tests.integration.registries import Registry, running
from tests.integration.test_attest_faults import line
from tests.integration.tiny_images import push
from tests.unit.test_sbom import refused

key = attested.key
image = attested.image
registry = attested.registry
signer = attested.signer
tools = attested.tools
# `htpasswd -nbB -C 4 me open-sesame`: cheap, for every request is checked
ACCOUNT = "me:$2b$04$X6ogPOxpgwVRCgEhQ/TIluDI/11eKDdrku812sWMDtFMF9Q8STpO6"
HELPER = """#!/bin/sh
read -r server
echo "{\\"ServerURL\\": \\"$server\\", \\"Username\\": \\"me\\", \\"Secret\\": \\"$TOY_SECRET\\"}"
"""


def predicate(tools: Tools, image: Published, kind: Kind, public: str) -> Any:
    """What cosign, asked as a user would, says is attested of the image."""
    argv = [str(tools.cosign), "verify-attestation", "--key", public, "--private-infrastructure"]
    argv += ["--type", kind.predicate, str(image)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    (line,) = done.stdout.splitlines()
    statement = json.loads(base64.b64decode(json.loads(line)["payload"]))
    (subject,) = statement["subject"]
    assert f"sha256:{subject['digest']['sha256']}" == image.digest
    return statement["predicate"]


def test_everything_about_an_image_is_read_back_and_verified(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    publish(tools, image, signer)
    public = str(tmp_path / "own.pub")
    amd64, arm64 = distribution.platforms(tools, image)
    for platform in (amd64, arm64):
        assert set(referrers.listed(tools, platform)) == {item.kind.artifact for item in DOCUMENTS}
        for paper in DOCUMENTS:
            assert referrers.fetch(tools, platform, paper.kind) == paper.content
            told = predicate(tools, platform, paper.kind, public)
            assert told == json.loads(paper.predicate)
            signed = signatures.predicate(tools, platform, paper.kind, signer.verifies)
            assert json.loads(signed) == told
    assert refused(referrers.fetch(tools, amd64, SBOM).decode()) == []
    for item in (image, amd64, arm64):
        assert signatures.signed(tools, item, signatures.of_key(public))


def test_a_second_time_there_is_nothing_to_do(
    tools: Tools,
    registry: Registry,
    image: Published,
    signer: Signer,
) -> None:
    first = publish(tools, image, signer)
    assert first == {"attached": FILES * 2, "attested": FILES * 2, "signed": [image.digest]}
    blobs, tags = registry.blobs(), registry.tags("staging/tiny")
    again = publish(tools, image, signer)
    assert again == {"attached": [], "attested": [], "signed": []}
    assert (registry.blobs(), registry.tags("staging/tiny")) == (blobs, tags)


def test_an_interrupted_run_does_only_what_is_left(
    tools: Tools, image: Published, signer: Signer
) -> None:
    amd64, _ = distribution.platforms(tools, image)
    referrers.attach(tools, amd64, DOCUMENTS[:1], created=1_700_000_000)
    signatures.attest(tools, amd64, DOCUMENTS[2:], signer)
    assert publish(tools, image, signer) == {
        "attached": ["provenance.json", "proof.json", *FILES],
        "attested": ["sbom.cdx.json", "provenance.json", *FILES],
        "signed": [image.digest],
    }


def test_another_key_and_another_image_do_not_verify(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    publish(tools, image, signer)
    amd64, _ = distribution.platforms(tools, image)
    other = signatures.with_key(tools, new_key(tools, tmp_path / "other"))
    assert not signatures.signed(tools, image, other.verifies)
    assert not signatures.attested(tools, amd64, PROOF, other.verifies)
    with pytest.raises(InferpackError, match=r"has no proof\.json signed by this key"):
        signatures.predicate(tools, amd64, PROOF, other.verifies)
    # the same signatures beside another manifest
    tampered = replace(amd64, digest=referrers.listed(tools, amd64)[PROOF.artifact])
    ways = ("--from-plain-http", "--to-plain-http")
    for suffix in ("sig", "att"):
        moved = ("cp", *ways, amd64.tag(suffix), tampered.tag(suffix))
        distribution.oras(tools, *moved, at=image.repository)
    assert distribution.fetched(tools, tampered.tag("sig"), dict[str, Any]) is not None
    assert not signatures.signed(tools, tampered, signer.verifies)
    assert not signatures.attested(tools, tampered, PROOF, signer.verifies)
    assert signatures.sign(tools, image, other)  # what another has signed is not signed by us
    assert signatures.signed(tools, image, signer.verifies)


def test_each_signer_attests_for_itself(
    tools: Tools, image: Published, signer: Signer, tmp_path: Path
) -> None:
    other = signatures.with_key(tools, new_key(tools, tmp_path / "other"))
    for who in (signer, other):
        assert signatures.attest(tools, image, DOCUMENTS, who) == DOCUMENTS
    newer = replace(DOCUMENTS[0], content=b'{"version": 2}')
    words = ("--type", SBOM.predicate, "--tlog-upload=false", "--yes", str(image))
    (tmp_path / "newer").write_bytes(newer.content)
    for name in ("other", "own"):  # each says something new, in turn
        flags = ("--key", str(tmp_path / f"{name}.key"), "--predicate", str(tmp_path / "newer"))
        before = signatures.predicate(tools, image, SBOM, who_is(tmp_path, name))
        assert json.loads(before) == json.loads(DOCUMENTS[0].content)
        signatures.cosign(tools, "attest", *flags, *words, at=image.repository)
        after = signatures.predicate(tools, image, SBOM, who_is(tmp_path, name))
        assert json.loads(after) == {"version": 2}
    for who in (signer, other):
        assert signatures.attest(tools, image, DOCUMENTS, who) == ()


def who_is(folder: Path, name: str) -> tuple[str, ...]:
    return signatures.of_key(str(folder / f"{name}.pub"))


def test_credentials_come_from_dockers_helper_and_show_nowhere(
    tools: Tools,
    signer: Signer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text('{"credsStore": "toy"}')
    (folder / "docker-credential-toy").write_text(HELPER)
    (folder / "docker-credential-toy").chmod(0o755)
    (folder / "htpasswd").write_text(ACCOUNT)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("TOY_SECRET", "open-sesame")
    rules = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    with running(tmp_path / "registry", auth=rules) as registry:
        image = push(registry.host, "tiny", ("me", "open-sesame"))
        publish(tools, image, signer)
        copied = referrers.copy(tools, image, beside(image))
        assert signatures.signed(tools, copied, signer.verifies)
        monkeypatch.setenv("TOY_SECRET", "wr0ng")
        said = [
            line(lambda: distribution.platforms(tools, image)),
            line(lambda: signatures.signed(tools, image, signer.verifies)),
        ]
        (folder / "config.json").write_text("{}")
        said += [line(lambda: distribution.platforms(tools, image))]
        refusal = f"{image.repository}: wants other credentials; docker login {registry.host}"
        assert said == [refusal] * 3
    logs = "".join(path.read_text() for path in tools.logs.iterdir())
    shown = "".join(capfd.readouterr()) + logs
    assert all(secret not in shown for secret in ("open-sesame", "wr0ng", PASSWORD))
