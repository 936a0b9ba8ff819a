"""What of an engine is this checkout's own: what its records name, under names of inferpack's.

A checkout cannot tell what another one has made, which uses the same names on the same engine; so
an image that no record here names is left alone, and so is BuildKit's cache, where everybody's
builds lie.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path

from inferpack import console, images, multiarch, proof, storage, store, verify
from inferpack import wheel_tests as tests
from inferpack.budget import Item, Needs, Part, told
from inferpack.builder import VOLUME, BuilderRecord
from inferpack.buildx import Manifest
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Arch, Flavour, Variant
from inferpack.multiarch import Named
from inferpack.storage import Container, Held, Scales
from inferpack.workshop import Workshop

FIRST = 0.0  # a time; what uses an image goes before it
IN_USE = "a container is made from it"


def items(shop: Workshop, needs: Needs, folders: tuple[Path, ...]) -> Iterator[Item]:
    """`folders` are those of the checkout's images and wheels; of all its engines that answer."""
    others = [engine for engine in shop.engines.values() if engine != shop.engine]
    for engine in (shop.engine, *others):
        where = f" on {engine.endpoint.title}" if others else ""
        for item in items_of(engine, shop, needs, folders):
            yield replace(item, name=f"{item.name}{where}")


def items_of(engine: Engine, shop: Workshop, needs: Needs, folders: tuple[Path, ...]) -> list[Item]:
    try:
        with engine.reporting():
            part = Owned(
                shop=shop,
                engine=engine,
                needs=needs,
                folders=folders,
                images=storage.images(engine),
                containers=storage.containers(engine),
            )
            found = list(part.items())
            if others := part.strangers(found):
                told_of = f"{len(others)} images of no record here, as {others[0]}"
                console.note(f"  left alone: {told_of}")
            size = told(part.scales.cached)
            command = "docker buildx prune"
            console.note(f"  left alone: BuildKit's cache, everybody's ({size}): {command}")
            return found
    except InferpackError as err:
        console.warn(f"{err.where}: {err.wrong}; what this checkout has there stays")
        return []


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A checkout's part of its engine, which has these `images` and `containers`."""

    shop: Workshop
    engine: Engine
    needs: Needs
    folders: tuple[Path, ...]
    images: tuple[Held, ...]
    containers: tuple[Container, ...]

    def strangers(self, known: Iterable[Item]) -> list[str]:
        """Images that are called like ours, but that no record here names."""
        names = {item.name for item in known}
        found = (item for item in self.images if item.digest not in self.indexes)
        called = (item.own for item in found if item.own)
        return [item[0] for item in called if item[0] not in names]

    def items(self) -> Iterator[Item]:
        yield from map(self.container, self.left)
        yield from self.passing()
        yield from self.alone()
        for folder in self.folders:
            yield from self.built(folder)
            yield from self.builder(folder)
        yield from self.ccache()

    @cached_property
    def held(self) -> dict[str, Held]:
        return {image.digest: image for image in self.images}

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
        own = {item.id for item in self.left}
        others = (item.images for item in self.containers if item.id not in own)
        return frozenset(digest for images in others for digest in images)

    @cached_property
    def indexes(self) -> dict[str, Named]:
        """Every index that this checkout can have made, by digest."""
        made: dict[str, dict[Arch, list[Manifest]]] = {}
        for folder, arch in product(self.folders, Arch):
            if folder.name.endswith((f"-{arch}", f"-{arch}-{Flavour.DEV}")):
                known = made.setdefault(self.recipe_of(folder), {item: [] for item in Arch})
                known[arch] += images.made(folder)
        return {k: v for known in made.values() for k, v in multiarch.possible(known).items()}

    def recipe_of(self, folder: Path) -> str:
        """The longest name of a recipe that the variant's begins with."""
        names = {variant.recipe.name for variant in self.variants.values()}
        return max((name for name in names if folder.name.startswith(f"{name}-")), default="")

    @cached_property
    def variants(self) -> dict[str, Variant]:
        return {variant.id: variant for variant in self.shop.variants()}

    def ours(self, digest: str) -> Held | None:
        """An image of the engine's with a name of inferpack's, or with none."""
        held = self.held.get(digest)
        return held if held and (held.own or not held.names) else None

    def naming(self, digest: str) -> Iterator[Held]:
        """The indexes in the engine that name this image."""
        for index in self.held.values():
            if digest in {item.digest for item in self.indexes.get(index.digest, {}).values()}:
                yield index

    def container(self, found: Container) -> Item:
        return Item(
            kind="containers",
            name=found.name,
            used=FIRST,
            needed=False,
            parts=(Part(found.id, found.size),),
            free=partial(storage.remove_container, self.engine, found.id),
        )

    def image(
        self, held: Held, *, used: float, needed: bool, free: Callable[[], None] | None = None
    ) -> Item:
        """An index has no layers of its own to weigh."""
        return Item(
            kind="images",
            name=min(held.own, default=held.digest),
            used=used,
            needed=needed,
            parts=() if held.digest in self.indexes else self.parts(held),
            kept=self.kept(held),
            free=free or partial(storage.remove, self.engine, held),
        )

    def built(self, folder: Path) -> Iterator[Item]:
        """The image on record, and those whose place it has taken."""
        record, proven = images.read(folder), proof.read(folder)
        for manifest in images.made(folder):
            if held := self.ours(manifest.digest):
                is_current = record is not None and record.digest == held.digest
                times = [record.built] if record and is_current else [held.created]
                times += [proven.proven] if proven and proven.digest == held.digest else []
                needed = is_current and folder.name in self.needs.names
                free = partial(self.forget, held, folder)
                yield self.image(held, used=max(times), needed=needed, free=free)

    def builder(self, folder: Path) -> Iterator[Item]:
        """The image that a wheel is compiled in: as old as what was made there last."""
        records = (folder / "builder/builder.json", folder / "raw/raw.json", folder / "wheel.json")
        made = store.read_record(records[0], BuilderRecord)
        if made and (held := self.ours(made.digest)):
            used = max(path.stat().st_mtime for path in records if path.exists())
            yield self.image(held, used=used, needed=folder.name in self.needs.names)

    def passing(self) -> Iterator[Item]:
        """Images of killed tests and verifications, whose names tell which checkout's they are."""
        left = self.shop.root.glob("build/.tmp-*/*")
        names = {verify.passing_name(path) for path in left}
        names |= {tests.name(self.shop, wheel) for wheel in self.shop.wheel_variants()}
        for held in self.held.values():
            if held.names and held.names <= names:
                yield self.image(held, used=FIRST, needed=False)

    def alone(self) -> Iterator[Item]:
        """Indexes whose images all have lost their names, as where a `clean` was killed."""
        records = [images.read(it) for it in self.folders if it.name in self.needs.names]
        current = {record.digest for record in records if record}
        for index in self.held.values():
            named = {item.digest for item in self.indexes.get(index.digest, {}).values()}
            if named and index.own and not named & self.held.keys():
                yield self.image(index, used=FIRST, needed=bool(named & current))

    def ccache(self) -> Iterator[Item]:
        """The compiler's cache, once this checkout has used it; others on the engine may too."""
        users = [path.stat().st_mtime for path in self.shop.built_wheels.glob("*/wheel.log")]
        size = storage.volume(self.engine, VOLUME) if users else None
        if size is not None:
            yield Item(
                kind="ccache",
                name=VOLUME,
                used=max(users),
                needed=True,
                parts=(Part((self.engine.endpoint, VOLUME), size),),
                free=partial(storage.remove_volume, self.engine, VOLUME),
            )

    @cached_property
    def scales(self) -> Scales:
        digests = frozenset(self.held) - frozenset(self.indexes)
        return Scales(engine=self.engine, digests=digests)

    def parts(self, held: Held) -> tuple[Part, ...]:
        """What a name of somebody's keeps is not free when inferpack's are gone."""
        both = (held, *self.naming(held.digest))
        is_named = any(set(item.names) - set(item.own) for item in both)
        return self.scales.parts(held.digest, is_named=is_named)

    def kept(self, held: Held) -> str:
        """Why an image stays that a container is made from, or from an index that names it."""
        digests = {held.digest, *(index.digest for index in self.naming(held.digest))}
        return IN_USE if digests & self.used else ""

    def forget(self, held: Held, folder: Path) -> None:
        """Indexes last: killed before that, the next run finds it gone and makes all names anew."""
        storage.remove(self.engine, held)
        with self.engine.reporting():
            for name in (name for index in self.naming(held.digest) for name in index.own):
                if named := self.indexes.get(self.engine.digest(name) or ""):
                    multiarch.leave(self.engine, name, named, held.digest)
        left = tuple(item for item in images.made(folder) if item.digest != held.digest)
        images.write_made(folder, left)
