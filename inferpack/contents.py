"""What an image holds: packages with their versions and sizes."""

from collections.abc import Iterator

import msgspec

from inferpack.difference import Change, other
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.expectation import Tolerance
from inferpack.images import MB, Image
from inferpack.tables import Record

NOTABLE = 0.05  # MB; a change that would not show in the sums that are printed
ABSENT = "absent"
LIST = """
import importlib.metadata, json
found = {}
for item in importlib.metadata.distributions():
    files = [file for file in item.files or () if file.locate().is_file()]
    size = sum(file.locate().stat().st_size for file in files)
    found[item.name.lower().replace("_", "-")] = {"version": item.version, "size": size}
print(json.dumps(found))
"""


class Held(Record, frozen=True):
    """A package in an image; `size` in bytes as installed, where it is known."""

    version: str
    size: int | None = None


class Contents(Record, frozen=True):
    """Sizes in bytes: unpacked, and pulled where known."""

    packages: dict[str, Held]
    unpacked: int
    compressed: int | None = None


def of_record(image: Image) -> Contents:
    """What image.json says; it knows no installed size of a package."""
    held = {item.name: Held(version=item.version) for item in image.debian}
    held |= {item.name: Held(version=item.version) for item in image.wheels}
    return Contents(packages=held, unpacked=image.unpacked, compressed=image.compressed)


def of_image(engine: Engine, reference: str, digest: str) -> Contents:
    """Asks the image's own Python, and weighs its unpacked file system."""
    finished = engine.run(digest, ["python3", "-c", LIST], timeout=60)
    try:
        packages = msgspec.json.decode(finished.stdout, type=dict[str, Held])
    except msgspec.MsgspecError as err:
        raise InferpackError(reference, "its Python does not list its packages") from err
    return Contents(packages=packages, unpacked=sum(map(len, engine.export(digest))))


def changes(old: Contents, new: Contents, tolerance: Tolerance) -> Iterator[Change]:
    """Packages and sums. A package is too large where it alone outgrows what all may grow by."""
    allowed = tolerance.size * old.unpacked
    for name in sorted(old.packages.keys() | new.packages.keys()):
        before, after = old.packages.get(name), new.packages.get(name)
        if before != after:
            yield from package(name, before, after, allowed)
    yield from total("unpacked", old.unpacked, new.unpacked, tolerance)
    if old.compressed is not None and new.compressed is not None:
        yield from total("pulled", old.compressed, new.compressed, tolerance)


def package(name: str, old: Held | None, new: Held | None, allowed: float) -> Iterator[Change]:
    grown = ((new.size or 0) if new else 0) - ((old.size or 0) if old else 0)
    yield from other(name, told(old), told(new), worse=grown > allowed)


def told(held: Held | None) -> str:
    if held is None:
        return ABSENT
    return held.version + ("" if held.size is None else f" {held.size / MB:.1f} MB")


def total(what: str, old: int, new: int, tolerance: Tolerance) -> Iterator[Change]:
    if abs(new - old) / MB < NOTABLE:
        return
    yield Change(
        what=what,
        before=f"{old / MB:.1f} MB",
        after=f"{new / MB:.1f} MB",
        note=f"{new / old - 1:+.1%}",
        worse=new > old * (1 + tolerance.size),
    )
