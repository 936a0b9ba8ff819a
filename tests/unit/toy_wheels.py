"""A recipe that builds nothing, and wheels as its build could have left them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferpack import wheel_archive
from inferpack.model import Arch, Backend, Python
from inferpack.wheel import (
    BuildSystem,
    Kind,
    Source,
    WheelCell,
    WheelRecipe,
    WheelTest,
    WheelVariant,
)

METADATA = """Metadata-Version: 2.4
Name: Toy-Wheel
Version: 1.0
Summary: A toy
Description-Content-Type: text/markdown
License-File: LICENSE

A *toy*.
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
BASELINE = {Arch.AMD64: "x86-64-v2", Arch.ARM64: "Cortex-A72"}


@dataclass(frozen=True, kw_only=True)
class Sysroot:
    root: Path
    owners: Mapping[str, str] = field(default_factory=dict)


def variant(arch: Arch, **recipe: Any) -> WheelVariant:
    cell = WheelCell(backend=Backend.PLAIN, arch=arch)
    made = WheelRecipe(
        **{
            "name": "toy-wheel",
            "title": "Toy",
            "licenses": "MIT",
            "homepage": "https://example.org",
            "version": "1.0",
            "build": 3,
            "build_system": BuildSystem.SETUPTOOLS,
            "sources": (Source(kind=Kind.SDIST, name="toy-wheel", version="1.0", files=()),),
            "builder": "builder",
            "glibc": "2.36",
            "python": Python.PY311,
            "matrix": (cell,),
            "test": WheelTest(script="toy.py", base="bookworm"),
            **recipe,
        }
    )
    return WheelVariant(recipe=made, cell=cell)


def raw(folder: Path, files: Mapping[str, str | Path]) -> Path:
    """An unfinished wheel with these files: text, or a file to copy."""
    about = "Toy_Wheel-1.0.dist-info"
    tree = folder / "raw"
    basic = {f"{about}/METADATA": METADATA, f"{about}/WHEEL": WHEEL}
    for name, content in {**basic, f"{about}/licenses/LICENSE": "MIT\n", **files}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())
    return wheel_archive.pack(tree, folder / "Toy_Wheel-1.0-py3-none-any.whl")
