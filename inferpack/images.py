"""A context becomes an image in the engine: built, measured against its budget, recorded."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inferpack import console
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Layer, Package, Record, Variant
from inferpack.store import read_record, write_record

MB = 1_000_000
LARGEST = 10


class Wheel(Record, frozen=True):
    name: str
    version: str
    sha256: str


class Image(Record, frozen=True):
    """build/<id>/image.json: sizes in bytes, times in seconds; `key` is the inputs' digest.

    `created` is the SOURCE_DATE_EPOCH it was built with, `built` the time of the build.
    """

    key: str
    digest: str
    unpacked: int
    compressed: int
    seconds: float
    built: int
    revision: str
    created: int
    debian: tuple[Package, ...]
    wheels: tuple[Wheel, ...]


def read(folder: Path) -> Image | None:
    return read_record(folder / "image.json", Image)


def current(folder: Path, key: str, engine: Engine) -> Image | None:
    """The recorded image, if its inputs are the same and the engine still has it."""
    image = read(folder)
    if image is None or image.key != key or engine.digest(image.digest) is None:
        return None
    return image


def unproven(variant: Variant) -> str:
    """The name a build has until its proof passes."""
    return f"{variant.reference}-unproven"


def measure(
    variant: Variant, engine: Engine, digest: str, layers: tuple[Layer, ...]
) -> tuple[int, int]:
    """Unpacked and compressed size; over the budget, an error that names the largest packages."""
    with console.step("measure"), ThreadPoolExecutor() as pool:
        saved = pool.submit(engine.saved, digest)
        unpacked = sum(map(len, engine.export(digest)))
        compressed = saved.result()
    if unpacked > variant.recipe.budget_mb * MB:
        sizes = {item.name: item.tar.stat().st_size for item in layers}
        raise over_budget(variant, unpacked, sizes)
    return unpacked, compressed


def over_budget(variant: Variant, unpacked: int, sizes: dict[str, int]) -> InferpackError:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST]
    listed = ", ".join(f"{name} {size / MB:.1f}" for name, size in largest)
    return InferpackError(
        variant.id,
        f"{unpacked / MB:.1f} MB unpacked, over its budget of {variant.recipe.budget_mb} MB",
        f"prune in recipes/{variant.recipe.name}.toml; largest in MB: {listed}",
    )


def record(folder: Path, image: Image) -> Image:
    write_record(folder / "image.json", image)
    return image
