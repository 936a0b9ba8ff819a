"""The selftest program as two layers: its data, which seldom changes, and above it its code."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from inferpack.expectation import Row
from inferpack.model import SITE, Arch, Compiler, Layer, Variant
from inferpack.store import digest, disk, file_digest, is_sealed, sources
from inferpack.tree import byte_compile, pack

HOME = "opt/inferpack"
LAUNCHER = """#!/usr/bin/python3 -sP
import sys

sys.path.insert(0, "/opt/inferpack")
from image import IMAGE
from selftest.start import prepare

prepare(IMAGE)
from selftest.__main__ import main

sys.exit(main())
"""
START = """#!/usr/bin/python3 -IS
import sys

sys.path.insert(0, "/opt/inferpack")
from image import IMAGE
from selftest.start import main

main(IMAGE, sys.argv[1:])
"""


def expectations(variant: Variant) -> bytes:
    """expect.json: what selftest judges by, as the recipe says."""
    proof = variant.recipe.proof
    document = {
        "variant": variant.id,
        "framework": variant.recipe.name,
        "backend": variant.backend,
        "accuracy": msgspec.structs.asdict(proof.accuracy),
        "rows": [row_of(row) for row in rows(variant)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def rows(variant: Variant) -> tuple[Row, ...]:
    """The recipe's rows for this architecture and backend."""
    return variant.recipe.proof.judging(variant.backend, arm=variant.arch is Arch.ARM64)


def row_of(row: Row) -> dict[str, object]:
    document = msgspec.structs.asdict(row)
    del document["backends"]
    return document


def image_module(variant: Variant) -> str:
    """image.py: what `start` must know of this image, as the recipe says."""
    recipe = variant.recipe
    facts = {
        "variant": variant.id,
        "needs": tuple(map(str, variant.cell.needs)),
        "threads": recipe.threads,
        "pinned": recipe.pinned,
        "instead": variant.generic,
    }
    lines = "".join(f"    {name}={value!r},\n" for name, value in facts.items())
    return f"from selftest.start import Image\n\nIMAGE = Image(\n{lines})\n"


def code(source: Path) -> dict[str, Path]:
    """The program's own files by their names below `source`, the same in every image."""
    files = (path for path in sources(source) if source / "data" not in path.parents)
    return named(source, files)


def data(variant: Variant, source: Path) -> dict[str, Path]:
    """What it computes with, named likewise: what all images share and this framework's own."""
    folders = (source / "data", source / "data" / variant.recipe.name)
    return named(source, (path for path in sources(folders[0]) if path.parent in folders))


def plugin(variant: Variant, source: Path) -> dict[str, Path]:
    """What the backend adds to the framework (plugins/), by its name below site-packages."""
    folder = source.parent / "plugins" / f"{variant.recipe.name}-{variant.backend}"
    return named(folder, sources(folder))


def named(folder: Path, files: Iterable[Path]) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in files}


def data_key(variant: Variant, source: Path) -> str:
    return digest(makers(), digests(data(variant, source)))


def code_key(variant: Variant, source: Path) -> str:
    files, added = digests(code(source)), digests(plugin(variant, source))
    return digest(makers(), files, added, expectations(variant).decode(), image_module(variant))


def makers() -> dict[str, str]:
    """Of the modules whose code decides the layers' bytes."""
    return digests({name: Path(__file__).with_name(f"{name}.py") for name in ("program", "tree")})


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: file_digest(path) for name, path in files.items()}


def program_layers(
    variant: Variant, source: Path, *, compiler: Compiler, cache: Path, log: Path
) -> tuple[Layer, Layer]:
    """The program's data and, above it, its code; each from the cache where its inputs are known.

    Whoever pulls an image of new code pulls no data again.
    """

    def compiled(root: Path) -> None:
        fill(root, variant, source)
        byte_compile(root, root / HOME, compiler, log=log)

    def copied(root: Path) -> None:
        copy(data(variant, source), root / HOME / "selftest")

    of_data, of_code = keys(variant, source, compiler.digest)
    return (
        Layer(name="selftest-data", tar=packed(cache / "layers" / f"{of_data}.tar", copied)),
        Layer(name="selftest", tar=packed(cache / "layers" / f"{of_code}.tar", compiled)),
    )


def keys(variant: Variant, source: Path, compiler: str) -> tuple[str, str]:
    """What names the layers of the data and of the code in the cache."""
    return data_key(variant, source), digest(code_key(variant, source), compiler)


def packed(tar: Path, fill: Callable[[Path], None]) -> Path:
    """The tar of what `fill` puts into an empty folder, or the one in the cache."""
    if is_sealed(tar):
        return tar
    with disk(tar.parent):
        tar.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=tar.parent) as scratch:
            fill(Path(scratch))
            pack(Path(scratch), tar)
    return tar


def fill(root: Path, variant: Variant, source: Path) -> None:
    """Everything but the data."""
    copy(code(source), root / HOME / "selftest")
    copy(plugin(variant, source), root / SITE)
    (root / HOME / "expect.json").write_bytes(expectations(variant))
    (root / HOME / "image.py").write_text(image_module(variant))
    for name, text in (("usr/local/bin/selftest", LAUNCHER), (f"{HOME}/start", START)):
        launcher = root / name
        launcher.parent.mkdir(parents=True, exist_ok=True)
        launcher.write_text(text)
        launcher.chmod(0o755)


def copy(files: Mapping[str, Path], folder: Path) -> None:
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
