"""What is published goes from one namespace to another, by digest: nothing is built again."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from inferpack import console, distribution, referrers, releases, remotes, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.proof import Proof
from inferpack.referrers import Kind
from inferpack.remotes import Remotes
from inferpack.workshop import Workshop

NOTHING: Mapping[str, str] = MappingProxyType({})
DATED = re.compile(r"(?P<stem>.+)-\d{8}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """An index where it is, the repository that it goes to, and its tags there."""

    source: Published
    repository: str
    platforms: frozenset[str]
    moving: tuple[str, ...]
    dated: tuple[str, ...]

    @property
    def digest(self) -> str:
        return self.source.digest

    @property
    def target(self) -> Published:
        return Published(self.repository, self.digest)

    def references(self, tags: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{self.repository}:{tag}" for tag in tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """From one HOST/NAMESPACE to another; `verifies`: cosign's flags to check signatures by, none
    for no check; `scan` raises InferpackError for an SBOM that must not go on, None looks at none.
    """

    source: str
    target: str
    tools: Tools
    verifies: tuple[str, ...]
    scan: Callable[[str, bytes], str] | None


def route(
    shop: Workshop,
    source: str,
    target: str,
    *,
    key: str = "",
    scan: Callable[[str, bytes], str] | None = None,
    environment: Mapping[str, str] = NOTHING,
) -> Route:
    """UsageError where a registry's name is no name."""
    for flag, place in (("--from", source), ("--to", target)):
        releases.check_place(place, flag)
    verifies = signatures.verifier(key, environment) if key else ()
    return Route(source=source, target=target, tools=shop.tools(), verifies=verifies, scan=scan)


def promote(shop: Workshop, route: Route, variants: tuple[Variant, ...]) -> tuple[Promotion, ...]:
    """Promotes what one recipe's tags name in the source, with all that belongs to it.

    InferpackError before anything is copied where an image has no passing proof or is stopped by
    the scan, a signature does not hold, or a tag of the target forbids it.
    """
    found = promotions(shop, route, variants)
    before = remotes.look(shop.engine, (name for one in found for name in named(one)))
    for one in found:
        for name in one.references(one.dated):
            releases.check_dated(one, name, before[name])
        for name in one.references(one.moving):
            releases.check_platforms(one, name, before[name])
    todo = [one for one in found if not is_there(one, before)]
    if not todo:
        console.note("  unchanged: nothing is copied")
        return found
    with console.step(f"check {len(todo)} indexes"):
        remotes.each(lambda one: check(route, one), todo)
    with console.step(f"copy {len(todo)} indexes"):
        for one in todo:
            referrers.copy(route.tools, one.source, one.repository)
            releases.check_pushed(one, str(one.target), remotes.find(shop.engine, str(one.target)))
    now = remotes.look(shop.engine, before)
    for one in todo:
        for name in named(one):
            releases.check_unmoved(one, name, before[name], now[name])
        distribution.tag(route.tools, one.target, *one.dated, *one.moving)
    return found


def named(one: Promotion) -> tuple[str, ...]:
    return one.references((*one.dated, *one.moving))


def is_there(one: Promotion, tags: Remotes) -> bool:
    return all((found := tags[name]) and found.digest == one.digest for name in named(one))


def promotions(
    shop: Workshop, route: Route, variants: tuple[Variant, ...]
) -> tuple[Promotion, ...]:
    """What the variants' tags name in the source now, one for each index."""
    recipe = variants[0].recipe.name
    origin = f"{route.source}/{recipe}"
    names = releases.names(shop.variants(recipe), {variant.id for variant in variants})
    held = distribution.tags(route.tools, origin)
    fixed = [tag for tag in held if (m := DATED.fullmatch(tag)) and m["stem"] in names.stems]
    wanted = [*fixed, *(tag for tag in names.moving if tag in held)]
    found = remotes.look(shop.engine, (f"{origin}:{tag}" for tag in wanted))
    there = {tag: remote for tag in wanted if (remote := found[f"{origin}:{tag}"])}
    digests = {there[tag].digest: there[tag] for tag in names.moving if tag in there}
    if not digests:
        raise InferpackError(origin, "has none of its tags", f"publish it: ./inv publish {recipe}")
    return tuple(
        Promotion(
            source=Published(origin, digest),
            repository=f"{route.target}/{recipe}",
            platforms=remote.platforms,
            moving=tuple(tag for tag in names.moving if there.get(tag) == remote),
            dated=tuple(tag for tag in fixed if there.get(tag) == remote),
        )
        for digest, remote in digests.items()
    )


def check(route: Route, one: Promotion) -> None:
    """Raises InferpackError where a signature, a proof or the scan of any platform's SBOM fails."""
    images = distribution.platforms(route.tools, one.source)
    for published in (one.source, *images) if route.verifies else ():
        if not signatures.signed(route.tools, published, route.verifies):
            raise InferpackError(str(published), "is not signed by this key", "who published it?")
    for image in images:
        check_proof(image, read(route, image, referrers.PROOF))
        if route.scan:
            route.scan(str(image), read(route, image, referrers.SBOM))


def read(route: Route, image: Published, kind: Kind) -> bytes:
    """A document as it was signed, where signatures count: anybody may have attached another."""
    if route.verifies:
        return signatures.predicate(route.tools, image, kind, route.verifies)
    return referrers.fetch(route.tools, image, kind)


def check_proof(image: Published, content: bytes) -> None:
    try:
        proof = msgspec.json.decode(content, type=Proof)
    except msgspec.MsgspecError as err:
        raise InferpackError(
            str(image), f"its proof is unreadable: {err}", "prove it anew"
        ) from err
    if proof.digest != image.digest or not proof.report.is_proof:
        wrong = (
            f"its proof is of {proof.digest}, and {'passed' if proof.report.is_proof else 'failed'}"
        )
        raise InferpackError(str(image), wrong, "publish proven images: ./inv publish")


def told(found: Iterable[Promotion]) -> str:
    """Each index by a tag and its digest, which `docker pull` takes as it is."""
    return "\n".join(f"{one.references(one.moving)[0]}@{one.digest}" for one in found)
