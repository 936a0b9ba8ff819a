"""Everything that is on record for a variant, and what is not."""

from dataclasses import dataclass
from pathlib import Path

from inferpack import compatibility, history, images, ladder, proof, throughput
from inferpack.compatibility import Compatibility
from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.images import Image
from inferpack.ladder import Ladder
from inferpack.model import Variant
from inferpack.proof import Proof
from inferpack.throughput import Bench
from inferpack.trends import Past
from inferpack.workshop import Workshop

COMMANDS = {
    "image": "image",
    "proof": "smoke",
    "bench": "bench",
    "ladder": "proof-ladder",
    "cpus": "cpus",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A variant's records, all of the same image; `notes` tells of those that are not there."""

    variant: Variant
    image: Image | None
    proof: Proof | None
    bench: Bench | None
    ladder: Ladder | None
    notes: tuple[str, ...]
    cpus: Compatibility | None = None


def gather(shop: Workshop, variant: Variant) -> Evidence:
    """What build/<id>/ holds of the variant."""
    folder = shop.folder(variant)
    return agree(
        variant,
        images.read(folder),
        proof.read(folder),
        throughput.read(folder),
        ladder.read(folder),
        cpus=compatibility.read(folder),
    )


def pasts(shop: Workshop) -> tuple[Past, ...]:
    """The nights of every image, and of every wheel that is built here."""
    images = (
        Past(
            id=variant.id,
            title=variant.recipe.title,
            nights=nights(shop.folder(variant)),
            tolerance=variant.recipe.proof.tolerance,
        )
        for variant in shop.variants()
    )
    wheels = (
        Past(
            id=variant.id,
            title=f"{variant.recipe.title}, the wheel",
            nights=nights(shop.wheel_folder(variant)),
            tolerance=Tolerance(),
        )
        for variant in shop.wheel_variants()
    )
    return (*images, *wheels)


def nights(folder: Path) -> tuple[Entry, ...]:
    """Oldest first; what was made by hand is added to a history by the first night after it."""
    return tuple(sorted(history.read(folder), key=lambda night: night.at))


def agree(
    variant: Variant,
    image: Image | None,
    proven: Proof | None,
    bench: Bench | None,
    climbed: Ladder | None,
    *,
    cpus: Compatibility | None = None,
) -> Evidence:
    """Leaves out what was measured in another image than the one that is there now."""
    found = {"image": image, "proof": proven, "bench": bench, "ladder": climbed, "cpus": cpus}
    notes = tuple(
        f"{name}: {state}; run ./inv {COMMANDS[name]} {variant.id}"
        for name, record in found.items()
        if (state := trouble(record, image))
    )
    return Evidence(
        variant=variant,
        image=image,
        proof=None if trouble(proven, image) else proven,
        bench=None if trouble(bench, image) else bench,
        ladder=None if trouble(climbed, image) else climbed,
        cpus=None if trouble(cpus, image) else cpus,
        notes=notes,
    )


def trouble(
    record: Image | Proof | Bench | Ladder | Compatibility | None, image: Image | None
) -> str:
    """Why a record does not count, or nothing."""
    if record is None:
        return "not measured" if image else "not built"
    if image is None or record.digest != image.digest:
        return "of another image, left out"
    return ""
