"""What an OCI registry is asked through oras and cosign, and what their refusals mean.

An image is a `Published`: named by its digest, which nobody can move. Credentials are the tools'
own affair: they read ~/.docker/config.json (or $DOCKER_CONFIG's) and call its helpers.
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from inferpack import console, process
from inferpack.errors import InferpackError
from inferpack.layout import Config

T = TypeVar("T")
ABSENT = "has no such image"
STRANGE = ("answers what no registry should", "check the name: a proxy may answer in its place")
# What the tools print, and what it means; the first that is found counts.
REASONS = (
    (
        r"unauthori[sz]ed|credential not found",
        "wants other credentials",
        "docker login {host}",
    ),
    (
        r"credential.*executable file not found",
        "the credential helper of Docker's config.json is not installed",
        "install it, or docker login {host}",
    ),
    (r"open \S+: permission denied", "needs a file that cannot be read", "check owners and modes"),
    (r"denied|forbidden", "does not allow that", "ask its owner for the right to push"),
    (r"status code 429|toomanyrequests", "got too many requests", "wait for some minutes"),
    (r"status code 5\d\d", "fails to answer", "wait for some minutes, or ask its owner"),
    (
        r"connection refused|no such host|i/o timeout|unreachable",
        "does not answer",
        "check the name, and that it runs",
    ),
    (r"HTTP response to HTTPS client", "has no TLS", "only a registry of this machine may do so"),
    (r"x509: ", "has a certificate that nobody here trusts", "add its CA to the system's"),
    (
        r"decryption failed|inappropriate ioctl",
        "its password is wrong or not given",
        "set COSIGN_PASSWORD",
    ),
    (r"open .*no such file", "does not exist", "cosign generate-key-pair makes a key"),
    (r"unknown public key pem", "is no public key of cosign", "name its .pub"),
    (r"invalid pem block|unsupported pem type", "is no private key of cosign", "name its .key"),
    (
        r"\bEOF\b|broken pipe|connection reset|TLS handshake timeout|deadline exceeded",
        "breaks the connection off",
        "run the command again",
    ),
    (
        r"looking for beginning of value|is not a manifest|digest mismatch|requested digest",
        *STRANGE,
    ),
    (r": (not found|manifest_unknown.*|name[_ ]unknown.*)$", ABSENT, "publish it first"),
)
DIGEST = re.compile(r"@sha256:(\w{12})")


class Descriptor(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a manifest or a list of referrers says of what it names: the part that is asked."""

    digest: str
    artifact_type: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """An index's or an image's: the former has manifests, the latter layers."""

    manifests: tuple[Descriptor, ...] = ()
    layers: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The programs, and the folder of their logs."""

    oras: Path
    cosign: Path
    logs: Path


@dataclass(frozen=True, slots=True)
class Published:
    """An image or an index in a registry: HOST/REPOSITORY and its digest."""

    repository: str
    digest: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"

    def tag(self, suffix: str) -> str:
        """A tag of its digest: cosign keeps what belongs to an image under `sig` and `att`."""
        return f"{self.repository}:{self.digest.replace(':', '-')}.{suffix}"


def is_loopback(reference: str) -> bool:
    """Whether a registry is on this machine: only such a one may speak plain HTTP.

    >>> [is_loopback(name) for name in ("127.0.0.1:5000/a", "localhost/a", "[::1]:5000/a")]
    [True, True, True]
    >>> [is_loopback(name) for name in ("ghcr.io/a", "10.0.0.1:5000/a", "localhost.org/a")]
    [False, False, False]
    """
    host = urlsplit(f"//{reference.partition('/')[0]}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plain(reference: str, flag: str = "--plain-http") -> tuple[str, ...]:
    return (flag,) if is_loopback(reference) else ()


def oras(tools: Tools, *words: str, at: str, cwd: Path | None = None) -> str:
    """oras's stdout; `at`: the repository that is asked."""
    return ask(tools.oras, *words, logs=tools.logs, about=at, cwd=cwd)


def ask(program: Path, *words: str, logs: Path, about: str, cwd: Path | None = None) -> str:
    """A tool's stdout; InferpackError in one line where REASONS know why it failed.

    `about`: the repository, or the key, that is at fault then. Each image's log is its own: several
    are worked on at once.
    """
    image = DIGEST.search(" ".join(words))
    name = "-".join((program.name, words[0], *(image.groups() if image else ())))
    log = logs / f"{name}.log"
    try:
        return process.run([program, *words], log=log, cwd=cwd, quiet=True, writes=logs)
    except InferpackError as err:
        raise explained(about, err) from err


def explained(about: str, err: InferpackError) -> InferpackError:
    """The same failure in a line; as it is where REASONS do not know its last lines."""
    said, host = err.wrong.partition("\n")[2], about.partition("/")[0]
    for pattern, wrong, hint in REASONS:
        if re.search(pattern, said, re.IGNORECASE | re.MULTILINE):
            return InferpackError(about, wrong, f"{hint.format(host=host)}; {err.hint}")
    return err


def fetched(tools: Tools, reference: str, kind: type[T]) -> T | None:
    """A manifest by tag or digest, or None where the registry has none."""
    repository = re.sub(r"(@.*|:[^/]*)$", "", reference)
    try:
        text = oras(tools, "manifest", "fetch", *plain(reference), reference, at=repository)
    except InferpackError as err:
        if err.wrong == ABSENT:
            return None
        raise
    return parsed(reference, text, kind)


def parsed(about: str, text: str, kind: type[T]) -> T:
    """What a registry says, for it may say anything."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as err:
        wrong, hint = STRANGE
        raise InferpackError(about, f"{wrong} ({err})", hint) from err


def platforms(tools: Tools, image: Published) -> tuple[Published, ...]:
    """The images of an index; InferpackError where the registry does not have it."""
    found = fetched(tools, str(image), Manifest)
    if found is None:
        raise InferpackError(str(image), "is not in its registry", "publish it first")
    return tuple(replace(image, digest=item.digest) for item in found.manifests)


def labels(tools: Tools, image: Published) -> dict[str, str]:
    """What an image in its registry says of itself."""
    words = ("manifest", "fetch-config", *plain(image.repository), str(image))
    return parsed(str(image), oras(tools, *words, at=image.repository), Config).labels


def tag(tools: Tools, image: Published, *tags: str) -> None:
    """Points tags at what is there already; nothing is uploaded."""
    console.note(f"  {', '.join(tags)}: {image}")
    words = ("tag", *plain(image.repository), str(image), *tags)
    oras(tools, *words, at=image.repository)


def tags(tools: Tools, repository: str) -> frozenset[str]:
    """All tags of a repository; none where there is no such repository."""
    try:
        text = oras(tools, "repo", "tags", *plain(repository), repository, at=repository)
    except InferpackError as err:
        if err.wrong == ABSENT:
            return frozenset()
        raise
    return frozenset(text.split())
