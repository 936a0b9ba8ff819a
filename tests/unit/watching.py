"""A workshop whose locks hold what a small index of the test's own has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from inferpack import locks
from inferpack.engine import Engine
from inferpack.indexes import Indexes
from inferpack.model import Arch, Origin
from inferpack.workshop import Workshop
from tests.unit.conftest import ROOT
from tests.unit.index_server import Index, locked, wheel

AMD, ARM = (f"onnxruntime-mlas-py311-{arch}" for arch in Arch)
X86, AARCH = (f"cp311-cp311-manylinux_2_28_{arch.machine}" for arch in Arch)
NUMPY = "numpy-2.0-py3-none-any.whl"


def named(version: str, tag: str = "py3-none-any") -> str:
    return f"onnxruntime-{version}-{tag}.whl"


def workshop(root: Path, index: Index, *, now: int = 0) -> Workshop:
    """With this repository's recipes, and no lock yet."""
    for name in ("recipes", "wheels"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("locks"))
    (root / "recipes/allowed.toml").write_text("")
    (root / "selftest").symlink_to(ROOT / "selftest")
    never: Callable[[], Origin] = pytest.fail
    return Workshop(
        root=root,
        engine=Engine(logs=root / "build/logs"),
        indexes=lambda: Indexes(index=index.url, retries=0),
        origin=never,
        now=lambda: now,
    )


def offer(index: Index, *names: str, requires: str = "") -> None:
    """Lets the index have wheels of these names."""
    for name in names:
        index.files[name] = wheel(*name.split("-")[:2], requires=requires)


def lock(shop: Workshop, index: Index, variant_id: str, *names: str) -> None:
    """Locks these wheels for a variant, which the index has, or now gets."""
    (variant,) = shop.variants(variant_id)
    glibc = shop.base(variant)[1].glibc
    offer(index, *(name for name in names if name not in index.files))
    found = [locked(name, index.files[name]) for name in names]
    wheels = tuple(replace(item, name=canonicalize_name(item.name)) for item in found)
    made = locks.Lock(inputs=locks.inputs(variant, glibc), wheels=wheels)
    shop.locks.mkdir(exist_ok=True)
    shop.lock_path(variant).write_text(locks.render(made))
