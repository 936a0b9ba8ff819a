"""What an image on record is made of, read from the files it was made from."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from installer.sources import WheelFile
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from inferpack import (
    archive,
    console,
    deb,
    images,
    licences,
    rootfs,
    sbom,
    store,
    target,
    wheelhouse,
)
from inferpack.deb import Deb
from inferpack.errors import InferpackError
from inferpack.images import Image
from inferpack.model import File, LockedWheel, Package, Variant
from inferpack.sbom import Part
from inferpack.wheel import BuiltWheel
from inferpack.workshop import Workshop

# deb-control(5): every alternative of a relation, less its version and architecture
RELATED = re.compile(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)")
SOURCE = re.compile(r"(\S+)(?: \((\S+)\))?")  # its name, and its version if that is another


def write_sbom(shop: Workshop, variant: Variant) -> str:
    """Writes the SBOM of the image on record; returns its path below the checkout's root."""
    image = recorded(shop, variant)
    parts = (*debian_parts(shop, variant, image), *wheel_parts(shop, variant, image))
    text = sbom.document(variant, image, shop.base(variant)[1].suite, parts)
    path = store.write(shop.folder(variant) / "sbom.cdx.json", text)
    return str(path.relative_to(shop.root))


def recorded(shop: Workshop, variant: Variant) -> Image:
    """InferpackError where there is no image, or one of another version than the recipe's."""
    image, hint = images.read(shop.folder(variant)), f"run ./inv image {variant.id}"
    if image is None:
        raise InferpackError(variant.id, "no image is on record", hint)
    framework, version = variant.cell.framework, variant.cell.version
    if version not in (held := {item.version for item in image.wheels if item.name == framework}):
        found = f"{framework} {' '.join(held) or '(none)'}"
        wrong = f"the image on record holds {found}, the recipe asks for {version}"
        raise InferpackError(variant.id, wrong, hint)
    return image


def debian_parts(shop: Workshop, variant: Variant, image: Image) -> Iterator[Part]:
    """Fetches packages that are no longer in the cache; InferpackError where Debian has no more."""
    if not all(archive.intact(shop.cache, package) for package in image.debian):
        name, spec = shop.base(variant)
        with console.step(f"fetch the packages of base {name} for {variant.arch}"):
            archive.resolve(spec, variant.arch, cache=shop.cache)
    for package in image.debian:
        if not archive.intact(shop.cache, package):
            wrong = "is in Debian no more, so nobody can tell its licence"
            hint = f"./inv lock {variant.id} --upgrade takes what is there now"
            raise InferpackError(package.file.name, wrong, hint)
        yield debian_part(package, deb.read(archive.deb_path(shop.cache, package)))


def debian_part(package: Package, found: Deb) -> Part:
    relations = (found.field(name, "") for name in ("Pre-Depends", "Depends"))
    return Part(
        package=package,
        licences=licences.of_copyright(copyright_of(found)),
        needs=tuple(name for line in relations for name in RELATED.findall(line)),
        upstream=upstream(found),
    )


def upstream(found: Deb) -> str:
    """NAME or NAME@VERSION of a package's source; empty where both are its own."""
    named = SOURCE.fullmatch(found.field("Source", ""))
    return "@".join(filter(None, named.groups())) if named else ""


def copyright_of(found: Deb) -> str:
    """Empty where the package has only a link to another's."""
    path = f"/usr/share/doc/{found.name}/copyright"
    node = next((node for name, node in rootfs.entries(found.data) if name == path), None)
    return node.data.decode(errors="replace") if isinstance(node, rootfs.File) else ""


def wheel_parts(shop: Workshop, variant: Variant, image: Image) -> Iterator[Part]:
    """Fetches wheels that are no longer in the cache."""
    paths = wheelhouse.ensure(image.wheels, shop.places, cache=shop.cache)
    for wheel, path in paths.items():
        with WheelFile.open(path) as source:
            found, _ = parse_email(source.read_dist_info("METADATA"))
        yield Part(
            package=wheel,
            licences=licences.of_metadata(found),
            needs=tuple(needed(found, variant)),
            sources=sources(shop, wheel),
        )


def needed(found: RawMetadata, variant: Variant) -> Iterator[str]:
    """The projects that a wheel asks for in this image, with no extra."""
    environment = cast(Mapping[str, str], target.environment(variant.python, variant.arch))
    for requirement in map(Requirement, found.get("requires_dist", ())):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield canonicalize_name(requirement.name)


def sources(shop: Workshop, wheel: LockedWheel) -> tuple[File, ...]:
    """Of a wheel that was built here."""
    for path in sorted(shop.built_wheels.glob("*/wheel.json")):
        record = store.read_record(path, BuiltWheel)
        if record is not None and record.file == wheel.file:
            return record.source
    return ()
