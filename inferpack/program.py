"""The selftest program as one more layer: the same for every variant but for data and rows."""

import shutil
import tempfile
from pathlib import Path

import msgspec

from inferpack.expectation import Row
from inferpack.model import SITE, Arch, Compiler, Variant
from inferpack.store import digest, disk, file_digest, files_digest, is_sealed, sources
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


def chosen(variant: Variant, source: Path) -> list[Path]:
    """The program's files; of its data, what all share and what this framework reads."""
    own = (source / "data", source / "data" / variant.recipe.name)
    return [
        path
        for path in sources(source)
        if source / "data" not in path.parents or path.parent in own
    ]


def plugin(variant: Variant, source: Path) -> dict[str, Path]:
    """What the backend adds to the framework (plugins/), by its name below site-packages."""
    folder = source.parent / "plugins" / f"{variant.recipe.name}-{variant.backend}"
    return {str(path.relative_to(folder)): path for path in sources(folder)}


def key(variant: Variant, source: Path) -> str:
    """The digest of everything the layer is made from, but for the compiler."""
    own = [file_digest(Path(__file__).with_name(f"{name}.py")) for name in ("program", "tree")]
    files = files_digest(source, chosen(variant, source))
    added = {name: file_digest(path) for name, path in plugin(variant, source).items()}
    return digest(own, files, added, expectations(variant).decode(), image_module(variant))


def program_layer(
    variant: Variant, source: Path, *, compiler: Compiler, cache: Path, log: Path
) -> Path:
    """The selftest layer's tar, from the cache where its inputs are known."""
    folder = cache / "layers"
    tar = folder / f"{digest(key(variant, source), compiler.digest)}.tar"
    if is_sealed(tar):
        return tar
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as scratch:
            root = Path(scratch)
            fill(root, variant, source)
            byte_compile(root, root / HOME, compiler, log=log)
            pack(root, tar)
    return tar


def fill(root: Path, variant: Variant, source: Path) -> None:
    for path in chosen(variant, source):
        target = root / HOME / "selftest" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name, path in plugin(variant, source).items():
        target = root / SITE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (root / HOME / "expect.json").write_bytes(expectations(variant))
    (root / HOME / "image.py").write_text(image_module(variant))
    for name, text in (("usr/local/bin/selftest", LAUNCHER), (f"{HOME}/start", START)):
        launcher = root / name
        launcher.parent.mkdir(parents=True, exist_ok=True)
        launcher.write_text(text)
        launcher.chmod(0o755)
