"""What an engine holds: its images and their layers, containers, and how large a volume is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inferpack.budget import Part
from inferpack.engine import OWNER, Engine

ENDED = ("created", "dead", "exited")  # a container's states in which nothing runs
UNTAGGED = "<none>:<none>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """An image; `created` is what it says itself, in seconds since 1970."""

    digest: str
    names: frozenset[str]
    created: float
    parts: tuple[Part, ...] = ()


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


def volume(engine: Engine, name: str) -> int | None:
    """Its bytes, or None where there is no such volume."""
    api = engine.client.api
    url = f"{api.base_url}/v{api.api_version}/system/df"
    found = api.get(url, params={"type": "volume"}).json()["Volumes"] or ()
    return next((item["UsageData"]["Size"] for item in found if item["Name"] == name), None)


def remove_container(engine: Engine, name: str) -> None:
    """InferpackError where it runs."""
    with engine.reporting():
        engine.client.api.remove_container(name)


def remove_volume(engine: Engine, name: str) -> None:
    """InferpackError where a container has it."""
    with engine.reporting():
        engine.client.api.remove_volume(name)
