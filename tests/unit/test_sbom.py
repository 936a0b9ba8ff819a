"""An image's SBOM: a whole document, the official schema, and what that refuses."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from inferpack import sbom
from inferpack.model import File, LockedWheel, Variant
from inferpack.sbom import Part
from tests.unit import debs, records

DEB = "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc"
NUMPY, OURS = "pkg:pypi/numpy@2.4.6", "pkg:pypi/onnxruntime@1.31.1%2Binferpack.1"
IMAGE = f"pkg:oci/onnxruntime@{records.DIGEST}?arch=amd64&tag=1.31.1-mlas-py311-amd64"
REVISION = "0123456789abcdef0123456789abcdef01234567"
# Of what records.image() holds
LOCK = "sha256:4f5dad1be588ae21a61725df058820d3ece090d6b4ed5c7cc55dddada83d3818"
LICENCES = LicenseFactory()


def wheel(name: str, version: str, digit: str) -> LockedWheel:
    file = File(name=f"{name}-{version}-py3-none-any.whl", size=1, sha256=digit * 64)
    return LockedWheel(name=name, version=version, file=file)


PARTS = (
    Part(
        package=debs.package("libc6", "1:2.36-9+deb12u14", "1" * 64),
        licences=(LICENCES.make_with_name("GPL-2+"), LICENCES.make_with_name("Expat")),
        needs=("libgcc-s1", "numpy"),  # the one left out, the other no Debian package here
        upstream="glibc",
    ),
    Part(
        package=wheel("onnxruntime", "1.31.1+inferpack.1", "2"),
        licences=(LICENCES.make_from_string("MIT"),),
        needs=("numpy", "coloredlogs"),
        sources=(File(name="onnxruntime-1.31.1.tar.gz", size=9, sha256="3" * 64),),
    ),
    Part(
        package=wheel("numpy", "2.4.6", "4"), licences=(LICENCES.make_from_string("MIT AND Zlib"),)
    ),
)


def hashes(digit: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digit * 64}]


EXPECTED = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:90112f62-7398-576f-9023-ec8b0014e316",
    "version": 1,
    "metadata": {
        "timestamp": "2023-11-14T22:13:20+00:00",
        "tools": {"components": [{"type": "application", "name": "inferpack"}]},
        "component": {
            "type": "container",
            "bom-ref": IMAGE,
            "name": "inferpack/onnxruntime",
            "version": "1.31.1",
            "purl": IMAGE,
            "hashes": hashes("a"),
            "properties": [
                {"name": "io.inferpack.arch", "value": "amd64"},
                {"name": "io.inferpack.backend", "value": "mlas"},
                {"name": "io.inferpack.base", "value": "inferpack/base:bookworm@sha256:b"},
                {"name": "io.inferpack.lock", "value": LOCK},
                {"name": "io.inferpack.variant", "value": "onnxruntime-mlas-py311-amd64"},
            ],
        },
    },
    "components": [
        {
            "type": "application",
            "bom-ref": f"inferpack@{REVISION}",
            "name": "inferpack",
            "version": REVISION,
            "description": "selftest, its models, and the entry point",
            "licenses": [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}],
        },
        {
            "type": "library",
            "bom-ref": DEB,
            "name": "libc6",
            "version": "1:2.36-9+deb12u14",
            "purl": DEB,
            "hashes": hashes("1"),
            "licenses": [{"license": {"name": "Expat"}}, {"license": {"name": "GPL-2+"}}],
        },
        {
            "type": "library",
            "bom-ref": NUMPY,
            "name": "numpy",
            "version": "2.4.6",
            "purl": NUMPY,
            "hashes": hashes("4"),
            "licenses": [{"expression": "MIT AND Zlib"}],
        },
        {
            "type": "library",
            "bom-ref": OURS,
            "name": "onnxruntime",
            "version": "1.31.1+inferpack.1",
            "purl": OURS,
            "hashes": hashes("2"),
            "licenses": [{"license": {"id": "MIT"}}],
            "pedigree": {
                "ancestors": [
                    {"type": "file", "name": "onnxruntime-1.31.1.tar.gz", "hashes": hashes("3")}
                ]
            },
            "properties": [{"name": "io.inferpack.built", "value": "from source"}],
        },
    ],
    "dependencies": [
        {"ref": f"inferpack@{REVISION}"},
        {"ref": DEB},
        {"ref": IMAGE, "dependsOn": [f"inferpack@{REVISION}", DEB, NUMPY, OURS]},
        {"ref": NUMPY},
        {"ref": OURS, "dependsOn": [NUMPY]},
    ],
}


@pytest.fixture
def pinned(onnxruntime: Variant) -> Variant:
    """Of one version, whatever the recipe asks for."""
    cell = msgspec.structs.replace(onnxruntime.cell, requires=("onnxruntime==1.31.1",))
    return dataclasses.replace(onnxruntime, cell=cell)


@pytest.fixture
def text(pinned: Variant) -> str:
    return made(pinned, PARTS)


def made(variant: Variant, parts: tuple[Part, ...]) -> str:
    base = "inferpack/base:bookworm@sha256:b"
    image = records.image(created=1_700_000_000, revision=REVISION, base=base)
    return sbom.document(variant, image, "bookworm", parts)


def refused(text: str) -> list[str]:
    """What the official schema objects to, and package URLs that are none: to it they are text."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    wrong = [str(error) for error in validator.validate_str(text, all_errors=True) or ()]
    for part in json.loads(text)["components"]:
        try:
            PackageURL.from_string(part.get("purl", NUMPY))
        except ValueError as err:
            wrong.append(str(err))
    return wrong


def test_a_document_tells_everything_an_image_is_made_of(text: str) -> None:
    assert json.loads(text) == EXPECTED


def test_it_keeps_to_the_official_schema(text: str) -> None:
    assert refused(text) == []


def test_the_same_parts_give_the_same_bytes(pinned: Variant, text: str) -> None:
    assert made(pinned, PARTS[::-1]) == text


def test_an_unknown_suite_stands_for_itself(pinned: Variant) -> None:
    document = sbom.document(pinned, records.image(), "trixie", PARTS[:1])
    purls = [part.get("purl") for part in json.loads(document)["components"]]
    assert purls == [None, DEB.replace("debian-12", "trixie")]


@pytest.mark.parametrize(
    ("upstream", "qualifiers"),
    [
        ("", {}),
        ("zlib", {"upstream": "zlib"}),
        ("zlib@1:1.2.13.dfsg-1", {"upstream": "zlib@1:1.2.13.dfsg-1"}),
    ],
)
def test_a_purl_names_the_source_where_it_is_another(
    pinned: Variant, upstream: str, qualifiers: dict[str, str]
) -> None:
    part = Part(package=debs.package("zlib1g", "1:1.2.13.dfsg-1+b1"), upstream=upstream)
    document = json.loads(made(pinned, (part,)))
    (purl,) = (PackageURL.from_string(item["purl"]) for item in document["components"][1:])
    assert purl.qualifiers == {"arch": "amd64", "distro": "debian-12"} | qualifiers


def test_an_image_of_an_older_record_does_not_tell_its_base(pinned: Variant) -> None:
    document = json.loads(sbom.document(pinned, records.image(), "bookworm", ()))
    names = [item["name"] for item in document["metadata"]["component"]["properties"]]
    assert names == [f"io.inferpack.{name}" for name in ("arch", "backend", "lock", "variant")]


def short_hash(document: dict[str, Any]) -> None:
    document["components"][1]["hashes"][0]["content"] = "1" * 63


def broken_purl(document: dict[str, Any]) -> None:
    document["components"][1]["purl"] = "pkg:deb"


def unknown_field(document: dict[str, Any]) -> None:
    document["components"][1]["licence"] = "MIT"


def wrong_licence(document: dict[str, Any]) -> None:
    document["components"][1]["licenses"] = [{"license": {"id": "GPL-2+"}}]


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (short_hash, "does not match"),
        (broken_purl, "purl"),
        (unknown_field, "'licence' was unexpected"),
        (wrong_licence, "GPL-2+"),
    ],
)
def test_what_is_broken_on_purpose_is_refused(
    text: str, breaks: Callable[[dict[str, Any]], None], words: str
) -> None:
    document = json.loads(text)
    breaks(document)
    (wrong,) = refused(json.dumps(document))
    assert words in wrong
