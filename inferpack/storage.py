"""What an engine holds: images and what they weigh, containers, a volume, and BuildKit's cache."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, cast

from inferpack import store
from inferpack.budget import Part
from inferpack.engine import OWNER, Engine
from inferpack.errors import InferpackError
from inferpack.model import NAMESPACE

ENDED = ("created", "dead", "exited")  # a container's states in which nothing runs
UNTAGGED = "<none>:<none>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """An image; `created` is what it says itself, in seconds since 1970."""

    digest: str
    names: frozenset[str]
    created: float

    @property
    def own(self) -> list[str]:
        """Its names that are inferpack's; it may have others."""
        return sorted(name for name in self.names if name.startswith(f"{NAMESPACE}/"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """`images`: the digests it was made from; `owner`: of inferpack's own, else empty, as `size`:
    bytes that it has written.
    """

    id: str
    name: str
    images: frozenset[str]
    owner: str
    has_ended: bool
    size: int


def images(engine: Engine) -> tuple[Held, ...]:
    """All that have a digest, whoever made them."""
    return tuple(
        Held(
            digest=item["Id"],
            names=frozenset(item.get("RepoTags") or ()) - {UNTAGGED},
            created=item["Created"],
        )
        for item in engine.client.api.images()
    )


def containers(engine: Engine) -> tuple[Container, ...]:
    """Running or not."""
    ours = engine.client.api.containers(all=True, size=True, filters={"label": OWNER})
    sizes = {item["Id"]: item.get("SizeRw", 0) for item in ours}
    return tuple(
        Container(
            id=item["Id"],
            name=item["Names"][0].lstrip("/") if item["Names"] else item["Id"][:12],
            images=frozenset(sources(item)),
            owner=(item.get("Labels") or {}).get(OWNER, ""),
            has_ended=item["State"] in ENDED,
            size=sizes.get(item["Id"], 0),
        )
        for item in engine.client.api.containers(all=True)
    )


def sources(item: Mapping[str, Any]) -> Iterator[str]:
    """Of an index a container is made from one platform's image, and it may name either."""
    yield item["ImageID"]
    if platform := item.get("ImageManifestDescriptor"):
        yield platform["digest"]


@dataclass(frozen=True, kw_only=True)
class Scales:
    """Weighs images among all `images` of an engine, which share layers; `digests`, less indexes,
    which have none of their own.
    """

    engine: Engine
    digests: frozenset[str]

    def parts(self, digest: str, *, is_named: bool) -> tuple[Part, ...]:
        """An image's layers as they lie unpacked; and compressed, all in one: the engine does not
        tell them apart. These stay in BuildKit's cache for now, where that is in use. `is_named`:
        by somebody too, who keeps it all.
        """
        image = self.engine.client.images.get(digest)
        sizes = [item["Size"] for item in reversed(image.history()) if item["Size"]]
        names = self.layers(digest)
        if len(names) != len(sizes):  # some layer is empty
            names, sizes = (f"{digest} unpacked",), [sum(sizes)]
        return (
            *(
                Part((self.engine.endpoint, name), size, max(1, self.holders[name]) + is_named)
                for name, size in zip(names, sizes, strict=True)
            ),
            Part(
                (self.engine.endpoint, digest),
                image.attrs["Size"],
                1 + is_named + bool(self.cached),
            ),
        )

    def layers(self, digest: str) -> tuple[str, ...]:
        """What names each with those below it, from the lowest up; none of an image in part."""
        with suppress(InferpackError), self.engine.reporting():
            found = self.engine.client.images.get(digest).attrs["RootFS"].get("Layers") or ()
            return tuple(accumulate(found, store.digest))
        return ()

    @cached_property
    def holders(self) -> Counter[str]:
        """How many images have a layer."""
        return Counter(layer for digest in self.digests for layer in self.layers(digest))

    @cached_property
    def cached(self) -> int:
        """Bytes of BuildKit's cache, with what it shares with images."""
        found = usage(self.engine, "build-cache")["BuildCache"] or ()
        return sum(item["Size"] for item in found)


def usage(engine: Engine, kind: str) -> Mapping[str, Any]:
    """As `docker system df`, of one kind: of all it takes long."""
    api = engine.client.api
    url = f"{api.base_url}/v{api.api_version}/system/df"
    return cast(Mapping[str, Any], api.get(url, params={"type": kind}).json())


def volume(engine: Engine, name: str) -> int | None:
    """Its bytes, or None where there is no such volume."""
    found = usage(engine, "volume")["Volumes"] or ()
    return next((item["UsageData"]["Size"] for item in found if item["Name"] == name), None)


def remove(engine: Engine, held: Held) -> None:
    """Takes our names away, but one that has been given to another image meanwhile."""
    with engine.reporting():
        for name in held.own if held.names else [held.digest]:
            if engine.digest(name) == held.digest:
                engine.remove(name)


def remove_container(engine: Engine, name: str) -> None:
    """InferpackError where it runs."""
    with engine.reporting():
        engine.client.api.remove_container(name)


def remove_volume(engine: Engine, name: str) -> None:
    """InferpackError where a container has it."""
    with engine.reporting():
        engine.client.api.remove_volume(name)
