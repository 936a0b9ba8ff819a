"""What a registry shall have: one index for each set of images, and the tags that name it."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

from inferpack import multiarch, process
from inferpack.distribution import Published
from inferpack.errors import InferpackError, UsageError
from inferpack.images import Image
from inferpack.model import Variant
from inferpack.remotes import Remote

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
DAY = 8  # digits at the end of a dated tag
SETTLE = 0.5  # seconds; between a publisher's last look and its tags there are some 0.05
PLACE = re.compile(rf"[A-Za-z0-9.-]+(?::\d+)?(?:/{PART})+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """An index of proven images, one a platform, and its names in a repository.

    `dated`: the tag that names it for ever; `moving`: the tags that follow the newest.
    """

    repository: str
    variants: tuple[Variant, ...]
    images: tuple[Image, ...]
    dated: str
    moving: tuple[str, ...]

    @property
    def pairs(self) -> tuple[tuple[Variant, Image], ...]:
        return tuple(zip(self.variants, self.images, strict=True))

    @property
    def document(self) -> bytes:
        return multiarch.document({variant.arch: image for variant, image in self.pairs})

    @property
    def digest(self) -> str:
        return f"sha256:{sha256(self.document).hexdigest()}"

    @property
    def platforms(self) -> frozenset[str]:
        return frozenset(f"linux/{variant.arch}" for variant in self.variants)

    @property
    def published(self) -> Published:
        """The index, by what nobody can move."""
        return Published(self.repository, self.digest)

    @property
    def platform_images(self) -> tuple[Published, ...]:
        return tuple(Published(self.repository, image.digest) for image in self.images)

    @property
    def tags(self) -> tuple[str, ...]:
        return (self.dated, *self.moving)

    def is_dated(self, tag: str) -> bool:
        """Whether this is its tag of some day."""
        return bool(re.fullmatch(rf"{re.escape(self.dated[:-DAY])}\d{{{DAY}}}", tag))

    def references(self, tags: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{self.repository}:{tag}" for tag in tags)


def check_place(registry: str, flag: str = "--registry") -> str:
    """HOST/NAMESPACE as it was given; UsageError where it is anything else."""
    host = registry.partition("/")[0]
    if not PLACE.fullmatch(registry) or not (set(".:") & set(host) or host == "localhost"):
        hint = "give HOST/NAMESPACE in small letters, such as registry.example.com/team"
        wrong = f"'{process.redact(registry)}' names no namespace of a registry"
        raise UsageError(flag, wrong, hint)
    return registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Tags of one recipe, each with the ids of the variants that its index holds.

    `moving` follow the newest; to those of `stems` a date is added, and then they stay.
    """

    moving: Mapping[str, tuple[str, ...]]
    stems: Mapping[str, tuple[str, ...]]


def names(known: Iterable[Variant], chosen: Collection[str]) -> Names:
    """`known`: all variants of the recipe, `chosen`: the ids of those that are meant.

    A name that stands for each architecture's best image is set where that image is chosen.
    """
    variants = tuple(known)

    def held(some: Iterable[Variant]) -> tuple[str, ...]:
        return tuple(sorted(variant.id for variant in some if variant.id in chosen))

    fixed = {name: held(v for v in variants if stem(v) == name) for name in map(stem, variants)}
    moving = {tag_of(index): held(index.variants) for index in multiarch.indexes(variants)}
    mixed = {with_python(index): held(index.variants) for index in multiarch.indexes(variants)}
    single = {name: ids for name, ids in fixed.items() if ids not in moving.values()}
    stems = {name: ids for name, ids in mixed.items() if ids not in fixed.values()}
    return Names(
        moving={name: ids for name, ids in (moving | single).items() if ids},
        stems={name: ids for name, ids in (fixed | stems).items() if ids},
    )


def releases(
    registry: str,
    known: Iterable[Variant],
    chosen: Mapping[str, Image],
    now: int,
    *,
    lacking: Collection[str] = (),
) -> tuple[Release, ...]:
    """One recipe's; `known`: all of its variants, `chosen`: images to publish, by variants' ids,
    `now`: in seconds since 1970, the day of dated tags in UTC, `lacking`: variants that are meant
    too and have no image. An index that should have one of these is not made.
    """
    day = f"{datetime.fromtimestamp(now, UTC):%Y%m%d}"
    by_id = {variant.id: variant for variant in known}
    found = names(by_id.values(), {*chosen, *lacking})
    return tuple(
        Release(
            repository=f"{registry}/{by_id[ids[0]].recipe.name}",
            variants=tuple(by_id[name] for name in ids),
            images=tuple(chosen[name] for name in ids),
            dated=next(f"{name}-{day}" for name, own in found.stems.items() if own == ids),
            moving=tuple(tag for tag, own in found.moving.items() if own == ids),
        )
        for ids in dict.fromkeys(found.stems.values())
        if not set(ids) & set(lacking)
    )


def tag_of(index: multiarch.Index) -> str:
    return index.reference.rpartition(":")[2]


def with_python(index: multiarch.Index) -> str:
    """What the dated tag begins with where images of several backends or versions are one index."""
    variant = index.variants[0]
    return f"{tag_of(index).removesuffix(variant.suffix)}-{variant.python.tag}{variant.suffix}"


def stem(variant: Variant) -> str:
    """The local tag less its architecture: the images that one dated tag names share it."""
    return variant.reference.rpartition(":")[2].removesuffix(f"-{variant.arch}")


class Index(Protocol):
    """What a repository shall have, or has."""

    @property
    def repository(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def platforms(self) -> frozenset[str]: ...
    @property
    def moving(self) -> tuple[str, ...]: ...
    @property
    def tags(self) -> tuple[str, ...]: ...

    def references(self, tags: Iterable[str]) -> tuple[str, ...]: ...


def told(found: Iterable[Index]) -> str:
    """What to pull, an index a line: by a tag and its digest, as `docker pull` takes it."""
    return "\n".join(f"{item.repository}:{item.moving[0]}@{item.digest}" for item in found)


def check_dated(index: Index, name: str, found: Remote | None) -> None:
    """Raises InferpackError where a dated tag names something else: it never changes."""
    if found and found.digest != index.digest:
        wrong = f"is {found.digest} already, and this would be {index.digest}"
        hint = "dated tags never change; tomorrow's is another"
        raise InferpackError(name, wrong, hint)


def check_platforms(index: Index, name: str, found: Remote | None) -> None:
    """Raises InferpackError where the tag, moved to this index, would lose a platform."""
    if found and (lost := found.platforms - index.platforms):
        wrong = f"would lose {', '.join(sorted(lost))}"
        hint = f"give it {'that' if len(lost) == 1 else 'those'} too: --arch all"
        raise InferpackError(name, wrong, hint)


def check_unmoved(index: Index, name: str, before: Remote | None, now: Remote | None) -> None:
    """Raises InferpackError where somebody else has moved the tag since it was looked at."""
    if before != now and (now is None or now.digest != index.digest):
        wrong = f"was {before.digest if before else 'not there'}, and is now "
        wrong += now.digest if now else "gone"
        raise InferpackError(name, wrong, "somebody else publishes too: run it again")


def check_pushed(index: Index, name: str, found: Remote | None) -> None:
    """Raises InferpackError where the registry does not have what was sent."""
    wanted = Remote(digest=index.digest, platforms=index.platforms)
    if found != wanted:
        wrong = f"the registry has {found.digest if found else 'nothing'}, not {index.digest}"
        raise InferpackError(name, wrong, "run it again; if it stays so, check the registry")


def check_ours(made: Iterable[Index], name: str, found: Remote | None) -> None:
    """Raises InferpackError where a name that was just set is of another index than it should."""
    (wanted,) = (item for item in made if name in item.references(item.tags))
    if found is None or found.digest != wanted.digest:
        wrong = f"was set to {wanted.digest}, and is now {found.digest if found else 'gone'}"
        raise InferpackError(name, wrong, "somebody else publishes too: run it again")
