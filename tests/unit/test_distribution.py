"""What oras and cosign are asked, and what is made of their refusals: made-up programs answer."""

import json
from pathlib import Path

import pytest

from inferpack import distribution, referrers, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError, UsageError
from inferpack.referrers import PROVENANCE, SBOM, Document

INDEX, PLATFORM = (f"sha256:{digit * 64}" for digit in "ab")
HOST = "registry.example.org"
IMAGE = Published(f"{HOST}/inferpack/tiny", INDEX)
UNAUTHORIZED = (
    'Error response from registry: recognizable error message not found: HEAD "https://'
    f'{HOST}/v2/tiny/manifests/{INDEX}": response status code 401: Unauthorized'
)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(oras=tmp_path / "oras", cosign=tmp_path / "cosign", logs=tmp_path)


def answers(program: Path, stdout: str = "", stderr: str = "", code: int = 0) -> None:
    """The program says this whatever it is asked, and writes down what that was."""
    (program.parent / f"{program.name}.out").write_text(stdout)
    (program.parent / f"{program.name}.err").write_text(stderr)
    script = f'#!/bin/sh\necho "$*" >> {program}.asked\ncat {program}.out\ncat {program}.err >&2\n'
    program.write_text(f"{script}exit {code}\n")
    program.chmod(0o755)


def asked(program: Path) -> list[str]:
    return Path(f"{program}.asked").read_text().splitlines()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (UNAUTHORIZED, f"wants other credentials; docker login {HOST}"),
        (
            'failed to resolve credential: exec: "docker-credential-toy": executable file not found'
            " in $PATH",
            "the credential helper of Docker's config.json is not installed;"
            f" install it, or docker login {HOST}",
        ),
        (
            f'Error: Head "https://{HOST}/v2/": dial tcp: lookup {HOST}: no such host',
            "does not answer; check the name, and that it runs",
        ),
        (
            "DENIED: requested access to the resource is denied",
            "does not allow that; ask its owner for the right to push",
        ),
        (
            "http: server gave HTTP response to HTTPS client",
            "has no TLS; only a registry of this machine may do so",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "has a certificate that nobody here trusts; add its CA to the system's",
        ),
        (
            f'recognizable error message not found: GET "https://{HOST}/v2/tiny/manifests/1":'
            " response status code 500: Internal Server Error",
            "fails to answer; wait for some minutes, or ask its owner",
        ),
        (
            "Error: invalid character '<' looking for beginning of value",
            "answers what no registry should; check the name: a proxy may answer in its place",
        ),
        (
            f"GET https://{HOST}/v2/: unexpected status code 503 Service Unavailable",
            "fails to answer; wait for some minutes, or ask its owner",
        ),
        (
            f"GET https://{HOST}/v2/: TOOMANYREQUESTS: slow down",
            "got too many requests; wait for some minutes",
        ),
        (
            f'HEAD "https://{HOST}/v2/": response status code 429: Too Many Requests',
            "got too many requests; wait for some minutes",
        ),
        *(
            (f'Put "https://{HOST}/v2/": {cut}', "breaks the connection off; run the command again")
            for cut in (
                "EOF",
                "unexpected EOF",
                "write tcp 10.0.0.1:5->10.0.0.2:443: write: broken pipe",
                "read tcp 10.0.0.1:5->10.0.0.2:443: read: connection reset by peer",
                "net/http: TLS handshake timeout",
                "context deadline exceeded",
            )
        ),
        (
            f"Error response from registry: {IMAGE}: not found",
            "has no such image; publish it first",
        ),
    ],
)
def test_what_a_registry_refuses_is_one_line(tools: Tools, said: str, line: str) -> None:
    answers(tools.oras, stderr=said, code=1)
    with pytest.raises(InferpackError) as err:
        referrers.listed(tools, IMAGE)
    log = tools.logs / f"oras-discover-{IMAGE.digest[7:19]}.log"
    assert str(err.value) == f"{IMAGE.repository}: {line}; full log: {log}"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Error: open x.key: no such file or directory", "does not exist; cosign generate-key"),
        ("Error: open run-401/x.key: no such file or directory", "does not exist; cosign gener"),
        (
            "Error: open x.key: permission denied",
            "needs a file that cannot be read; check owners and modes",
        ),
        ("Error: decrypt: encrypted: decryption failed", "its password is wrong or not given; set"),
        ("Error: unsupported pem type: PUBLIC KEY", "is no private key of cosign; name its .key"),
    ],
)
def test_what_is_wrong_with_a_key_is_one_line(tools: Tools, said: str, line: str) -> None:
    answers(tools.cosign, stderr=f"{said}\nerror during command execution: {said}", code=1)
    with pytest.raises(InferpackError) as err:
        signatures.with_key(tools, "x.key")
    assert str(err.value).startswith(f"x.key: {line}")
    assert "\n" not in str(err.value)


def test_what_nobody_has_foreseen_is_quoted(tools: Tools) -> None:
    answers(tools.oras, stderr="Error: the moon is full", code=1)
    with pytest.raises(InferpackError, match=r"exited with code 1: .*\nError: the moon is full"):
        referrers.listed(tools, IMAGE)


def test_a_registry_that_fails_is_not_one_without_signatures(tools: Tools) -> None:
    answers(tools.cosign, stderr=UNAUTHORIZED, code=1)
    with pytest.raises(InferpackError, match="wants other credentials"):
        signatures.signed(tools, IMAGE, signatures.of_key("x.pub"))


def test_only_a_registry_of_this_machine_is_asked_without_tls(tools: Tools) -> None:
    answers(tools.oras)
    here = Published("127.0.0.1:5000/tiny", INDEX)
    distribution.tag(tools, IMAGE, "1", "latest")
    distribution.tag(tools, here, "1")
    assert asked(tools.oras) == [f"tag {IMAGE} 1 latest", f"tag --plain-http {here} 1"]


def test_without_a_key_a_workflow_signs_and_the_log_is_public(tools: Tools) -> None:
    """Nothing else here can: a certificate is for who has a CI's identity token."""
    answers(tools.oras, stdout=json.dumps({"manifests": [{"digest": PLATFORM}]}))
    answers(tools.cosign, stderr="Error: no signatures found", code=10)
    signer = signatures.keyless("https://example.org/publish.yml@refs/heads/main", "https://issuer")
    (platform,) = distribution.platforms(tools, IMAGE)
    statement = Document(kind=PROVENANCE, content=b'{"predicate": {"a": 1}}')
    with pytest.raises(InferpackError, match="no signatures found"):  # from `cosign sign`
        signatures.sign(tools, IMAGE, signer)
    with pytest.raises(InferpackError, match="no signatures found"):
        signatures.attest(tools, platform, [statement], signer)
    verifies = (
        "--certificate-identity https://example.org/publish.yml@refs/heads/main"
        " --certificate-oidc-issuer https://issuer"
    )
    *verified, signed, sought, attested = asked(tools.cosign)
    assert verified == [f"verify {verifies} {item}" for item in (platform, IMAGE)]
    assert signed == f"sign --yes {platform} {IMAGE}"
    assert sought == f"verify-attestation {verifies} --type slsaprovenance1 {platform}"
    assert attested.startswith("attest --type slsaprovenance1 --predicate /")
    assert attested.endswith(f"/provenance.json --yes {platform}")


def test_signatures_are_verified_by_a_key_or_by_the_workflow_that_verifies(tmp_path: Path) -> None:
    (tmp_path / "x.pub").touch()
    job = {"GITHUB_WORKFLOW_REF": "me/it/.github/workflows/nightly.yml@refs/heads/main"}
    for key in (str(tmp_path / "x.pub"), "awskms:///alias/x"):
        assert signatures.verifier(key, job) == signatures.of_key(key)
    identity = f"https://github.com/{job['GITHUB_WORKFLOW_REF']}"
    assert signatures.verifier("keyless", job) == (
        *("--certificate-identity", identity),
        *("--certificate-oidc-issuer", "https://token.actions.githubusercontent.com"),
    )
    with pytest.raises(UsageError, match="--key keyless: there is no workflow whose identity sign"):
        signatures.verifier("keyless", signatures.NO_JOB)


@pytest.mark.parametrize("key", ["", "nope.pub"])
def test_a_key_that_is_no_file_is_told_before_anything_else(key: str) -> None:
    with pytest.raises(UsageError) as err:
        signatures.verifier(key, signatures.NO_JOB)
    assert str(err.value) == (
        f"--key: there is no file '{key}'; "
        "cosign generate-key-pair makes a pair: cosign.key signs, cosign.pub verifies"
    )


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("<html>", "JSON is malformed: invalid character (byte 0)"),
        ('{"manifests": [{}]}', "Object missing required field `digest` - at `$.manifests[0]`"),
        ('{"manifests": null}', "Expected `array`, got `null` - at `$.manifests`"),
    ],
)
def test_what_no_registry_should_answer_is_one_line(tools: Tools, said: str, detail: str) -> None:
    answers(tools.oras, stdout=said)
    hint = "check the name: a proxy may answer in its place"
    for ask in (distribution.platforms, referrers.listed):
        with pytest.raises(InferpackError) as err:
            ask(tools, IMAGE)
        assert str(err.value) == f"{IMAGE}: answers what no registry should ({detail}); {hint}"


def test_a_strangers_document_is_one_line(tools: Tools) -> None:
    """Whoever may push may attach what has our type and another form."""
    there = {"artifactType": SBOM.artifact, "digest": PLATFORM}
    for layers in ([], [there, there]):
        answers(tools.oras, stdout=json.dumps({"manifests": [there], "layers": layers}))
        with pytest.raises(InferpackError) as err:
            referrers.fetch(tools, IMAGE, SBOM)
        place = f"{IMAGE.repository}@{PLATFORM}"
        assert str(err.value) == f"{place}: is no sbom.cdx.json; who attached it?"


def test_a_document_that_is_there_is_not_attached_again(tools: Tools) -> None:
    there = [{"artifactType": SBOM.artifact, "digest": PLATFORM}]
    answers(tools.oras, stdout=json.dumps({"manifests": there}))
    bill = Document(kind=SBOM, content=b"{}")
    statement = Document(kind=PROVENANCE, content=b"{}")
    with pytest.raises(InferpackError) as err:  # this registry keeps nothing
        referrers.attach(tools, IMAGE, [bill, statement], created=0)
    wrong = "did not keep provenance.json; somebody else publishes too: run it again"
    assert str(err.value) == f"{IMAGE}: {wrong}"
    discover = f"discover --format json {IMAGE}"
    attempts = [
        "attach --artifact-type application/vnd.in-toto+json --annotation"
        f" org.opencontainers.image.created=1970-01-01T00:00:0{attempt}Z"
        f" {IMAGE} provenance.json:application/vnd.in-toto+json"
        for attempt in range(referrers.TRIES)
    ]
    assert asked(tools.oras) == [discover, *(words for a in attempts for words in (a, discover))]
