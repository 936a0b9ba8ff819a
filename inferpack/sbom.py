"""An image's bill of materials as a CycloneDX document; the same parts give the same bytes."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from inferpack import store, wheelhouse
from inferpack.bases import RELEASES
from inferpack.images import Image
from inferpack.licences import DECLARED
from inferpack.model import NAMESPACE, File, LockedWheel, Package, Variant

OUR_LICENCE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A package of an image; `needs` names others of its kind, `sources` is what ours is built of.

    A name in `needs` that the image does not hold is no dependency: it was left out on purpose.
    `upstream` is the source package of a Debian package with another name or version, as NAME or
    NAME@VERSION.
    """

    package: Package | LockedWheel
    licences: tuple[License, ...] = ()
    needs: tuple[str, ...] = ()
    sources: tuple[File, ...] = ()
    upstream: str = ""


def document(variant: Variant, image: Image, suite: str, parts: Iterable[Part]) -> str:
    """CycloneDX 1.6 as JSON, dated like the image; `suite` is Debian's."""
    made = [(part, component(part, suite)) for part in parts]
    held = [item for _, item in made]
    whole, own = container(variant, image), program(image)
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, image.digest),
        metadata=BomMetaData(
            component=whole,
            timestamp=datetime.fromtimestamp(image.created, UTC),
            tools=ToolRepository(
                components=[Component(type=ComponentType.APPLICATION, name=NAMESPACE)]
            ),
        ),
        components=[*held, own],
    )
    bom.register_dependency(whole, [*held, own])
    known = {(type(part.package), part.package.name): item for part, item in made}
    for part, item in made:
        wanted = [(type(part.package), name) for name in part.needs]
        bom.register_dependency(item, [known[key] for key in wanted if key in known])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def container(variant: Variant, image: Image) -> Component:
    """The image itself; its properties are named like its labels."""
    name, _, tag = variant.reference.rpartition(":")
    about = {
        "arch": str(variant.arch),
        "backend": str(variant.backend),
        "base": image.base,
        "lock": f"sha256:{store.digest(image.wheels)}",
        "variant": variant.id,
    }
    purl = PackageURL(
        type="oci",
        name=variant.recipe.name,
        version=image.digest,
        qualifiers={"arch": str(variant.arch), "tag": tag},
    )
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=variant.version,
        purl=purl,
        bom_ref=str(purl),
        hashes=[sha256(image.digest.removeprefix("sha256:"))],
        properties=properties(about),
    )


def program(image: Image) -> Component:
    """What is ours in every image: selftest, its models, and the entry point."""
    return Component(
        type=ComponentType.APPLICATION,
        name=NAMESPACE,
        version=image.revision,
        bom_ref=f"{NAMESPACE}@{image.revision}",
        description="selftest, its models, and the entry point",
        licenses=[DisjunctiveLicense(id=OUR_LICENCE, acknowledgement=DECLARED)],
    )


def component(part: Part, suite: str) -> Component:
    purl = url(part, suite)
    return Component(
        type=ComponentType.LIBRARY,
        name=part.package.name,
        version=part.package.version,
        purl=purl,
        bom_ref=str(purl),
        hashes=[sha256(part.package.file.sha256)],
        licenses=part.licences,
        properties=properties(origin(part.package)),
        pedigree=Pedigree(ancestors=map(archive, part.sources)) if part.sources else None,
    )


def url(part: Part, suite: str) -> PackageURL:
    """Advisories go by Debian's source packages: `upstream` is where scanners look for them.

    https://github.com/anchore/syft/pull/769
    """
    match part.package:
        case Package(name=name, version=version, arch=arch):
            distro = f"debian-{RELEASES[suite]}" if suite in RELEASES else suite
            about = {"arch": arch, "distro": distro, "upstream": part.upstream}
            return PackageURL("deb", "debian", name, version, about)
        case LockedWheel(name=name, version=version):
            return PackageURL("pypi", None, name, version)


def origin(package: Package | LockedWheel) -> dict[str, str]:
    """A wheel that is not from an index says so."""
    ours = isinstance(package, LockedWheel) and wheelhouse.is_ours(package)
    return {"built": "from source"} if ours else {}


def archive(file: File) -> Component:
    """What a wheel of ours was compiled from."""
    return Component(type=ComponentType.FILE, name=file.name, hashes=[sha256(file.sha256)])


def sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def properties(values: Mapping[str, str]) -> list[Property]:
    return [
        Property(name=f"io.{NAMESPACE}.{name}", value=value)
        for name, value in values.items()
        if value
    ]
