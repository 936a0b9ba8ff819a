"""Multi-arch indexes: one name for what is proven on every architecture.

An index is a document of some hundred bytes. The engine has the images it names, so loading it
moves nothing.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

from inferpack import images, proof
from inferpack.buildx import Manifest
from inferpack.engine import Engine
from inferpack.model import GENERIC, Arch, Variant
from inferpack.store import locked
from inferpack.workshop import Workshop

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LATEST = "latest"

Named = Mapping[Arch, Manifest]  # by an index

# https://github.com/opencontainers/image-spec/blob/main/annotations.md, and containerd's own
REF_NAME, IMAGE_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A name, and the variant that it means on each architecture."""

    reference: str
    variants: tuple[Variant, ...]


def indexes(variants: Iterable[Variant]) -> tuple[Index, ...]:
    """All names that stand for more than one variant, or for the best one.

    NAME:VERSION-BACKEND, NAME:VERSION and NAME:latest, each with -dev for that flavour. Where
    architectures have different newest versions, each version's index has one platform, and
    `latest` both. A recipe's matrix runs from each architecture's best backend to the least.
    """
    named: dict[str, dict[Arch, Variant]] = {}
    for variant in variants:
        if variant.cell.target == GENERIC:
            for tag in (f"{variant.version}-{variant.backend}", variant.version, LATEST):
                reference = f"{variant.namespace}/{variant.recipe.name}:{tag}{variant.suffix}"
                named.setdefault(reference, {}).setdefault(variant.arch, variant)
    return tuple(
        Index(reference=reference, variants=tuple(found[arch] for arch in sorted(found)))
        for reference, found in named.items()
    )


def document(found: Mapping[Arch, images.Image]) -> bytes:
    """The index itself, as the OCI image specification has it."""
    return naming({arch: image.manifest for arch, image in found.items()})


def naming(found: Named) -> bytes:
    manifests = [
        {
            "mediaType": MANIFEST,
            "digest": manifest.digest,
            "size": manifest.size,
            "platform": {"architecture": str(arch), "os": "linux"},
        }
        for arch, manifest in sorted(found.items())
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()


def possible(made: Mapping[Arch, Iterable[Manifest]]) -> dict[str, Named]:
    """Every index of one of these images on each architecture, or of none, by its digest."""
    archs = tuple(made)
    rows = product(*((*dict.fromkeys(made[arch]), None) for arch in archs))
    found = ({arch: item for arch, item in zip(archs, row, strict=True) if item} for row in rows)
    return {digest_of(naming(named)): named for named in found}


def leave(engine: Engine, name: str, named: Named, digest: str) -> None:
    """Makes an index that names these anew without one; it goes where nothing of it would stay."""
    others = {
        arch: item
        for arch, item in named.items()
        if item.digest != digest and engine.digest(item.digest)
    }
    if others:
        load(engine, name, naming(others))
    else:
        engine.remove(name)


def archive(name: str, index: bytes) -> bytes:
    """An OCI layout, as a tar, with nothing but the index under its full name."""
    digest = hashlib.sha256(index).hexdigest()
    annotations = {
        IMAGE_NAME: name,
        REF_NAME: name.rpartition(":")[2],
    }
    descriptor = {
        "mediaType": INDEX,
        "digest": f"sha256:{digest}",
        "size": len(index),
        "annotations": annotations,
    }
    top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}
    members = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(top).encode(),
        f"blobs/sha256/{digest}": index,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def proven(shop: Workshop, variant: Variant) -> images.Image | None:
    """The variant's image, where what is on record of it is a passing proof."""
    image, proof_ = images.read(shop.folder(variant)), proof.read(shop.folder(variant))
    if image is None or proof_ is None or proof_.digest != image.digest:
        return None
    if not proof_.report.is_proof:  # a record that somebody has edited
        return None
    return image


def held(shop: Workshop, variant: Variant, engine: Engine) -> images.Image | None:
    """The variant's proven image, where it is this engine's and there."""
    image = proven(shop, variant) if shop.engine_for(variant.arch) == engine else None
    return image if image and engine.digest(image.digest) else None


def update(shop: Workshop, changed: Variant) -> tuple[str, ...]:
    """Makes every index that may have this variant, of all that is proven and of the same engine;
    returns their names.
    """
    engine = shop.engine_for(changed.arch)
    known = [
        replace(variant, namespace=changed.namespace)
        for variant in shop.variants(changed.recipe.name)
    ]
    with locked(shop.root / "build" / changed.recipe.name):
        return tuple(
            made(shop, index, engine)
            for index in indexes(known)
            if changed.id in {variant.id for variant in index.variants}
        )


def made(shop: Workshop, index: Index, engine: Engine) -> str:
    """The index's name and platforms, once the engine has it."""
    found = {
        variant.arch: image for variant in index.variants if (image := held(shop, variant, engine))
    }
    load(engine, index.reference, document(found))
    return f"{index.reference} ({', '.join(found)})"


def load(engine: Engine, name: str, content: bytes) -> None:
    """Gives an index the name that may have been another's."""
    engine.load(archive(f"docker.io/{name}", content), name, digest_of(content))


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
