"""What a registry shall have: one index for each set of images, and the tags that name it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from inferpack import multiarch
from inferpack.distribution import Published
from inferpack.errors import InferpackError, UsageError
from inferpack.images import Image
from inferpack.model import Variant
from inferpack.remotes import Remote

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
PLACE = re.compile(rf"[A-Za-z0-9.-]+(?::\d+)?(?:/{PART})+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """An index of proven images, one a platform, and its names in a repository.

    `stem`: what its dated tag begins with; `moving`: the tags that follow the newest.
    """

    repository: str
    variants: tuple[Variant, ...]
    images: tuple[Image, ...]
    stem: str
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

    def dated(self, now: int) -> str:
        """The tag that names this index for ever; `now` in seconds since 1970."""
        return f"{self.stem}-{datetime.fromtimestamp(now, UTC):%Y%m%d}"

    def reference(self, tag: str) -> str:
        return f"{self.repository}:{tag}"

    @property
    def published(self) -> Published:
        """The index, by what nobody can move."""
        return Published(self.repository, self.digest)


def check_place(registry: str) -> str:
    """HOST/NAMESPACE as it was given; UsageError where it is anything else."""
    host = registry.partition("/")[0]
    if not PLACE.fullmatch(registry) or not (set(".:") & set(host) or host == "localhost"):
        hint = "give HOST/NAMESPACE, such as registry.example.com/team or 127.0.0.1:5000/try"
        raise UsageError("--registry", f"'{registry}' names no namespace of a registry", hint)
    return registry


def releases(
    registry: str, known: Iterable[Variant], chosen: Mapping[str, Image]
) -> tuple[Release, ...]:
    """One recipe's; `known`: all of its variants, `chosen`: images to publish, by variants' ids.

    A name that stands for each architecture's best image is set where that image is chosen.
    """
    by_id = {variant.id: variant for variant in known}

    def held(variants: Iterable[Variant]) -> tuple[str, ...]:
        return tuple(sorted(variant.id for variant in variants if variant.id in chosen))

    kinds: dict[str, list[Variant]] = {}
    for variant in by_id.values():
        kinds.setdefault(stem(variant), []).append(variant)
    fixed = {name: held(alike) for name, alike in kinds.items()}
    moving = {tag_of(index): held(index.variants) for index in multiarch.indexes(by_id.values())}
    plain = {with_python(tag, by_id[ids[0]]): ids for tag, ids in moving.items() if ids}
    moving |= {name: ids for name, ids in fixed.items() if ids not in moving.values()}
    sets = dict.fromkeys(ids for ids in (*fixed.values(), *moving.values()) if ids)
    return tuple(
        Release(
            repository=f"{registry}/{by_id[ids[0]].recipe.name}",
            variants=tuple(by_id[name] for name in ids),
            images=tuple(chosen[name] for name in ids),
            stem=next(name for name, own in (*fixed.items(), *plain.items()) if own == ids),
            moving=tuple(tag for tag, own in moving.items() if own == ids),
        )
        for ids in sets
    )


def tag_of(index: multiarch.Index) -> str:
    return index.reference.rpartition(":")[2]


def with_python(tag: str, variant: Variant) -> str:
    """What the dated tag begins with where images of several backends or versions are one index."""
    return f"{tag.removesuffix(variant.suffix)}-{variant.python.tag}{variant.suffix}"


def stem(variant: Variant) -> str:
    """The local tag less its architecture: the images that one dated tag names share it."""
    return variant.reference.rpartition(":")[2].removesuffix(f"-{variant.arch}")


def check_dated(release: Release, name: str, found: Remote | None) -> None:
    """Raises InferpackError where the tag names something else: a dated tag never changes."""
    if found and found.digest != release.digest:
        wrong = f"is {found.digest} since an earlier publish today, not {release.digest}"
        hint = "dated tags never change: publish again tomorrow"
        raise InferpackError(name, wrong, hint)


def check_platforms(release: Release, tag: str, found: Remote | None) -> None:
    """Raises InferpackError where the tag, moved to this index, would lose a platform."""
    if found and (lost := found.platforms - release.platforms):
        wrong = f"would lose {', '.join(sorted(lost))}"
        archs = sorted(platform.rpartition("/")[2] for platform in lost)
        name = release.variants[0].recipe.name
        hint = f"build that too: ./inv image {name} --arch {archs[0]}, and publish both"
        raise InferpackError(release.reference(tag), wrong, hint)


def check_unmoved(release: Release, name: str, before: Remote | None, now: Remote | None) -> None:
    """Raises InferpackError where somebody else has moved the tag since it was looked at."""
    if before != now and (now is None or now.digest != release.digest):
        wrong = f"was {before.digest if before else 'not there'}, and is now "
        wrong += now.digest if now else "gone"
        raise InferpackError(name, wrong, "somebody else publishes too: run it again")


def check_pushed(release: Release, name: str, found: Remote | None) -> None:
    """Raises InferpackError where the registry does not have what was sent."""
    wanted = Remote(digest=release.digest, platforms=release.platforms)
    if found != wanted:
        wrong = f"the registry has {found.digest if found else 'nothing'}, not {release.digest}"
        raise InferpackError(name, wrong, "run it again; if it stays so, check the registry")
