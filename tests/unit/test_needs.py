"""What recipes, locks and records refer to is told without making any of it."""

from pathlib import Path

import msgspec
import pytest

from inferpack import base, images, layers, locks, needs, program, recipes, store, tools
from inferpack.archive import BaseLock
from inferpack.base import BaseRecord
from inferpack.model import Arch, File, LockedWheel, Package, Variant
from inferpack.needs import COMPILED, OF_DEBIAN
from inferpack.workshop import Workshop
from tests.unit import records
from tests.unit.cleaning import VARIANT, place
from tests.unit.test_wheel_offers import BUILT

OURS = LockedWheel(
    name="fasttext",
    version="0.9.3+inferpack.1",
    file=File(
        name="fasttext-0.9.3+inferpack.1-cp311-cp311-linux_x86_64.whl", size=5, sha256="c" * 64
    ),
)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return place(tmp_path, "onnxruntime").shop


def package(name: str, letter: str) -> Package:
    file = File(name=f"{name}.deb", size=1, sha256=letter * 64)
    return Package(name=name, version="1", arch="amd64", file=file)


def committed(shop: Workshop) -> tuple[Package, ...]:
    return needs.packages(shop.base_lock_path("bookworm", base.native()), BaseLock)


def test_what_an_image_is_made_of_is_needed(shop: Workshop, onnxruntime: Variant) -> None:
    spec = recipes.load_bases(shop.recipes)["bookworm"]
    lock = locks.read(shop.lock_path(onnxruntime)).wheels
    python = base.python_digest(committed(shop))
    prunes = {item: recipes.prune_of(onnxruntime, item.name) for item in lock}

    def strip(wheel: LockedWheel) -> str:
        return layers.stripper(prunes[wheel], Arch.AMD64, shop.cache / "log")

    made = (
        VARIANT,
        base.key(spec, Arch.AMD64, committed(shop)),
        *(item.file.sha256 for item in lock),
        *(layers.key(it.file.sha256, prunes[it], Arch.AMD64, python, strip(it)) for it in lock),
        *program.keys(onnxruntime, shop.selftest, python),
    )
    assert set(made) - needs.of(shop).names == set()


def test_layers_are_those_of_the_python_that_the_base_really_has(
    shop: Workshop, onnxruntime: Variant
) -> None:
    """Debian may have moved on from the lock."""
    spec = recipes.load_bases(shop.recipes)["bookworm"]
    newer = (package("python3.11-minimal", "d"),)
    folder = shop.cache / "base" / base.key(spec, base.native(), committed(shop))
    store.write_record(folder / "base.json", BaseRecord(digest="", packages=newer))
    keys = program.keys(onnxruntime, shop.selftest, base.python_digest(newer))
    found = needs.of(shop)
    assert set(keys) <= found.names
    assert found.kept["d" * 64] == OF_DEBIAN


def test_what_a_record_names_stays_though_the_lock_has_moved_on(
    shop: Workshop, onnxruntime: Variant
) -> None:
    image = records.image(wheels=(OURS,), debian=(package("libc6", "e"),))
    images.record(shop.folder(onnxruntime), image)
    found = needs.of(shop)
    assert (OURS.file.sha256 in found.names, found.kept["e" * 64]) == (True, OF_DEBIAN)


def test_a_wheel_of_ours_is_kept_until_build_wheels_has_it(shop: Workshop) -> None:
    lock = locks.Lock(inputs="0" * 64, wheels=(OURS,))
    store.write(shop.locks / "pylock.some.toml", locks.render(lock))
    assert needs.of(shop).kept[OURS.file.sha256] == COMPILED
    built = msgspec.structs.replace(BUILT, file=OURS.file)
    folder = shop.built_wheels / "fasttext-plain-amd64"
    store.write_record(folder / "wheel.json", built)
    assert needs.of(shop).kept[OURS.file.sha256] == COMPILED
    (folder / OURS.file.name).write_bytes(b"wheel")
    found = needs.of(shop)
    assert (OURS.file.sha256 in found.kept, OURS.file.sha256 in found.names) == (False, True)


def test_a_tool_is_needed_by_the_package_it_was_really_taken_from(shop: Workshop) -> None:
    lock = BaseLock(inputs="", packages=(package("qemu-user", "f"),))
    store.write_record(shop.tool_lock_path("qemu", Arch.AMD64), lock)
    used = package("qemu-user", "9")
    store.write_record(tools.note(shop.cache / "tools", lock.packages[0]), used)
    assert {"f" * 64, "9" * 64} <= needs.of(shop).names
