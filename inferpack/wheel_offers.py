"""Which wheels an index shall have, and where each one comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from inferpack import locks, parsing, simple_pages, store, wheelhouse
from inferpack.errors import InferpackError, UsageError
from inferpack.model import File, LockedWheel
from inferpack.simple_pages import FILES, JSON, Listed
from inferpack.wheel import BuiltWheel, Needed, Purpose, index_path
from inferpack.workshop import Workshop

Yanked = dict[tuple[str, Version], str]  # project and version → why


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A wheel that the index called `path` lists; `origin` tells a user where it comes from."""

    path: str
    wheel: LockedWheel
    file: Path
    origin: str


def built(shop: Workshop) -> tuple[Offer, ...]:
    """What ./inv wheel has made."""
    found = []
    for variant in shop.wheel_variants():
        folder = shop.wheel_folder(variant)
        record = store.read_record(folder / "wheel.json", BuiltWheel)
        if record is not None:
            name = canonicalize_name(variant.recipe.name)
            wheel = LockedWheel(name=name, version=record.version, file=record.file)
            origin, file = str(folder.relative_to(shop.root)), folder / record.file.name
            found += [
                Offer(path=path, wheel=wheel, file=file, origin=origin) for path in variant.paths
            ]
    return tuple(found)


def locked(shop: Workshop, own: Iterable[Offer]) -> tuple[Offer, ...]:
    """What our wheels need, and the wheels of the images, each under its backend; they may still
    have to be fetched, but ours: of them only those that are `own` already.
    """
    made = {offer.wheel.file.name: offer.file for offer in own}
    places = [
        (shop.lock_path(item), index_path(item.backend, item.cell.target))
        for item in shop.variants()
    ]
    for item in shop.wheel_variants():
        needed = Needed(recipe=item.recipe, purpose=Purpose.TEST, arch=item.arch)
        places += [(shop.needed_path(needed), path) for path in item.paths]
    found = []
    for lock, path in dict.fromkeys(places):  # an image's flavours share a lock
        origin = str(lock.relative_to(shop.root))
        for wheel in locks.read(lock).wheels if lock.exists() else ():
            file = made.get(wheel.file.name) or wheelhouse.path_of(wheel, shop.cache)
            if wheel.file.name in made or not wheelhouse.is_ours(wheel):
                found.append(Offer(path=path, wheel=wheel, file=file, origin=origin))
    return tuple(found)


def kept(folder: Path) -> tuple[Offer, ...]:
    """What another index has that was written by inferpack."""
    found: list[Offer] = []
    for page in sorted(folder.glob(f"*/*/{JSON}")):
        try:
            found += [again(folder, page, item) for item in simple_pages.read(page).files]
        except (msgspec.MsgspecError, KeyError, InvalidWheelFilename) as err:
            raise UsageError(str(page), f"is no page of an index: {err}") from err
    if not found:
        raise UsageError(str(folder), "has no index", "name a folder that ./inv index has written")
    return tuple(found)


def again(folder: Path, page: Path, listed: Listed) -> Offer:
    """The offer that a page of the index in `folder` was made from."""
    name, version, *_ = parse_wheel_filename(listed.filename)
    file = File(name=listed.filename, size=listed.size, sha256=listed.hashes["sha256"])
    return Offer(
        path=page.parent.parent.name,
        wheel=LockedWheel(name=name, version=str(version), file=file),
        file=folder / FILES / file.name,
        origin=str(folder),
    )


def distinct(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Each wheel once a path, sorted; InferpackError where one name means two files."""
    known: dict[str, Offer] = {}
    unique: dict[tuple[str, str], Offer] = {}
    for offer in offers:
        file, first = offer.wheel.file, known.setdefault(offer.wheel.file.name, offer)
        if first.wheel.file.sha256 != file.sha256:
            wrong = "two files have this name: "
            wrong += f"sha256 {first.wheel.file.sha256} from {first.origin}, "
            wrong += f"{file.sha256} from {offer.origin}"
            hint = "what has changed needs another name: raise its build number"
            raise InferpackError(file.name, wrong, hint)
        unique.setdefault((offer.path, file.name), offer)
    return tuple(unique[key] for key in sorted(unique))


def yanked(path: Path, offers: Iterable[Offer]) -> Yanked:
    """The releases that nobody should install any more; UsageError where one is not well said.

    A version that is not offered is no error: it may be offered elsewhere.
    """
    if not path.exists():
        return {}
    where = f"{path.parent.name}/{path.name}"
    names, found = {offer.wheel.name for offer in offers}, Yanked()
    for text, reason in parsing.parse(path, dict[str, str]).items():
        name, version = release(where, text)
        if not reason.strip():
            raise UsageError(where, f"'{text}' has no reason", "give one: pip shows it to the user")
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(names))}"
            raise UsageError(where, f"the index has no project '{name}'", hint)
        offered = {Version(offer.wheel.version) for offer in offers if offer.wheel.name == name}
        # as in a requirement: without a label of ours it means all that have one
        meant = {one for one in offered if not version.local and one.public == version.public}
        found |= dict.fromkeys(((name, one) for one in {version, *meant}), reason)
    return found


def release(where: str, text: str) -> tuple[str, Version]:
    """The project and version of a line such as fasttext==0.9.3."""
    try:
        asked = Requirement(text)
        (pin,) = asked.specifier
        if pin.operator == "==":
            return canonicalize_name(asked.name), Version(pin.version)
    except (InvalidRequirement, ValueError):
        pass
    raise UsageError(where, f"'{text}' is no release", "write it as name==version")
