"""An index and its images go to a registry, by the engine that has them."""

from collections.abc import Callable

from inferpack import console, multiarch, releases, remotes
from inferpack.errors import InferpackError
from inferpack.images import MB
from inferpack.referrers import TRIES
from inferpack.releases import Release
from inferpack.workshop import Workshop


def send(shop: Workshop, todo: list[Release]) -> None:
    """Pushes each under a name of its digest, and looks whether the registry has it whole.

    One after the other: the engine sends several layers at once, and they share some.
    """
    going, layers = dict[str, int](), set[str]()
    with console.watching("push") as shown:

        def shown_bytes(layer: str, size: int) -> None:
            going[layer] = size
            shown(f"{sum(going.values()) / MB:,.0f} MB")

        for release in todo:
            if not is_whole(shop, release, release.passing):
                layers |= push(shop, release, shown_bytes)
            there = remotes.find(shop.engine, str(release.published))
            releases.check_pushed(release, str(release.published), there)
    console.note(f"  {len(layers)} layers sent, for {len(todo)} indexes")


def push(
    shop: Workshop, release: Release, told: Callable[[str, int], None], tries: int = TRIES
) -> frozenset[str]:
    """The engine pushes what has the name, so the index has it for as long as that takes.

    Another checkout that publishes the same on this engine may take the name away: then once more.
    """
    name, engine = release.passing, shop.engine
    engine.load(multiarch.archive(name, release.document), name, release.digest)
    try:
        return remotes.push(engine, name, told)
    except InferpackError:
        if engine.digest(name) or tries == 1:
            raise
    finally:
        remotes.forget(engine, name)
    return push(shop, release, told, tries - 1)


def is_whole(shop: Workshop, release: Release, name: str) -> bool:
    """Whether the name is of this index in the registry, and all its images are there."""
    found = remotes.look(shop.engine, (name, *map(str, release.platform_images)))
    index = found[name]
    return index is not None and index.digest == release.digest and all(found.values())
