"""Signatures and attestations: cosign makes and verifies them."""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from inferpack import distribution, store
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError, UsageError
from inferpack.referrers import TRIES, Document, Kind, pause

# cosign's words where nothing is signed, or by another key
UNSIGNED = re.compile(
    r"no signatures found|no matching (signatures|attestations)|none of the attestations matched"
)

KEYLESS = "keyless"
# https://docs.github.com/actions/concepts/security/openid-connect
ISSUER = "https://token.actions.githubusercontent.com"
NO_JOB: Mapping[str, str] = MappingProxyType({})  # the environment of no CI job


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """cosign's flags to sign, and to verify what was signed with them."""

    signs: tuple[str, ...]
    verifies: tuple[str, ...]


def signer(tools: Tools, key: str, environment: Mapping[str, str]) -> Signer:
    """The signer that a command line means; `environment`: that of a CI job."""
    check_key(key)
    return of_workflow(environment) if key == KEYLESS else with_key(tools, key)


def check_key(key: str) -> None:
    """UsageError where it is no file; a URI (of a KMS) and `keyless` are none."""
    if key != KEYLESS and "://" not in key and not Path(key).is_file():
        hint = "cosign generate-key-pair makes a pair: cosign.key signs, cosign.pub verifies"
        raise UsageError("--key", f"there is no file '{key}'", hint)


def verifier(key: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Flags to verify by what a command line means: a public key or, in a CI job, what jobs of the
    same workflow have signed.
    """
    check_key(key)
    return of_workflow(environment).verifies if key == KEYLESS else of_key(key)


def of_workflow(environment: Mapping[str, str]) -> Signer:
    workflow = environment.get("GITHUB_WORKFLOW_REF")
    if not workflow:
        wrong = "there is no workflow whose identity signs"
        raise UsageError("--key keyless", wrong, "run it in GitHub Actions, or name a key")
    return keyless(f"https://github.com/{workflow}", ISSUER)


def with_key(tools: Tools, key: str) -> Signer:
    """Signs with a private key: a file, or a URI of a KMS. Its password is in COSIGN_PASSWORD.

    Nothing is sent to a public log: such a signature is checked with the public key alone.
    """
    text = cosign(tools, "public-key", "--key", key, at=key)
    public = store.write(tools.logs / f"cosign-{store.digest(text)[:12]}.pub", text)
    return Signer(signs=("--key", key, "--tlog-upload=false"), verifies=of_key(str(public)))


def of_key(public: str) -> tuple[str, ...]:
    """Flags to verify with a public key: a file, or a URI of a KMS."""
    return ("--key", public, "--private-infrastructure")


def keyless(identity: str, issuer: str) -> Signer:
    """Signs as what a CI's identity token says; `identity` is that of the certificate: a workflow.

    https://docs.sigstore.dev/cosign/signing/overview/
    """
    verifies = ("--certificate-identity", identity, "--certificate-oidc-issuer", issuer)
    return Signer(signs=(), verifies=verifies)


def sign(tools: Tools, image: Published, signer: Signer) -> bool:
    """Signs an index and its platforms; False where this signer has signed them all already.

    The index comes last, so that its signature tells that its platforms have theirs: cosign signs
    in the order given, and with --recursive the index first. All signatures of an image are in one
    manifest, which two publishers at once take from each other: so it is looked at again.
    """
    images = (*distribution.platforms(tools, image), image)

    def unsigned() -> list[str]:
        return [str(item) for item in images if not signed(tools, item, signer.verifies)]

    first = missing = unsigned()
    for attempt in range(TRIES):
        if not missing:
            return bool(first)
        pause(attempt > 0)
        cosign(tools, "sign", *signer.signs, "--yes", *missing, at=image.repository)
        missing = unsigned()
    wrong = f"did not keep the signature of {missing[0]}"
    raise InferpackError(str(image), wrong, "somebody else publishes too: run it again")


def attest(
    tools: Tools, image: Published, documents: Iterable[Document], signer: Signer
) -> tuple[Document, ...]:
    """Signs what the documents say of the image, where this signer has not; returns those.

    What others have signed stays: cosign's --replace would remove it. All of an image are in one
    manifest, which two publishers at once take from each other: so it is looked at again.
    """
    first = missing = unattested(tools, image, documents, signer)
    for attempt in range(TRIES):
        pause(bool(missing) and attempt > 0)
        for document in missing:
            with store.scratch(tools.logs) as folder:
                path = folder / document.kind.file
                path.write_bytes(document.predicate)
                words = ("attest", *signer.signs, "--type", document.kind.predicate)
                words += ("--predicate", str(path), "--yes", str(image))
                cosign(tools, *words, at=image.repository)
        missing = unattested(tools, image, first, signer)
        if not missing:
            return first
    wrong = f"did not keep what was signed of {', '.join(item.kind.file for item in missing)}"
    raise InferpackError(str(image), wrong, "somebody else publishes too: run it again")


def unattested(
    tools: Tools, image: Published, documents: Iterable[Document], signer: Signer
) -> tuple[Document, ...]:
    return tuple(
        item for item in documents if not attested(tools, image, item.kind, signer.verifies)
    )


def signed(tools: Tools, image: Published, verifies: tuple[str, ...]) -> bool:
    return verified(tools, "verify", *verifies, image=image)


def attested(tools: Tools, image: Published, kind: Kind, verifies: tuple[str, ...]) -> bool:
    words = ("verify-attestation", *verifies, "--type", kind.predicate)
    return verified(tools, *words, image=image)


def predicate(tools: Tools, image: Published, kind: Kind, verifies: tuple[str, ...]) -> bytes:
    """A document as it was signed: what is attached beside it can be anybody's.

    The same JSON, not the same bytes. InferpackError where nobody who counts has signed one.
    """
    words = ("verify-attestation", *verifies, "--type", kind.predicate, str(image))
    try:
        *_, newest = cosign(tools, *words, at=image.repository).splitlines()
    except InferpackError as err:
        if UNSIGNED.search(err.wrong):
            wrong = f"has no {kind.file} signed by this key"
            raise InferpackError(str(image), wrong, "who published it?") from err
        raise
    statement = msgspec.json.decode(b64decode(msgspec.json.decode(newest)["payload"]))
    return msgspec.json.encode(statement["predicate"])


def verified(tools: Tools, *words: str, image: Published) -> bool:
    """Whether cosign accepts it; InferpackError where it could not tell."""
    try:
        cosign(tools, *words, str(image), at=image.repository)
    except InferpackError as err:
        if UNSIGNED.search(err.wrong):
            return False
        raise
    return True


def cosign(tools: Tools, *words: str, at: str) -> str:
    return distribution.ask(tools.cosign, *words, logs=tools.logs, about=at)
