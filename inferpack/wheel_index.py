"""build/index: a static package index for each backend and CPU target.

index/BACKEND/PROJECT/index.html, .json  a project's page (PEP 503, PEP 691)
index/BACKEND/index.html, .json          the projects
index/files/                             every wheel, and its METADATA as NAME.metadata (PEP 658)

A static server's clients read the HTML; one that looks at what the client accepts (serving.py) may
answer with the JSON. No generator known to us writes both from a folder of wheels, with metadata
files and yanks: dumb-pypi and simple503 have no PEP 691, others index a forge's releases.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from inferpack import console, simple_pages, store, wheel_offers, wheel_recipes, wheelhouse
from inferpack.errors import InferpackError, UsageError
from inferpack.render import link_or_copy
from inferpack.simple_pages import FILES, METADATA, Listed
from inferpack.wheel_offers import Offer, Yanked
from inferpack.workshop import Workshop


def index(shop: Workshop, *, third_party: bool = False, keep: Path | None = None) -> Path:
    """Writes build/index anew and returns it.

    `third_party`: with what our wheels need and the wheels of the images' locks, of ours those that
    are built; `keep`: with all that an older index has.
    """
    own = wheel_offers.built(shop) + (wheel_offers.kept(keep) if keep else ())
    others = wheel_offers.locked(shop, own) if third_party else ()
    if not own and not others:
        raise UsageError("build/wheels", "there is no wheel", "./inv wheel builds them")
    offers = wheel_offers.distinct((*own, *others))
    yanked = wheel_offers.yanked(shop.wheels / wheel_recipes.YANKED, offers)
    wheels = dict.fromkeys(offer.wheel for offer in others)
    foreign = tuple(wheel for wheel in wheels if not wheelhouse.is_ours(wheel))
    with store.shared(shop.cache):  # as of one who works here, but not for as long as it is served
        wheelhouse.ensure(foreign, shop.indexes, cache=shop.cache)
        folder = write(shop.root / "build/index", offers, yanked, templates=shop.templates)
    for line in lacking(own, offers):
        console.note(f"  {line}")
    return folder


def write(folder: Path, offers: tuple[Offer, ...], yanked: Yanked, *, templates: Path) -> Path:
    """Writes `folder` whole, wheels linked where possible; the same offers give the same bytes."""
    with store.whole_folder(folder) as temporary:
        (temporary / FILES).mkdir()
        projects: dict[Path, list[Listed]] = defaultdict(list)
        known: dict[str, Listed] = {}
        for offer in offers:
            name = offer.wheel.file.name
            known[name] = known.get(name) or add(offer, temporary / FILES, yanked)
            projects[temporary / offer.path / offer.wheel.name].append(known[name])
        for place, files in projects.items():
            place.mkdir(parents=True)
            page = simple_pages.project(place.name, tuple(files))
            simple_pages.write(place, page, templates=templates)
        indexes = defaultdict(list)
        for place in sorted(projects):
            indexes[place.parent].append(place.name)
        for place, names in indexes.items():
            simple_pages.write(place, simple_pages.projects(tuple(names)), templates=templates)
        contents = {place.name: tuple(names) for place, names in indexes.items()}
        simple_pages.write_contents(temporary, contents, templates=templates)
    return folder


def add(offer: Offer, folder: Path, yanked: Yanked) -> Listed:
    """Puts the wheel and its METADATA into the folder."""
    file = offer.wheel.file
    refuse_other_bytes(offer)
    link_or_copy(offer.file, folder / file.name)
    text = metadata(offer.file)
    beside = folder / f"{file.name}{METADATA}"
    beside.write_bytes(text)
    release = (offer.wheel.name, Version(offer.wheel.version))
    return simple_pages.listed(
        file,
        metadata=store.file_digest(beside),
        requires_python=described(offer, text).get("requires_python", ""),
        yanked=yanked.get(release, ""),
    )


def lacking(own: Iterable[Offer], offers: Iterable[Offer]) -> tuple[str, ...]:
    """What our wheels need and their index has not, one line each."""
    there = {(offer.path, offer.wheel.name) for offer in offers}
    lines = [
        f"{offer.path}/ has no {name}, which {offer.wheel.name} needs: --third-party adds it"
        for offer in own
        for name in needs(described(offer, metadata(offer.file)))
        if (offer.path, name) not in there
    ]
    return tuple(dict.fromkeys(lines))


def needs(described: RawMetadata) -> tuple[str, ...]:
    """The projects that are needed here without an extra."""
    asked = map(Requirement, described.get("requires_dist", []))
    return tuple(
        canonicalize_name(item.name)
        for item in asked
        if item.marker is None or item.marker.evaluate({"extra": ""})
    )


def refuse_other_bytes(offer: Offer) -> None:
    try:
        got = store.file_digest(offer.file)
    except FileNotFoundError as err:
        raise InferpackError(str(offer.file), f"is missing, which {offer.origin} names") from err
    if got != offer.wheel.file.sha256:
        wrong = f"expected sha256 {offer.wheel.file.sha256}, got {got}"
        hint = f"{offer.file} has changed since {offer.origin} was written: delete it"
        raise InferpackError(offer.wheel.file.name, wrong, f"{hint}, and make it again")


def metadata(wheel: Path) -> bytes:
    """The wheel's METADATA, byte for byte."""
    try:
        with ZipFile(wheel) as archive:
            (name,) = (
                name
                for name in archive.namelist()
                if name.endswith(".dist-info/METADATA") and name.count("/") == 1
            )
            return archive.read(name)
    except (BadZipFile, ValueError) as err:
        raise InferpackError(wheel.name, "is not a wheel: it has no METADATA of its own") from err


def described(offer: Offer, text: bytes) -> RawMetadata:
    """METADATA as parsed; InferpackError where it speaks of another release than the file name."""
    found, wheel = parse_email(text)[0], offer.wheel
    said = (found.get("name", ""), found.get("version", ""))
    try:
        same = (canonicalize_name(said[0]), Version(said[1])) == (
            wheel.name,
            Version(wheel.version),
        )
    except InvalidVersion:
        same = False
    if not same:
        wrong = f"METADATA says {said[0]} {said[1]}, not {wheel.name} {wheel.version}"
        raise InferpackError(wheel.file.name, wrong, "pip and uv would refuse it")
    return found
