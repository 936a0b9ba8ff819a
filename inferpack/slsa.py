"""How an image was made, as SLSA provenance: https://slsa.dev/spec/v1.0/provenance.

It is read from the image's record, the checkout's lock and the sources in build/wheels; builder and
repository are those of whoever publishes. So the same publisher gives the same bytes at any time.
The proof is no part of it: that can be made anew, and names its image itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from inferpack import sbom
from inferpack.images import Image
from inferpack.model import File, LockedWheel, Package, Variant
from inferpack.provenance import DIRTY

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
# Names that need not resolve (RFC 4151), of the domain that the images' labels are named by.
# What the parameters of this type of build mean is told at `predicate`.
BUILD_TYPE = "tag:inferpack.io,2026:image/v1"
SOURCE = "tag:inferpack.io,2026:source"
BY_HAND = "tag:inferpack.io,2026:builder/by-hand"  # ./inv on somebody's machine

Json = dict[str, Any]


def statement(
    variant: Variant,
    image: Image,
    *,
    suite: str,
    lock: File,
    sources: Iterable[File] = (),
    builder: str = BY_HAND,
    repository: str = "",
) -> bytes:
    """An in-toto statement about the image on record.

    `suite` is Debian's, `lock` the lock's file by its path in the checkout, `sources` what wheels
    of ours were compiled from; `builder` is a URI that names who ran the build (a CI's workflow),
    `repository` the URL that the checkout was cloned from, where that is public.
    """
    document = {
        "_type": STATEMENT,
        "subject": [{"name": variant.reference, "digest": sha256(image.digest)}],
        "predicateType": PREDICATE,
        "predicate": predicate(
            variant,
            image,
            dependencies=[
                source(image, repository),
                {"name": lock.name, "digest": {"sha256": lock.sha256}},
                *bases(image),
                *packages(image, suite),
                *map(file, sorted(sources, key=lambda item: item.name)),
            ],
            builder=builder,
        ),
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def job(environment: Mapping[str, str]) -> tuple[str, str]:
    """Builder and repository of a GitHub Actions job, as its environment names them; elsewhere
    nobody but whoever runs it knows.

    https://docs.github.com/actions/reference/workflows-and-actions/variables
    """
    try:
        server, name = environment["GITHUB_SERVER_URL"], environment["GITHUB_REPOSITORY"]
        return f"{server}/{environment['GITHUB_WORKFLOW_REF']}", f"{server}/{name}"
    except KeyError:
        return BY_HAND, ""


def predicate(variant: Variant, image: Image, *, dependencies: list[Json], builder: str) -> Json:
    """`./inv image VARIANT` in the checkout of the first dependency makes the image again.

    SOURCE_DATE_EPOCH is that commit's time; `inputs` is inferpack's digest of all that the image is
    made from.
    """
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "recipe": f"recipes/{variant.recipe.name}.toml",
                "variant": variant.id,
            },
            "internalParameters": {"SOURCE_DATE_EPOCH": image.created, "inputs": image.key},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": builder},
            "metadata": {
                "startedOn": moment(image.built - round(image.seconds)),
                "finishedOn": moment(image.built),
            },
        },
    }


def source(image: Image, repository: str) -> Json:
    """The commit; a tree that differed from it, or was none, has no digest to give."""
    found: Json = {
        "name": "source",
        "uri": f"git+{repository}@{image.revision}" if repository else SOURCE,
    }
    if image.revision.endswith(DIRTY) or image.revision == "unknown":
        return found | {"annotations": {"revision": image.revision}}
    return found | {"digest": {"gitCommit": image.revision}}


def bases(image: Image) -> Iterator[Json]:
    """What the image starts from; older records do not tell."""
    name, _, digest = image.base.partition("@")
    if digest:
        yield {"name": name, "digest": sha256(digest)}


def packages(image: Image, suite: str) -> Iterator[Json]:
    """Debian packages, then wheels."""
    held: tuple[Package | LockedWheel, ...] = (*image.debian, *image.wheels)
    for package in held:
        yield file(package.file) | {"uri": str(sbom.url(sbom.Part(package=package), suite))}


def file(found: File) -> Json:
    return {"name": found.name, "digest": {"sha256": found.sha256}}


def sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}


def moment(seconds: int) -> str:
    """RFC 3339, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
