"""Images, what is said of them, and indexes go to a registry; each image from its own engine."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inferpack import (
    console,
    distribution,
    documents,
    ingredients,
    multiarch,
    referrers,
    releases,
    remotes,
    signatures,
    slsa,
    store,
)
from inferpack.distribution import Published, Tools
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.images import MB, Image
from inferpack.model import Variant
from inferpack.provenance import VARIANT
from inferpack.referrers import TRIES, Document
from inferpack.releases import Release
from inferpack.signatures import Signer
from inferpack.workshop import Workshop

Pair = tuple[Variant, Image]


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

    def place(self, variant: Variant, image: Image) -> Published:
        return Published(f"{self.registry}/{variant.recipe.name}", image.digest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Papers:
    """What is said of an image; `created` is its own time, in seconds since 1970."""

    documents: tuple[Document, ...]
    created: int


def images(shop: Workshop, publisher: Publisher, pairs: Iterable[Pair]) -> tuple[Published, ...]:
    """Pushes what the registry lacks, then attaches and signs what is said of each.

    InferpackError before anything is sent where an image is nowhere, or of another variant.
    """
    named = {publisher.place(*pair): pair for pair in pairs}
    found = remotes.look(shop.engine, map(str, named))
    there = {image for image in named if found[str(image)]}

    def is_told(image: Published) -> bool:
        check(shop, publisher.tools, image, named[image][0], there=image in there)
        return image in there and is_documented(publisher, image)

    told = remotes.each(is_told, named)
    untold = {image: named[image] for image, done in zip(named, told, strict=True) if not done}
    held = papers(shop, publisher, untold)
    if lacking := [image for image in named if image not in there]:
        push(shop, {image: shop.engine_for(named[image][0].arch) for image in lacking})
    tell(publisher, held)
    return tuple(named)


def check(shop: Workshop, tools: Tools, image: Published, variant: Variant, *, there: bool) -> None:
    """InferpackError unless the registry or else the variant's engine has the image, and its label
    says what the record does; `there`: the registry has it.
    """
    hint, engine = f"run ./inv image {variant.id}", shop.engine_for(variant.arch)
    if there:
        said = distribution.labels(tools, image)
    elif engine.digest(image.digest):
        said = remotes.labels(engine, image.digest)
    else:
        wrong = "neither the registry nor the engine has the image on record"
        raise InferpackError(variant.id, wrong, hint)
    if said.get(VARIANT) != variant.id:
        wrong = f"the image on record is of {said.get(VARIANT)}, as its label says"
        raise InferpackError(variant.id, wrong, hint)


def is_documented(publisher: Publisher, image: Published) -> bool:
    """Whether all that is to be said of an image in the registry is there, and signed."""
    tools, signer = publisher.tools, publisher.signer
    if not referrers.is_told(tools, image):
        return False
    kinds = referrers.KINDS if signer else ()
    return all(signatures.attested(tools, image, kind, signer.verifies) for kind in kinds if signer)


def papers(
    shop: Workshop, publisher: Publisher, images: Mapping[Published, Pair]
) -> dict[Published, Papers]:
    """What is said of each image, gathered before anything is sent: it may lack something."""

    def gathered(pair: Pair) -> Papers:
        variant, image = pair
        held = documents.of(shop, variant, builder=publisher.builder, repository=publisher.source)
        if ingredients.recorded(shop, variant).digest != image.digest:
            wrong = "was built again while it was published"
            raise InferpackError(variant.id, wrong, "run it again")
        return Papers(documents=held, created=image.created)

    if not images:
        return {}
    with console.step(f"SBOM, provenance and proof of {len(images)} images"):
        return dict(zip(images, remotes.each(gathered, images.values()), strict=True))


def push(shop: Workshop, images: Mapping[Published, Engine]) -> None:
    """Pushes each by its digest, and looks whether the registry has it.

    One after the other: an engine sends several layers at once, and images share some.
    """
    going, layers = dict[str, int](), set[str]()
    with console.watching("push") as shown:

        def shown_bytes(layer: str, size: int) -> None:
            going[layer] = size
            shown(f"{sum(going.values()) / MB:,.0f} MB")

        for image, engine in images.items():
            layers |= push_one(engine, image, shown_bytes)
            if remotes.find(shop.engine, str(image)) is None:
                hint = "run it again; if it stays so, check the registry"
                raise InferpackError(str(image), "is not there after it was pushed", hint)
    console.note(f"  {len(layers)} layers sent, for {len(images)} images")


def push_one(
    engine: Engine, image: Published, told: Callable[[str, int], None], tries: int = TRIES
) -> frozenset[str]:
    """An engine pushes names, not digests: this one the image has for as long as that takes, and in
    the registry for good, which may remove what has no name before an index names it.

    Another checkout that publishes the same on this engine may take the name away: then once more.
    """
    name = image.tag("image")
    engine.name(image.digest, name)
    try:
        return remotes.push(engine, name, told)
    except InferpackError:
        if engine.digest(name) or tries == 1:
            raise
    finally:
        remotes.forget(engine, name)
    return push_one(engine, image, told, tries - 1)


def tell(publisher: Publisher, held: Mapping[Published, Papers]) -> None:
    """Attaches what is said of each image, and signs that."""
    tools, signer = publisher.tools, publisher.signer

    def attach(image: Published) -> None:
        found = held[image]
        referrers.attach(tools, image, found.documents, created=found.created)
        if signer:
            signatures.attest(tools, image, found.documents, signer)

    if held:
        what = f"attach {'and sign ' if signer else ''}what is said of {len(held)} images"
        with console.step(what):
            remotes.each(attach, held)


def sign(publisher: Publisher, published: Iterable[Published], what: str) -> None:
    """Images first, and last their indexes."""
    if publisher.signer:
        with console.step(f"sign {what}"):
            for item in published:  # not at once: indexes share images
                signatures.sign(publisher.tools, item, publisher.signer)


def index(shop: Workshop, tools: Tools, release: Release) -> None:
    """Pushes the document itself, which no engine needs the images for; under no name as yet."""
    file = "index.json"
    words = ("manifest", "push", *distribution.plain(release.repository))
    words += ("--media-type", multiarch.INDEX, str(release.published), file)
    with store.scratch(tools.logs) as folder:
        (folder / file).write_bytes(release.document)
        distribution.oras(tools, *words, at=release.repository, cwd=folder)
    there = remotes.find(shop.engine, str(release.published))
    releases.check_pushed(release, str(release.published), there)


def is_whole(shop: Workshop, release: Release) -> bool:
    """Whether the registry has the index, and all its images."""
    names = map(str, (release.published, *release.platform_images))
    return all(remotes.look(shop.engine, names).values())
