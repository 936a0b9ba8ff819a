"""Why the stages of an image have to run on this machine, whose engine is asked."""

from inferpack import images, stages
from inferpack.images import Image
from inferpack.keys import Keys
from inferpack.model import Variant
from inferpack.workshop import Workshop


def image(shop: Workshop, known: Keys, variant: Variant, recorded: Image | None) -> tuple[str, ...]:
    """Why the image must be built; nothing where what is on record is what a build would give."""
    if recorded is None:
        return (stages.NEVER,)
    if recorded.unpacked > variant.budget_mb * images.MB:
        return ("over its budget",)
    held = shop.engine_for(variant.arch).digest(recorded.digest) is not None
    return stages.image(recorded, known.here(variant), held=held, revision=known.revision())


def names(shop: Workshop, variant: Variant, digest: str) -> tuple[str, ...]:
    """Why a proven image must get its names: a run was killed before, or somebody took them."""
    engine = shop.engine_for(variant.arch)
    asked = {images.unproven(variant): None, variant.reference: digest}
    right = all(engine.digest(name) == meant for name, meant in asked.items())
    return () if right else (stages.UNNAMED,)
