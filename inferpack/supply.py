"""What an image needs of the wheels that are built here."""

from collections.abc import Iterable, Iterator

from inferpack import locks, pipeline, wheelhouse, wheels
from inferpack.errors import InferpackError
from inferpack.model import Arch, LockedWheel, Variant
from inferpack.proof import Proof
from inferpack.wheel import WheelVariant
from inferpack.workshop import Workshop


def image(shop: Workshop, variant: Variant) -> Proof:
    """A proven image; those of its wheels that are ours are built before."""
    ensure(shop, variant)
    return pipeline.image(shop, variant)


def ensure(shop: Workshop, variant: Variant) -> None:
    """Builds those of the variant's lock that no cache has.

    InferpackError where that gives other bytes than the locked ones.
    """
    for item, own in lacking(shop, variant):
        made = wheels.wheel(shop, own).file
        if made != item.file:
            wrong = f"built here it has sha256 {made.sha256}; the lock says {item.file.sha256}"
            hint = f"./inv lock {variant.id} --upgrade takes this build"
            raise InferpackError(made.name, wrong, hint)


def is_awaited(shop: Workshop, variant: Variant) -> bool:
    """Whether a wheel is built for it before; where its lock cannot be read, its own turn tells."""
    try:
        return bool(lacking(shop, variant))
    except InferpackError:
        return False


def lacking(shop: Workshop, variant: Variant) -> tuple[tuple[LockedWheel, WheelVariant], ...]:
    """Those of the variant's lock that are ours and that no cache has, with what makes them."""
    path = shop.lock_path(variant)
    locked = locks.read(path).wheels if path.exists() else ()
    missing = wheelhouse.missing(locked, shop.cache)
    return tuple(ours(missing, shop.wheel_variants() if missing else (), variant.arch))


def ours(
    wanted: Iterable[LockedWheel], known: Iterable[WheelVariant], arch: Arch
) -> Iterator[tuple[LockedWheel, WheelVariant]]:
    """Those of the wanted wheels that a recipe of ours makes, with what makes them."""
    named = {(item.recipe.name, item.version): item for item in known if item.arch is arch}
    for wheel in wanted:
        if found := named.get((wheel.name, wheel.version)):
            yield wheel, found
