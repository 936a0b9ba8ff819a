"""The provenance of an image: a whole statement, the standard's rules, and what breaks them."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from inferpack import slsa
from inferpack.images import Image
from inferpack.model import File, LockedWheel, Variant
from tests.unit import debs, records

REVISION = "0123456789abcdef0123456789abcdef01234567"
OURS = File(name="onnxruntime-1.31.1+inferpack.1-py3-none-any.whl", size=1, sha256="2" * 64)
IMAGE = records.image(
    key="5" * 64,
    seconds=40.4,
    created=1_700_000_000,
    revision=REVISION,
    base=f"inferpack/base:bookworm@sha256:{'b' * 64}",
    debian=(debs.package("libc6", "1:2.36-9+deb12u14", "1" * 64),),
    wheels=(LockedWheel(name="onnxruntime", version="1.31.1+inferpack.1", file=OURS),),
)
PREDICATE = {
    "buildDefinition": {
        "buildType": "tag:inferpack.io,2026:image/v1",
        "externalParameters": {
            "recipe": "recipes/onnxruntime.toml",
            "variant": "onnxruntime-mlas-py311-amd64",
        },
        "internalParameters": {"SOURCE_DATE_EPOCH": 1_700_000_000, "inputs": "5" * 64},
        "resolvedDependencies": [
            {
                "name": "source",
                "uri": f"git+https://example.org/inferpack@{REVISION}",
                "digest": {"gitCommit": REVISION},
            },
            {"name": "recipes/locks/pylock.x.toml", "digest": {"sha256": "6" * 64}},
            {"name": "inferpack/base:bookworm", "digest": {"sha256": "b" * 64}},
            {
                "name": "libc6_1:2.36-9+deb12u14_amd64.deb",
                "uri": "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12",
                "digest": {"sha256": "1" * 64},
            },
            {
                "name": OURS.name,
                "uri": "pkg:pypi/onnxruntime@1.31.1%2Binferpack.1",
                "digest": {"sha256": "2" * 64},
            },
            {"name": "onnxruntime-1.31.1.tar.gz", "digest": {"sha256": "3" * 64}},
        ],
    },
    "runDetails": {
        "builder": {"id": "https://example.org/workflow"},
        "metadata": {"startedOn": "2026-11-20T11:37:38Z", "finishedOn": "2026-11-20T11:38:18Z"},
    },
}


def made(variant: Variant, image: Image = IMAGE, **other: Any) -> bytes:
    return slsa.statement(
        variant,
        image,
        **{
            "suite": "bookworm",
            "lock": File(name="recipes/locks/pylock.x.toml", size=1, sha256="6" * 64),
            "sources": {File(name="onnxruntime-1.31.1.tar.gz", size=9, sha256="3" * 64)},
            "builder": "https://example.org/workflow",
            "repository": "https://example.org/inferpack",
            **other,
        },
    )


def objections(document: dict[str, Any]) -> list[str]:
    """What https://slsa.dev/spec/v1.0/provenance and in-toto's Statement v1 would not accept."""
    definition = document["predicate"]["buildDefinition"]
    run = document["predicate"]["runDetails"]
    described = (*document["subject"], *definition["resolvedDependencies"])
    sizes = {"sha256": 64, "gitCommit": 40}
    rules = {
        "statement": document["_type"] == "https://in-toto.io/Statement/v1",
        "type of predicate": document["predicateType"] == "https://slsa.dev/provenance/v1",
        "fields": set(document) == {"_type", "subject", "predicateType", "predicate"},
        "subject": [set(item["digest"]) for item in document["subject"]] == [{"sha256"}],
        "URIs": all(
            re.match(r"[a-z][a-z0-9+.-]*:\S+$", uri)
            for uri in (
                definition["buildType"],
                run["builder"]["id"],
                *(item["uri"] for item in described if "uri" in item),
            )
        ),
        "parameters": bool(definition["externalParameters"]),
        "descriptors": all({"uri", "digest", "content"} & set(item) for item in described),
        "digests": all(
            re.fullmatch(f"[0-9a-f]{{{sizes[name]}}}", value)
            for item in described
            for name, value in item.get("digest", {}).items()
        ),
        "times": all(
            re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value)
            for value in run["metadata"].values()
        ),
    }
    return [name for name, kept in rules.items() if not kept]


def test_a_statement_tells_how_an_image_was_made(onnxruntime: Variant) -> None:
    assert json.loads(made(onnxruntime)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": onnxruntime.reference, "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": PREDICATE,
    }


def test_it_keeps_to_the_standard(onnxruntime: Variant) -> None:
    assert objections(json.loads(made(onnxruntime))) == []
    by_hand = made(onnxruntime, records.image(revision="unknown"), builder=slsa.BY_HAND)
    assert objections(json.loads(by_hand)) == []


def test_the_same_record_gives_the_same_bytes(onnxruntime: Variant) -> None:
    files = [File(name=f"{name}.tar", size=1, sha256=name * 64) for name in "abc"]
    assert made(onnxruntime, sources=files) == made(onnxruntime, sources=files[::-1])


@pytest.mark.parametrize("revision", [f"{REVISION}-dirty", "unknown"])
def test_what_is_no_commit_gets_no_digest(onnxruntime: Variant, revision: str) -> None:
    image = msgspec.structs.replace(IMAGE, revision=revision)
    document = json.loads(made(onnxruntime, image, repository=""))
    assert document["predicate"]["buildDefinition"]["resolvedDependencies"][0] == {
        "name": "source",
        "uri": "tag:inferpack.io,2026:source",
        "annotations": {"revision": revision},
    }


def wrong_digest(document: dict[str, Any]) -> None:
    document["subject"][0]["digest"]["sha256"] = "sha256:" + "a" * 64


def no_digest(document: dict[str, Any]) -> None:
    del document["predicate"]["buildDefinition"]["resolvedDependencies"][1]["digest"]


def short_builder(document: dict[str, Any]) -> None:
    document["predicate"]["runDetails"]["builder"]["id"] = "somebody"


def local_time(document: dict[str, Any]) -> None:
    document["predicate"]["runDetails"]["metadata"]["startedOn"] = "2026-11-20 11:37"


@pytest.mark.parametrize(
    ("breaks", "rule"),
    [
        (wrong_digest, "digests"),
        (no_digest, "descriptors"),
        (short_builder, "URIs"),
        (local_time, "times"),
    ],
)
def test_what_is_broken_on_purpose_is_refused(
    onnxruntime: Variant, breaks: Callable[[dict[str, Any]], None], rule: str
) -> None:
    document = json.loads(made(onnxruntime))
    breaks(document)
    assert objections(document) == [rule]
