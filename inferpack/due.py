"""Why the stages of an image have to run on this machine, whose engine is asked."""

from functools import partial

from inferpack import images, multiarch, stages
from inferpack.images import Image
from inferpack.keys import Keys
from inferpack.model import Variant
from inferpack.workshop import Workshop


def image(shop: Workshop, known: Keys, variant: Variant, recorded: Image | None) -> tuple[str, ...]:
    """Why the image must be built; nothing where what is on record is what a build would give."""
    if recorded is None:
        return (stages.NEVER,)
    held = shop.engine_for(variant.arch).digest(recorded.digest) is not None
    return stages.image(
        recorded,
        known.here(variant),
        budget=variant.budget_mb * images.MB,
        held=held,
        revision=known.revision(),
    )


def names(shop: Workshop, known: Keys, variant: Variant, image: Image) -> tuple[str, ...]:
    """Why a proven image must get its names: a run was killed before, or somebody took them."""
    engine = shop.engine_for(variant.arch)
    asked = {images.unproven(variant): None, variant.reference: image.digest}
    right = all(engine.digest(name) == meant for name, meant in asked.items())
    return () if right and is_listed(shop, known, variant, image) else (stages.UNNAMED,)


def is_listed(shop: Workshop, known: Keys, variant: Variant, image: Image) -> bool:
    """Whether every index of the variant names this image, beside whichever of other platforms."""
    name, engine = variant.recipe.name, shop.engine_for(variant.arch)
    every = known.once(("indexes", name), lambda: multiarch.indexes(shop.variants(name)))
    for index in every:
        if variant.id in {item.id for item in index.variants}:
            made = {item.arch: images.made(shop.folder(item)) for item in index.variants}
            right = multiarch.possible({**made, variant.arch: (image.manifest,)})
            reference = index.reference
            found = known.once((variant.arch, reference), partial(engine.digest, reference))
            if right.get(found or "", {}).get(variant.arch) != image.manifest:
                return False
    return True
