"""Documents about an image, kept beside it in its registry as OCI referrers."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from inferpack import distribution
from inferpack.distribution import Manifest, Published, Tools, oras, plain
from inferpack.errors import InferpackError
from inferpack.store import scratch

TRIES = 4
RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"
CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of document: its artifact type, its file's name, and cosign's --type."""

    artifact: str
    file: str
    predicate: str


SBOM = Kind(artifact="application/vnd.cyclonedx+json", file="sbom.cdx.json", predicate="cyclonedx")
PROVENANCE = Kind(
    artifact="application/vnd.in-toto+json", file="provenance.json", predicate="slsaprovenance1"
)
PROOF = Kind(
    artifact="application/vnd.inferpack.proof.v1+json",
    file="proof.json",
    predicate="tag:inferpack.io,2026:proof/v1",
)


KINDS = (SBOM, PROVENANCE, PROOF)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    kind: Kind
    content: bytes

    @property
    def predicate(self) -> bytes:
        """What cosign puts into a statement of its own; a provenance is one already."""
        if self.kind is not PROVENANCE:
            return self.content
        statement = msgspec.json.decode(self.content)
        return msgspec.json.encode(statement["predicate"], order="sorted")


def listed(tools: Tools, image: Published) -> dict[str, str]:
    """Artifact type → digest of everything that refers to the image."""
    words = ("discover", *plain(image.repository), "--format", "json", str(image))
    text = oras(tools, *words, at=image.repository)
    found = distribution.parsed(str(image), text, Manifest).manifests
    return {item.artifact_type: item.digest for item in found if item.artifact_type}


def is_told(tools: Tools, image: Published) -> bool:
    """Whether an image has a document of every kind."""
    return {kind.artifact for kind in KINDS} <= set(listed(tools, image))


def attach(
    tools: Tools, image: Published, documents: Iterable[Document], *, created: int
) -> tuple[Document, ...]:
    """Attaches what the image has none of yet, and returns that.

    What is published stays: a document of a kind that is there is not replaced. `created` (seconds
    since 1970) dates the artifact like the image, so that the same document is the same artifact.

    A registry without the referrers API has one list an image, which two publishers at once take
    from each other: so it is looked at again, and what is missing is attached again, dated a second
    later, for oras lists nothing anew that it finds already there.
    """
    first = missing = lacking(tools, image, documents)
    for attempt in range(TRIES):
        pause(bool(missing) and attempt > 0)
        for document in missing:
            try:
                put(tools, image, document, created + attempt)
            except InferpackError:
                if attempt == TRIES - 1:
                    raise
        missing = lacking(tools, image, first)
        if not missing:
            return first
    wrong = f"did not keep {', '.join(document.kind.file for document in missing)}"
    raise InferpackError(str(image), wrong, "somebody else publishes too: run it again")


def pause(again: bool) -> None:
    """Before another try: as long as chance will, so that two do not go on in step."""
    if again:
        time.sleep(random.uniform(0, 1))  # noqa: S311  # no secret


def lacking(tools: Tools, image: Published, documents: Iterable[Document]) -> tuple[Document, ...]:
    there = listed(tools, image)
    return tuple(item for item in documents if item.kind.artifact not in there)


def put(tools: Tools, image: Published, document: Document, created: int) -> None:
    """Attaches one document."""
    kind, moment = document.kind, datetime.fromtimestamp(created, UTC).strftime(RFC_3339)
    words = ("attach", *plain(image.repository), "--artifact-type", kind.artifact)
    words += ("--annotation", f"{CREATED}={moment}", str(image), f"{kind.file}:{kind.artifact}")
    with scratch(tools.logs) as folder:
        (folder / kind.file).write_bytes(document.content)
        oras(tools, *words, at=image.repository, cwd=folder)


def fetch(tools: Tools, image: Published, kind: Kind) -> bytes:
    """A document's content; InferpackError where the image has none of the kind."""
    digest = listed(tools, image).get(kind.artifact)
    if digest is None:
        raise InferpackError(str(image), f"has no {kind.file}", "publish attaches it")
    artifact = str(Published(image.repository, digest))
    found = distribution.fetched(tools, artifact, Manifest)
    if found is None or len(found.layers) != 1:
        raise InferpackError(artifact, f"is no {kind.file}", "who attached it?")
    blob = f"{image.repository}@{found.layers[0].digest}"
    with scratch(tools.logs) as folder:
        path = folder / kind.file
        words = ("blob", "fetch", *plain(blob), "--output", str(path), blob)
        oras(tools, *words, at=image.repository)
        return path.read_bytes()


def copy(tools: Tools, source: Published, repository: str) -> Published:
    """Copies an index or image with its platforms, signatures, attestations and documents.

    Between repositories or registries, by digest: nothing is built, no tag of a user is touched.
    Signatures that the target has of its own stay, and the source's are then not copied. `cosign
    copy` is not used: it leaves the tag sha256-DIGEST on the image itself, where registries without
    the referrers API keep the list of its documents, and so loses them.
    """
    target = Published(repository, source.digest)
    ways = (*plain(source.repository, "--from-plain-http"), *plain(repository, "--to-plain-http"))
    children = distribution.platforms(tools, source)

    def send(*words: str) -> None:
        oras(tools, "cp", *ways, *words, at=repository)

    # By digest and one by one: oras 1.2 does not copy an index whose platforms all have documents,
    # and fails to a tag where the target has the index already.
    for image in children or (source,):
        send("--recursive", str(image), str(Published(repository, image.digest)))
    send(str(source), str(target))
    for image in (source, *children):
        copied = Published(repository, image.digest)
        lost = set(listed(tools, image)) - set(listed(tools, copied))
        if lost:
            wrong = f"did not get {', '.join(sorted(lost))}"
            raise InferpackError(str(copied), wrong, "another program has changed its referrers")
        for suffix in ("sig", "att"):
            theirs = layers(tools, copied.tag(suffix))
            if theirs < layers(tools, image.tag(suffix)):
                send(image.tag(suffix), copied.tag(suffix))
    return target


def layers(tools: Tools, reference: str) -> set[str]:
    """The digests of what a manifest holds; empty where there is no manifest."""
    found = distribution.fetched(tools, reference, Manifest)
    return {layer.digest for layer in found.layers} if found else set()
