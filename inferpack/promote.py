"""What is published goes from one namespace to another, by digest: nothing is built again."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from inferpack import console, distribution, referrers, releases, remotes, signatures
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.model import Variant
from inferpack.proof import Proof
from inferpack.referrers import Kind
from inferpack.remotes import Remote, Remotes
from inferpack.signatures import NO_JOB
from inferpack.workshop import Workshop

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

    @property
    def tags(self) -> tuple[str, ...]:
        return (*self.dated, *self.moving)

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
    key: str | None = None,
    environment: Mapping[str, str] = NO_JOB,
    scan: Callable[[str, bytes], str] | None = None,
) -> Route:
    """UsageError where a registry's name is no name; `environment`: that of a CI job."""
    for flag, place in (("--from", source), ("--to", target)):
        releases.check_place(place, flag)
    if key is None:
        console.warn("no signature is looked at: --key names no public key")
    verifies = () if key is None else signatures.verifier(key, environment)
    return Route(source=source, target=target, tools=shop.tools(), verifies=verifies, scan=scan)


def promote(shop: Workshop, route: Route, variants: tuple[Variant, ...]) -> tuple[Promotion, ...]:
    """Promotes what one recipe's tags name in the source, with all that belongs to it.

    InferpackError before anything is copied where an image has no passing proof or is stopped by
    the scan, a signature does not hold, or a tag of the target forbids it.
    """
    with shop.engine.reporting():
        found = promotions(shop, route, variants)
        before = look(shop, found)
        for one in found:
            for name in one.references(one.dated):
                releases.check_dated(one, name, before[name])
            for name in one.references(one.moving):
                releases.check_platforms(one, name, before[name])
        with console.step(f"check {len(found)} indexes"):
            images = dict.fromkeys(image for one in found for image in signed_images(route, one))
            for image in images:
                check(route, image)
        todo = [one for one in found if not is_there(route, one, before)]
        if not todo:
            console.note("  unchanged: nothing is copied")
            return found
        with console.step(f"copy {len(todo)} indexes"):
            for one in todo:
                copy(shop, route, one)
        now = look(shop, todo)
        for one in todo:
            for name in named(one):
                releases.check_unmoved(one, name, before[name], now[name])
        for one in todo:
            distribution.tag(route.tools, one.target, *one.dated)
            distribution.tag(route.tools, one.target, *one.moving)
        time.sleep(releases.SETTLE)
        for name, remote in look(shop, todo).items():
            releases.check_ours(todo, name, remote)
        return found


def look(shop: Workshop, found: Iterable[Promotion]) -> dict[str, Remote | None]:
    """What all their names mean in the target now."""
    return remotes.look(shop.engine, (name for one in found for name in named(one)))


def named(one: Promotion) -> tuple[str, ...]:
    return one.references(one.tags)


def is_there(route: Route, one: Promotion, names: Remotes) -> bool:
    """Whether all its tags are right and, where signatures count, it is signed there too."""
    if not all((found := names[name]) and found.digest == one.digest for name in named(one)):
        return False
    return not route.verifies or signatures.signed(route.tools, one.target, route.verifies)


def copy(shop: Workshop, route: Route, one: Promotion) -> None:
    """Copies the index with all that belongs to it, and looks whether it is there, and signed."""
    referrers.copy(route.tools, one.source, one.repository)
    releases.check_pushed(one, str(one.target), remotes.find(shop.engine, str(one.target)))
    signed_images(route, replace(one, source=one.target))


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
    promoted = tuple(
        Promotion(
            source=Published(origin, digest),
            repository=f"{route.target}/{recipe}",
            platforms=remote.platforms,
            moving=tuple(tag for tag in names.moving if there.get(tag) == remote),
            dated=tuple(tag for tag in fixed if there.get(tag) == remote),
        )
        for digest, remote in digests.items()
    )
    for one in promoted:
        if not one.dated:
            wrong = f"{one.moving[0]} names {one.digest}, which no dated tag of this recipe does"
            raise InferpackError(origin, wrong, f"publish it first: ./inv publish {recipe}")
    return promoted


def signed_images(route: Route, one: Promotion) -> tuple[Published, ...]:
    """The images of an index; InferpackError where it has none or, where signatures count, one is
    missing.
    """
    images = distribution.platforms(route.tools, one.source)
    if not images:
        wrong = "is no index of images"
        raise InferpackError(str(one.source), wrong, "promote what ./inv publish made")
    for published in (one.source, *images) if route.verifies else ():
        if not signatures.signed(route.tools, published, route.verifies):
            raise InferpackError(str(published), "is not signed by this key", "who published it?")
    return images


def check(route: Route, image: Published) -> None:
    """Raises InferpackError where an image's proof, or the scan of its SBOM, fails."""
    check_proof(image, read(route, image, referrers.PROOF))
    if route.scan:
        console.note(f"  {image}")
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
