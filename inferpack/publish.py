"""Proven images become releases: pushed, documented, signed, and only then named."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inferpack import (
    console,
    distribution,
    documents,
    ingredients,
    locks,
    multiarch,
    pipeline,
    referrers,
    releases,
    remotes,
    signatures,
    slsa,
)
from inferpack.distribution import Published, Tools
from inferpack.errors import InferpackError
from inferpack.images import MB, Image
from inferpack.model import Variant
from inferpack.releases import Release
from inferpack.remotes import Remotes
from inferpack.signatures import Signer
from inferpack.store import locked, write_record
from inferpack.tables import Record
from inferpack.workshop import Workshop


class Publication(Record, frozen=True):
    """build/<id>/release.json: where the image of this digest is, and what names lead to it."""

    digest: str
    repository: str
    tags: tuple[str, ...]
    published: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """To where, HOST/NAMESPACE, by which programs, and whose signature; None signs nothing.

    `builder` and `source` are a CI job's, for the provenance: documents.of tells more.
    """

    registry: str
    tools: Tools
    signer: Signer | None
    builder: str = slsa.BY_HAND
    source: str = ""


def publisher(shop: Workshop, registry: str, key: str, environment: Mapping[str, str]) -> Publisher:
    """UsageError where the registry's name is no name; InferpackError where the key is no key."""
    releases.check_place(registry)
    tools = shop.tools()
    signer = signatures.signer(tools, key, environment) if key else None
    job = slsa.job(environment)
    return Publisher(registry=registry, tools=tools, signer=signer, builder=job[0], source=job[1])


def publish(
    shop: Workshop, publisher: Publisher, variants: tuple[Variant, ...]
) -> tuple[Release, ...]:
    """Publishes images of one recipe; what the registry has is not sent again.

    InferpackError before anything is sent where an image is not proven, a tag would lose a platform
    or today's dated tag is taken. Tags that move do so when all else is done.
    """
    name = variants[0].recipe.name
    with locked(shop.root / "build" / name):
        chosen = {variant.id: publishable(shop, variant) for variant in variants}
        made = releases.releases(publisher.registry, shop.variants(name), chosen)
        before = remotes.look(
            shop.engine, (release.reference(tag) for release in made for tag in release.moving)
        )
        for release in made:
            for tag in release.moving:
                reference = release.reference(tag)
                releases.check_platforms(release, reference, before[reference])
        todo = [release for release in made if not is_done(publisher, release, before)]
        if not todo:
            console.note("  unchanged: nothing is pushed")
            return made
        send(shop, publisher, todo)
        tell(shop, publisher, todo)
        move(shop, publisher, todo, before)
        for variant in variants:
            record(shop, variant, chosen[variant.id], made)
    return made


def publishable(shop: Workshop, variant: Variant) -> Image:
    """The image on record; InferpackError where it is not what the recipe's lock gives, proven."""
    hint = f"run ./inv image {variant.id}"
    image = ingredients.recorded(shop, variant)
    if multiarch.proven(shop, variant) is None:
        raise InferpackError(variant.id, "the engine has no image of it with a passing proof", hint)
    if pipeline.is_tentative(image.revision):
        wrong = "the image was built from uncommitted changes"
        raise InferpackError(variant.id, wrong, f"commit them, and {hint}")
    if set(image.wheels) != set(locks.read(shop.lock_path(variant)).wheels):
        raise InferpackError(variant.id, "the image was built from another lock", hint)
    return image


def is_done(publisher: Publisher, release: Release, tags: Remotes) -> bool:
    """Tags come last: where they are right, all else is."""
    there = (tags[release.reference(tag)] for tag in release.moving)
    if not all(found and found.digest == release.digest for found in there):
        return False
    signer = publisher.signer
    return not signer or signatures.signed(publisher.tools, release.published, signer.verifies)


def send(shop: Workshop, publisher: Publisher, todo: Iterable[Release]) -> None:
    """Pushes each under today's dated tag, and looks whether the registry has it whole.

    One after the other: each sends several layers at once, and they share some.
    """
    dated = {release.reference(release.dated(shop.now())): release for release in todo}
    before, sent = remotes.look(shop.engine, dated), dict[str, int]()
    for name, release in dated.items():
        releases.check_dated(release, name, before[name])
    with console.watching(f"push {len(dated)} indexes") as shown:

        def told(layer: str, size: int) -> None:
            sent[layer] = size
            shown(f"{sum(sent.values()) / MB:,.0f} MB")

        for name, release in dated.items():
            layers = frozenset[str]() if before[name] else push(shop, release, name, told)
            sent |= sizes(publisher, release, layers)
        for name, found in remotes.look(shop.engine, dated).items():
            releases.check_pushed(dated[name], name, found)
    console.note(f"  {sum(sent.values()) / MB:,.1f} MB of {len(sent)} layers")
    for name, release in dated.items():
        console.note(f"  {name} ({', '.join(sorted(release.platforms))})")


def push(
    shop: Workshop, release: Release, name: str, told: Callable[[str, int], None]
) -> frozenset[str]:
    """The engine pushes what has the name, so the index has it for as long as that takes."""
    shop.engine.load(multiarch.archive(name, release.document), name, release.digest)
    try:
        return remotes.push(shop.engine, name, told)
    finally:
        shop.engine.remove(name)


def sizes(publisher: Publisher, release: Release, layers: frozenset[str]) -> dict[str, int]:
    """In bytes, of the layers among these that the release's images have: engines name them by the
    first 12 digits of their digests.
    """
    images = [Published(release.repository, image.digest) for image in release.images if layers]
    found = [distribution.manifest(publisher.tools, str(image)) for image in images]
    known = (layer for manifest in found if manifest for layer in manifest["layers"])
    named = {layer["digest"][7:19]: layer["size"] for layer in known}
    return {name: named[name] for name in layers & set(named)}


def tell(shop: Workshop, publisher: Publisher, todo: Iterable[Release]) -> None:
    """Attaches what is known of each image, and signs that, the images and their indexes."""
    tools, signer = publisher.tools, publisher.signer
    images = {
        Published(release.repository, image.digest): (variant, image)
        for release in todo
        for variant, image in release.pairs
    }

    def told(published: Published) -> None:
        variant, image = images[published]
        held = documents.of(shop, variant, builder=publisher.builder, repository=publisher.source)
        referrers.attach(tools, published, held, created=image.created)
        if signer:
            signatures.attest(tools, published, held, signer)

    with console.step(f"SBOM, provenance and proof of {len(images)} images"):
        remotes.each(told, images)
    if signer:
        with console.step(f"signatures of {len(images)} images and their indexes"):
            for release in todo:  # not at once: indexes share images
                signatures.sign(tools, release.published, signer)


def move(shop: Workshop, publisher: Publisher, todo: Iterable[Release], before: Remotes) -> None:
    """Moves the tags, unless somebody else has since we looked."""
    now = remotes.look(
        shop.engine, (release.reference(tag) for release in todo for tag in release.moving)
    )
    for release in todo:
        for tag in release.moving:
            name = release.reference(tag)
            releases.check_unmoved(release, name, before[name], now[name])
    remotes.each(
        lambda release: distribution.tag(publisher.tools, release.published, *release.moving), todo
    )


def record(shop: Workshop, variant: Variant, image: Image, made: Iterable[Release]) -> None:
    own = [release for release in made if image in release.images]
    made_known = Publication(
        digest=image.digest,
        repository=own[0].repository,
        tags=tuple(tag for release in own for tag in release.moving),
        published=shop.now(),
    )
    write_record(shop.folder(variant) / "release.json", made_known)


def told(made: Iterable[Release]) -> str:
    """Each index by a tag and its digest, which `docker pull` takes as it is."""
    return "\n".join(f"{item.reference(item.moving[0])}@{item.digest}" for item in made)
