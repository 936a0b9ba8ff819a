"""A registry of a test's own, with releases that ./inv publish has made there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from inferpack import images, publish
from inferpack.model import Variant
from inferpack.provenance import DIRTY
from inferpack.workshop import Workshop
from tests.integration.conftest import proven
from tests.integration.registries import Registry, running

NAMESPACE = "somebody"


@dataclass(frozen=True, slots=True)
class Published:
    """`name`: HOST:PORT/NAMESPACE/NAME of a recipe's images."""

    registry: Registry
    name: str

    @property
    def tags(self) -> dict[str, str]:
        """Tag → digest."""
        return self.registry.tags(self.name.partition("/")[2])


@contextmanager
def publishing(shop: Workshop, folder: Path, *ids: str) -> Iterator[Published]:
    """Variants of one recipe, built and proven where they are not."""
    for variant_id in ids:
        proven(variant_id)
    variants = tuple(shop.variants(name)[0] for name in ids)
    with running(folder / "registry") as registry:
        place = f"{registry.host}/{NAMESPACE}"
        own = committed(shop, variants, folder / "checkout")
        publish.publish(own, publish.publisher(own, place, None, {}), variants)
        yield Published(registry, f"{place}/{variants[0].recipe.name}")


def committed(shop: Workshop, variants: tuple[Variant, ...], root: Path) -> Workshop:
    """The workshop with records of its own, which tell of no uncommitted changes: such images
    are not published, and tests shall work before a commit too.
    """
    root.mkdir()
    for name in ("recipes", "templates", "selftest", "plugins", "wheels", ".cache", ".git"):
        (root / name).symlink_to(shop.root / name)
    own = replace(shop, root=root)
    for variant in variants:
        image = images.read(shop.folder(variant))
        assert image
        own.folder(variant).mkdir(parents=True)
        (own.folder(variant) / "proof.json").symlink_to(shop.folder(variant) / "proof.json")
        revision = image.revision.removesuffix(DIRTY)
        images.record(own.folder(variant), structs.replace(image, revision=revision))
    return own
