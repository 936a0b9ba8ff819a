"""Proven images become releases: pushed, documented, signed, and only then named."""

import time
from collections.abc import Collection, Iterable, Mapping

from inferpack import (
    console,
    distribution,
    ingredients,
    locks,
    multiarch,
    provenance,
    referrers,
    releases,
    remotes,
    sending,
    signatures,
    slsa,
)
from inferpack.distribution import Published
from inferpack.errors import InferpackError
from inferpack.images import Image
from inferpack.model import Variant
from inferpack.releases import SETTLE, Release
from inferpack.remotes import Remote, Remotes
from inferpack.sending import Publisher
from inferpack.store import locked, read_record, write_record
from inferpack.tables import Record
from inferpack.workshop import Workshop


class Publication(Record, frozen=True):
    """build/<id>/release.json: where the image of this digest is, and the indexes it is in, by the
    tags that name them.
    """

    digest: str
    repository: str
    indexes: dict[str, str]
    published: int


def publisher(
    shop: Workshop, registry: str, key: str | None, environment: Mapping[str, str]
) -> Publisher:
    """UsageError where the registry's name is no name; InferpackError where the key is no key."""
    releases.check_place(registry)
    tools = shop.tools()
    if key is None:
        console.warn("nothing is signed: --key names no key")
    signer = None if key is None else signatures.signer(tools, key, environment)
    job = slsa.job(environment)
    return Publisher(registry=registry, tools=tools, signer=signer, builder=job[0], source=job[1])


def publish(
    shop: Workshop, publisher: Publisher, variants: tuple[Variant, ...]
) -> tuple[Release, ...]:
    """Publishes images of one recipe; what the registry has is not sent again.

    An index one of whose images may not go out is left out; InferpackError tells when all others
    are published. InferpackError before anything is sent where a tag would lose a platform or
    today's dated tag is taken. All tags are set when all else is done.
    """
    name = variants[0].recipe.name
    with locked(shop.root / "build" / name), shop.engine.reporting():
        chosen, unfit = sorted_out(shop, variants)
        known = shop.variants(name)
        made = releases.releases(publisher.registry, known, chosen, shop.now(), lacking=unfit)
        if not made:
            refuse(unfit)
        before = look(shop, made)
        for release in made:
            for reference in release.references(release.moving):
                releases.check_platforms(release, reference, before[reference])
        held = distribution.tags(publisher.tools, made[0].repository)
        done = remotes.each(lambda release: is_done(shop, publisher, release, before, held), made)
        todo = [release for release, ready in zip(made, done, strict=True) if not ready]
        for release in todo:
            (reference,) = release.references([release.dated])
            releases.check_dated(release, reference, before[reference])
        if todo:
            pairs = [pair for release in todo for pair in release.pairs]
            pushed = sending.images(shop, publisher, pairs)
            with console.step(f"push {len(todo)} indexes"):
                for release in todo:
                    sending.index(shop, publisher.tools, release)
            own = [release.published for release in todo]
            sending.sign(publisher, own, f"{len(pushed)} images and their indexes")
            give_names(shop, publisher, todo, before)
        else:
            console.note("  unchanged: nothing is pushed")
        for variant in variants:
            if any(variant in release.variants for release in made):
                record(shop, variant, chosen[variant.id], made, named=todo)
    refuse(unfit)
    return made


def sorted_out(
    shop: Workshop, variants: Iterable[Variant]
) -> tuple[dict[str, Image], dict[str, InferpackError]]:
    """Images that may go out, and why others may not, by their variants' ids."""
    chosen, unfit = dict[str, Image](), dict[str, InferpackError]()
    for variant in variants:
        try:
            chosen[variant.id] = publishable(shop, variant)
        except InferpackError as err:
            unfit[variant.id] = err
    return chosen, unfit


def refuse(unfit: Mapping[str, InferpackError]) -> None:
    """Tells why these may not go out: all but the last, which is raised."""
    if unfit:
        *others, last = unfit.values()
        for err in others:
            console.fail(str(err))
        raise last


def push_images(
    shop: Workshop, publisher: Publisher, variants: tuple[Variant, ...]
) -> tuple[Published, ...]:
    """Pushes proven images of one recipe by digest, with what is said of them: for an index that a
    later publish makes, perhaps of images that other machines have pushed.
    """
    with locked(shop.root / "build" / variants[0].recipe.name), shop.engine.reporting():
        pairs = [(variant, publishable(shop, variant)) for variant in variants]
        pushed = sending.images(shop, publisher, pairs)
        sending.sign(publisher, pushed, f"{len(pushed)} images")
        return pushed


def publishable(shop: Workshop, variant: Variant) -> Image:
    """The image on record; InferpackError where it is not what the recipe's lock gives, proven."""
    hint = f"run ./inv image {variant.id}"
    image = ingredients.recorded(shop, variant)
    if multiarch.proven(shop, variant) is None:
        raise InferpackError(variant.id, "its image on record has no passing proof", hint)
    if not provenance.is_commit(image.revision):
        wrong = f"the image was built from no commit: {image.revision}"
        raise InferpackError(variant.id, wrong, f"commit what you changed, and {hint}")
    if set(image.wheels) != set(locks.read(shop.lock_path(variant)).wheels):
        raise InferpackError(variant.id, "the image was built from another lock", hint)
    return image


def look(shop: Workshop, made: Iterable[Release]) -> dict[str, Remote | None]:
    """What all their names mean in the registry now."""
    names = (name for release in made for name in release.references(release.tags))
    return remotes.look(shop.engine, names)


def is_done(
    shop: Workshop,
    publisher: Publisher,
    release: Release,
    names: Remotes,
    held: Iterable[str],
) -> bool:
    """Tags come last, and the index's signature after those of its images and documents.

    What somebody has deleted since is looked for where that costs little; `held`: the tags of its
    repository, of which one with a date must name it: without one nobody can promote it.
    """
    there = [names[reference] for reference in release.references(release.moving)]
    if not all(found and found.digest == release.digest for found in there):
        return False
    dated = release.references(sorted(filter(release.is_dated, held), reverse=True))
    named = (remotes.find(shop.engine, reference) for reference in dated)
    if not any(found and found.digest == release.digest for found in named):
        return False
    if not sending.is_whole(shop, release):
        return False
    tools, signer = publisher.tools, publisher.signer
    if signer and not signatures.signed(tools, release.published, signer.verifies):
        return False
    return all(referrers.is_told(tools, image) for image in release.platform_images)


def give_names(
    shop: Workshop, publisher: Publisher, todo: Iterable[Release], before: Remotes
) -> None:
    """Sets all tags, unless somebody else has set one since we looked.

    Registries set tags without conditions. So who looked before another set them, and set them
    after, is found out by that other.
    """
    now = look(shop, todo)
    for release in todo:
        (reference,) = release.references([release.dated])
        releases.check_dated(release, reference, now[reference])
        for reference in release.references(release.moving):
            releases.check_unmoved(release, reference, before[reference], now[reference])
    for release in todo:
        distribution.tag(publisher.tools, release.published, release.dated)
        distribution.tag(publisher.tools, release.published, *release.moving)
    time.sleep(SETTLE)
    for name, found in look(shop, todo).items():
        releases.check_ours(todo, name, found)


def record(
    shop: Workshop,
    variant: Variant,
    image: Image,
    made: Iterable[Release],
    *,
    named: Collection[Release],
) -> None:
    """`named`: those whose dated tag was set just now; of the others an earlier record tells."""
    path = shop.folder(variant) / "release.json"
    own = [release for release in made if image in release.images]
    earlier, place = read_record(path, Publication), own[0].repository
    is_same = earlier and (earlier.digest, earlier.repository) == (image.digest, place)
    known = earlier.indexes if earlier and is_same else {}
    new = {
        tag: release.digest
        for release in own
        for tag in (release.tags if release in named else release.moving)
    }
    if earlier is None or not is_same or known | new != earlier.indexes:
        write_record(
            path,
            Publication(
                digest=image.digest,
                repository=place,
                indexes=known | new,
                published=shop.now(),
            ),
        )
