"""What is published beside an image: its SBOM, its provenance and its proof."""

from inferpack import ingredients, locks, proof, slsa, store
from inferpack.errors import InferpackError
from inferpack.images import Image
from inferpack.keys import Input
from inferpack.model import File, Variant
from inferpack.referrers import PROOF, PROVENANCE, SBOM, Document
from inferpack.workshop import Workshop


def of(
    shop: Workshop, variant: Variant, *, builder: str = slsa.BY_HAND, repository: str = ""
) -> tuple[Document, ...]:
    """The documents about the image on record; InferpackError where it is not proven.

    `builder` and `repository` are told at slsa.statement.
    """
    image, folder = ingredients.recorded(shop, variant), shop.folder(variant)
    proven = proof.read(folder)
    if proven is None or proven.digest != image.digest or not proven.report.is_proof:
        raise InferpackError(variant.id, "is not proven", f"run ./inv image {variant.id}")
    bill = shop.root / ingredients.write_sbom(shop, variant)
    statement = slsa.statement(
        variant,
        image,
        suite=shop.base(variant)[1].suite,
        lock=lock(shop, variant, image),
        sources={file for wheel in image.wheels for file in ingredients.sources(shop, wheel)},
        builder=builder,
        repository=repository,
    )
    return (
        Document(kind=SBOM, content=bill.read_bytes()),
        Document(kind=PROVENANCE, content=statement),
        Document(kind=PROOF, content=(folder / PROOF.file).read_bytes()),
    )


def lock(shop: Workshop, variant: Variant, image: Image) -> File:
    """The lock by its path in the checkout; InferpackError where it has changed since the build."""
    path = shop.lock_path(variant)
    sha256 = store.file_digest(path)
    built_from = image.inputs.get(Input.LOCK, sha256)  # older records do not tell
    if locks.read(path).wheels != image.wheels or built_from != sha256:
        wrong = "the lock has changed since the image was built"
        raise InferpackError(variant.id, wrong, f"run ./inv image {variant.id}")
    name = str(path.relative_to(shop.root))
    return File(name=name, size=path.stat().st_size, sha256=sha256)
