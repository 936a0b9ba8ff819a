"""A variant as two checkouts have it, built and proven one after the other, and compared."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from inferpack import base, compare, console, due, images, matrix, pipeline, summary, supply
from inferpack.difference import Change
from inferpack.errors import InferpackError
from inferpack.fetch import Unreachable
from inferpack.images import MB, Image
from inferpack.keys import Keys
from inferpack.model import NAMESPACE, Variant
from inferpack.proof import Proof
from inferpack.workshop import Workshop

PASSING = f"{NAMESPACE}/watch"  # the namespace of images that lose their names at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What `told` tells of both sides, and what changed; `failed`: why there is no second one."""

    variant: str
    told: str
    changes: tuple[Change, ...] = ()
    failed: str = ""

    def __str__(self) -> str:
        outcome = f"FAILS: {self.failed}" if self.failed else compare.told(self.changes)
        return f"{self.variant}\n{outcome}\n\n{self.told}"


def trials(old: Workshop, new: Workshop, variants: tuple[Variant, ...]) -> Iterator[Trial]:
    """Of those that this machine runs without emulation. InferpackError where the old side fails:
    then nothing is known of the new one either.
    """
    for variant in here(variants):
        try:
            before = made(old, variant)
        except InferpackError as err:
            wrong = f"what HEAD has cannot be compared with: {err.wrong}"
            raise InferpackError(err.where, wrong, "nothing is proposed") from err
        told = side("before", *before)
        try:
            after = made(new, variant)
        except Unreachable:  # which says nothing of the new side
            raise
        except InferpackError as err:
            yield Trial(variant=variant.id, told=told, failed=f"{err.where}: {err.wrong}")
            continue
        sides = [compare.load("proof.json", shop.folder(variant)) for shop in (old, new)]
        yield Trial(
            variant=variant.id,
            told=f"{told}\n\n{side('after', *after)}",
            changes=compare.different(new, *sides),
        )


def here(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Those of them that `./inv image` builds on this machine by default."""
    own = tuple(item for item in variants if item.arch is base.native())
    return matrix.usual(own, "*", base.native()) if own else ()


def made(shop: Workshop, variant: Variant) -> tuple[Image, Proof]:
    """The variant's image in this checkout, built where the one on record is another, and a new
    proof of it; it is left in the engine without a name.
    """
    (known,) = (item for item in shop.variants(variant.recipe.name) if item.id == variant.id)
    own = replace(known, namespace=PASSING)
    folder = shop.folder(own)
    try:
        supply.ensure(shop, own)
        image = images.read(folder)
        if image is None or due.image(shop, Keys(shop=shop), own, image):
            image = pipeline.build(shop, pipeline.inputs(shop, own))
        images.check_budget(own, image.unpacked, folder / "context")
        return image, prove(shop, own, image)
    finally:
        shop.engine_for(own.arch).remove(images.unproven(own))


def prove(shop: Workshop, variant: Variant, image: Image) -> Proof:
    """Tries a second time: a branch stays, and what else runs here may have been in the way."""
    try:
        return pipeline.prove(shop, variant, image)
    except InferpackError as err:
        console.warn(f"once more: {err}")
        return pipeline.prove(shop, variant, image)


def side(name: str, image: Image, proof: Proof) -> str:
    size = f"{image.unpacked / MB:.1f} MB unpacked, {image.compressed / MB:.1f} MB to pull"
    return f"{name}: {size}\n{summary.told(proof)}"
