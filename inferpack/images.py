"""A context becomes an image in the engine: built, measured against its budget, recorded."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import field

from inferpack import console
from inferpack.buildx import Manifest
from inferpack.engine import Engine
from inferpack.errors import InferpackError, UsageError
from inferpack.model import SITE, LockedWheel, Package, Variant
from inferpack.store import read_record, write_record
from inferpack.tables import Record

MB = 1_000_000
PYTHON = "/usr/bin/python3"
LARGEST = 10
LIST = "images.list"  # no record: it is of the engine that this checkout uses


class Image(Record, frozen=True):
    """build/<id>/image.json: sizes in bytes, times in seconds; `key` is the inputs' digest.

    `created` is the SOURCE_DATE_EPOCH it was built with, `built` the time of the build, `base` what
    it starts from, as NAME@DIGEST, `inputs` what `key` is the digest of; older records do not tell.
    """

    key: str
    digest: str
    manifest_size: int
    unpacked: int
    compressed: int
    seconds: float
    built: int
    revision: str
    created: int
    debian: tuple[Package, ...]
    wheels: tuple[LockedWheel, ...]
    base: str = ""
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def manifest(self) -> Manifest:
        return Manifest(digest=self.digest, size=self.manifest_size)


def read(folder: Path) -> Image | None:
    return read_record(folder / "image.json", Image)


def unproven(variant: Variant) -> str:
    """The name a build has until its proof passes."""
    return f"{variant.reference}-unproven"


def measure(variant: Variant, engine: Engine, digest: str, context: Path) -> tuple[int, int]:
    """Unpacked and compressed size; over the budget, an error that names the largest packages."""
    with console.step("measure"), ThreadPoolExecutor() as pool:
        saved = pool.submit(engine.saved, digest)
        unpacked = sum(map(len, engine.export(digest, f"{variant.id} in {engine.logs}")))
        compressed = saved.result()
    check_budget(variant, unpacked, context)
    return unpacked, compressed


def check_python(variant: Variant, engine: Engine, digest: str) -> None:
    """A registry base must hold the Python our layers are made for, where they look for it."""
    code = "import sys; print('%d.%d' % sys.version_info[:2], *sys.path)"
    try:
        owner = f"{variant.id} in {engine.logs}"
        finished = engine.run(digest, [PYTHON, "-c", code], timeout=60, owner=owner)
        printed = finished.stdout.split()
    except InferpackError:
        printed = []  # no such program
    if printed[:1] != [variant.recipe.python] or f"/{SITE}" not in printed:
        wrong = f"{variant.recipe.base} has no Debian Python {variant.recipe.python} at {PYTHON}"
        hint = "name a base that has it, or one of recipes/bases.toml"
        raise UsageError(f"recipes/{variant.recipe.name}.toml", wrong, hint)


def check_budget(variant: Variant, unpacked: int, context: Path) -> None:
    """Raises InferpackError with the largest of the context's layers, each a package."""
    if unpacked > variant.budget_mb * MB:
        sizes = {path.stem: path.stat().st_size for path in (context / "layers").glob("*.tar")}
        raise over_budget(variant, unpacked, sizes)


def over_budget(variant: Variant, unpacked: int, sizes: dict[str, int]) -> InferpackError:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST]
    listed = ", ".join(f"{name} {size / MB:.1f}" for name, size in largest)
    layers = f"; largest in MB: {listed}" if listed else ""  # the context is gone after `clean`
    return InferpackError(
        variant.id,
        f"{unpacked / MB:.1f} MB unpacked, over its budget of {variant.budget_mb} MB",
        f"prune in recipes/{variant.recipe.name}.toml{layers}",
    )


def record(folder: Path, image: Image) -> Image:
    """First in the list of all that were made here: it tells whose an image in the engine is."""
    if image.manifest not in (known := made(folder)):
        write_made(folder, (*known, image.manifest))
    write_record(folder / "image.json", image)
    return image


def made(folder: Path) -> tuple[Manifest, ...]:
    """The images that were recorded here and that `clean` has not freed since, oldest first."""
    known = read_record(folder / LIST, tuple[Manifest, ...]) or ()
    image = read(folder)
    return known if image is None else tuple(dict.fromkeys((*known, image.manifest)))


def write_made(folder: Path, known: tuple[Manifest, ...]) -> None:
    write_record(folder / LIST, known)
