"""A checkout of a few files, for the tests of what frees them."""

import dataclasses
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from inferpack import clean, cli, locks, recipes
from inferpack.clean import Cleaned
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.workshop import Workshop

NOW = 1_800_000_000
DAY = 86_400
SOURCES = ("plugins", "recipes", "selftest", "templates", "wheels")
VARIANT = "onnxruntime-mlas-py311-amd64"
WHEEL = locks.read(cli.ROOT / f"recipes/locks/pylock.{VARIANT}.toml").wheels[0].file


class NoEngine(Engine):
    @cached_property
    def client(self) -> Any:
        raise InferpackError("unix:///nowhere", "no Docker engine answers")


@dataclass(frozen=True, slots=True)
class Place:
    """A checkout with the repository's recipes and locks; ages are in seconds."""

    root: Path

    @property
    def shop(self) -> Workshop:
        engine = NoEngine(logs=self.root / "build/logs")
        return dataclasses.replace(cli.shop(), root=self.root, engine=engine, now=lambda: NOW)

    def clean(self, keep: int | None = None, *, dry: bool = False) -> Cleaned:
        return clean.clean(self.shop, keep, dry=dry)

    def file(self, name: str, size: int = 10_000, *, age: float = 0) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        return self.aged(name, age)

    def aged(self, name: str, age: float) -> Path:
        os.utime(self.root / name, (NOW - age, NOW - age))
        return self.root / name

    def layer(self, key: str, size: int = 10_000, *, age: float = 0) -> Path:
        """`key`: its first digits; the seal tells when it was used, and not the tar."""
        path = self.file(f".cache/layers/{digest(key)}.tar", size, age=1000 * DAY)
        self.file(f".cache/layers/{digest(key)}.sha256", 64, age=age)
        return path

    def context(self, variant: str, *layers: Path, age: float = 0) -> Path:
        folder = self.root / "build" / variant / "context"
        (folder / "layers").mkdir(parents=True)
        (folder / "Dockerfile").touch()
        (folder.parent / ".lock").touch()
        for layer in layers:
            (folder / "layers" / f"{layer.name[:4]}.tar").hardlink_to(layer)
        return self.aged(str(folder.relative_to(self.root)), age)

    def names(self) -> list[str]:
        """Every file and link that is there, but for the recipes and locks of processes."""
        found = (path for path in self.root.rglob("*") if path.is_symlink() or path.is_file())
        kept = (path.relative_to(self.root) for path in found if path.name != ".lock")
        return sorted(str(path) for path in kept if path.parts[0] not in SOURCES)

    def size(self) -> int:
        """What du says, in bytes."""
        done = subprocess.run(
            ["du", "--summarize", "--block-size=1", self.root],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split()[0])


def place(root: Path, recipe: str = "") -> Place:
    """With the repository's recipes, or one of them: all of them take a second to read."""
    for name in ("plugins", "selftest", "templates", "wheels", *([] if recipe else ["recipes"])):
        (root / name).symlink_to(cli.ROOT / name)
    if recipe:
        for pattern in (*recipes.OTHERS, f"{recipe}.toml", "locks/base-*", f"locks/*.{recipe}-*"):
            for path in (cli.ROOT / "recipes").glob(pattern):
                target = root / path.relative_to(cli.ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
    return Place(root)


def needed_wheel(here: Place, size: int = 10_000, *, age: float = 0) -> str:
    """The folder of a wheel that a lock of onnxruntime's names."""
    name = f".cache/wheels/{WHEEL.sha256}"
    here.file(f"{name}/{WHEEL.name}", size)
    here.aged(name, age)
    return name


def digest(start: str) -> str:
    return start.ljust(64, "0")


def names(done: Cleaned) -> list[str]:
    """What went, in that order."""
    return [item.name for item in done.gone]
