"""What of an engine is this checkout's own: what its records name, under names of inferpack's.

A checkout cannot tell what another one has made, which uses the same names on the same engine; so
an image that no record here names is left alone, and so is BuildKit's cache, where everybody's
builds lie.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from inferpack import builder, console, holdings, images, multiarch, proof, store, verify
from inferpack import wheel_tests as tests
from inferpack.budget import Item, Needs, Part
from inferpack.builder import BuilderRecord
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.holdings import Container, Held
from inferpack.model import NAMESPACE, Variant
from inferpack.workshop import Workshop

FIRST = 0.0  # a time: what uses an image goes before it
IN_USE = "a container is made from it"


def items(shop: Workshop, needs: Needs, folders: tuple[Path, ...]) -> Iterator[Item]:
    """`folders` are those of the checkout's images and wheels; nothing where no engine answers."""
    try:
        with shop.engine.reporting():
            yield from tuple(Owned(shop=shop, needs=needs, folders=folders).items())
    except InferpackError as err:
        console.warn(f"{err.where}: {err.wrong}; what this checkout has there stays")


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A checkout's part of its engine."""

    shop: Workshop
    needs: Needs
    folders: tuple[Path, ...]

    def items(self) -> Iterator[Item]:
        yield from map(self.container, self.left)
        yield from self.passing()
        for folder in self.folders:
            for digest in dict.fromkeys((*images.made(folder), *recorded(folder))):
                if held := self.own(digest):
                    yield self.image(held, folder)
            made = store.read_record(folder / "builder/builder.json", BuilderRecord)
            if made and (held := self.own(made.digest)):
                yield self.builder(held, folder)
        yield from self.ccache()

    @property
    def engine(self) -> Engine:
        return self.shop.engine

    @cached_property
    def held(self) -> dict[str, Held]:
        return {image.digest: image for image in holdings.images(self.engine)}

    @cached_property
    def variants(self) -> dict[str, Variant]:
        return {variant.id: variant for variant in self.shop.variants()}

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        return holdings.containers(self.engine)

    @cached_property
    def left(self) -> tuple[Container, ...]:
        """What killed runs of this checkout have left, where nothing runs any more."""
        return tuple(item for item in self.containers if item.has_ended and self.is_ours(item))

    def is_ours(self, container: Container) -> bool:
        """An owner is 'WHAT in FOLDER'."""
        folder = Path(container.owner.rpartition(" in ")[2])
        return bool(container.owner) and folder.is_relative_to(self.shop.root.absolute())

    @cached_property
    def used(self) -> frozenset[str]:
        """Images of other containers, running or not."""
        others = (item.images for item in self.containers if item not in self.left)
        return frozenset().union(*others)

    def own(self, digest: str) -> Held | None:
        """An image of the engine's with no name but inferpack's: a name of yours makes it yours."""
        held = self.held.get(digest)
        if held and all(name.startswith(f"{NAMESPACE}/") for name in held.names):
            return held
        return None

    def container(self, found: Container) -> Item:
        return Item(
            kind="containers",
            name=found.name,
            used=FIRST,
            needed=False,
            parts=(Part(found.id, found.size),),
            free=partial(self.engine.client.api.remove_container, found.id),
        )

    def image(self, held: Held, folder: Path) -> Item:
        """One that was proven here: the one on record, or one that it has taken the place of."""
        record, proven = images.read(folder), proof.read(folder)
        variant = self.variants.get(folder.name)
        if record is None or record.digest != held.digest or variant is None:
            forget = partial(forgotten, self.engine, held, folder)
            return self.item(held, used=held.created, needed=False, free=forget)
        names = multiarch.naming(self.shop, variant)
        indexes = {self.engine.digest(index.reference) for index in names}
        return self.item(
            held,
            used=max(record.built, proven.proven if proven else 0),
            needed=True,
            free=partial(left_by, self.shop, variant, held, folder),
            in_use=bool(indexes & self.used),
        )

    def builder(self, held: Held, folder: Path) -> Item:
        """The one that a wheel is compiled in: as old as what was made there last."""
        records = (folder / "builder/builder.json", folder / "raw/raw.json", folder / "wheel.json")
        used = max(path.stat().st_mtime for path in records if path.exists())
        needed = folder.name in self.needs.names
        return self.item(held, used=used, needed=needed, free=partial(remove, self.engine, held))

    def passing(self) -> Iterator[Item]:
        """Images of killed tests and verifications, whose names tell which checkout's they are."""
        names = {
            *(tests.name(self.shop, wheel) for wheel in self.shop.wheel_variants()),
            *(verify.passing_name(path / "") for path in self.shop.root.glob("build/.tmp-*/*")),
        }
        for held in self.held.values():
            if held.names and held.names <= names:
                free = partial(remove, self.engine, held)
                yield self.item(held, used=FIRST, needed=False, free=free)

    def ccache(self) -> Iterator[Item]:
        """The compiler's cache, once this checkout has used it; others on the engine may too."""
        users = [path.stat().st_mtime for path in self.shop.built_wheels.glob("*/wheel.log")]
        size = holdings.volume(self.engine, builder.VOLUME) if users else None
        if size is not None:
            yield Item(
                kind="ccache",
                name=builder.VOLUME,
                used=max(users),
                needed=True,
                parts=(Part(builder.VOLUME, size),),
                free=partial(self.engine.client.api.remove_volume, builder.VOLUME),
            )

    def item(
        self,
        held: Held,
        *,
        used: float,
        needed: bool,
        free: Callable[[], None],
        in_use: bool = False,
    ) -> Item:
        return Item(
            kind="images",
            name=min(held.names, default=held.digest),
            used=used,
            needed=needed,
            parts=held.parts,
            free=free,
            kept=IN_USE if in_use or held.digest in self.used else "",
        )


def recorded(folder: Path) -> tuple[str, ...]:
    record = images.read(folder)
    return (record.digest,) if record else ()


def remove(engine: Engine, held: Held) -> None:
    """Takes the image's names away, unless somebody has given one to another image meanwhile."""
    with engine.reporting():
        for name in sorted(held.names) or [held.digest]:
            if engine.digest(name) == held.digest:
                engine.remove(name)


def forgotten(engine: Engine, held: Held, folder: Path) -> None:
    remove(engine, held)
    images.write_made(folder, [item for item in images.made(folder) if item != held.digest])


def left_by(shop: Workshop, variant: Variant, held: Held, folder: Path) -> None:
    with shop.engine.reporting():
        multiarch.leave(shop, variant)
    forgotten(shop.engine, held, folder)
