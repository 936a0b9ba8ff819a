"""Which wheels an index gets: those that were built, and on request those that locks name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import locks, store, wheel_index, wheel_offers, wheelhouse
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.model import Origin
from inferpack.wheel import BuiltWheel
from inferpack.workshop import Workshop
from tests.unit.index_server import locked
from tests.unit.tiny_wheels import tiny

NAME = "fasttext-0.9.3+inferpack.1-1-cp311-cp311-manylinux_2_34_x86_64.whl"
BUILT = BuiltWheel(
    key="0",
    variant="fasttext-plain-amd64",
    file=locked(NAME, b"some").file,
    version="0.9.3+inferpack.1",
    tags=(),
    glibc="2.34",
    seconds=1,
    built=1,
    source=(),
    patches=(),
    project=(),
    checks=(),
    tested=(),
)


@pytest.fixture
def shop(tmp_path: Path, root: Path) -> Workshop:
    """A workshop with this repository's recipes and nothing else."""
    for name in ("recipes", "wheels"):
        (tmp_path / name).mkdir()
        for path in (root / name).iterdir():
            if path.name != "locks":
                (tmp_path / name / path.name).symlink_to(path)
    for name in ("selftest", "templates"):
        (tmp_path / name).symlink_to(root / name)
    never: Callable[[], Origin] = pytest.fail
    return Workshop(
        root=tmp_path, engine=Engine(logs=tmp_path), indexes=Indexes, origin=never, now=lambda: 0
    )


def test_what_is_built_is_offered_under_its_backend(shop: Workshop) -> None:
    """What is not built yet, or by an older inferpack, is not."""
    folders = {variant.id: shop.wheel_folder(variant) for variant in shop.wheel_variants()}
    store.write_record(folders[BUILT.variant] / "wheel.json", BUILT)
    store.write(folders["fasttext-plain-arm64"] / "wheel.json", "{}")
    (offer,) = wheel_offers.built(shop)
    assert (offer.path, offer.wheel.name) == ("plain", "fasttext")
    assert (offer.wheel.version, offer.wheel.file) == (BUILT.version, BUILT.file)
    assert offer.file == folders[BUILT.variant] / NAME
    assert offer.origin == "build/wheels/fasttext-plain-amd64"


def test_one_index_has_what_users_get_who_ask_for_no_backend(shop: Workshop) -> None:
    """Of each project one wheel an architecture; the others are on their backend's index alone."""
    variants = {variant.id: variant for variant in shop.wheel_variants("llama-cpp-python*")}
    for variant in variants.values():
        record = replace(BUILT, variant=variant.id, version=variant.version)
        store.write_record(shop.wheel_folder(variant) / "wheel.json", record)
    assert [(offer.file.parent.name, offer.path) for offer in wheel_offers.built(shop)] == [
        ("llama-cpp-python-ggml-amd64", "ggml"),
        ("llama-cpp-python-ggml-amd64", "plain"),
        ("llama-cpp-python-ggml-arm64", "ggml"),
        ("llama-cpp-python-ggml-arm64", "plain"),
        ("llama-cpp-python-openblas-amd64", "openblas"),
        ("llama-cpp-python-openblas-arm64", "openblas"),
    ]


def test_what_locks_name_is_offered_under_its_users_backends(shop: Workshop) -> None:
    """Not what only a build needs; nothing where there is no lock."""
    assert wheel_offers.locked(shop, ()) == ()
    wheel = locked("needed-2.0-py3-none-any.whl", b"some")
    text = locks.render(locks.Lock(inputs="0" * 64, wheels=(wheel,)))
    images = ("onnxruntime-mlas-py311-amd64", "ctranslate2-openblas-py311-arm64")
    wheels = ("fasttext-test-amd64", "fasttext-build-amd64")
    for folder, names in ((shop.locks, images), (shop.wheels / "locks", wheels)):
        for name in names:
            store.write(folder / f"pylock.{name}.toml", text)
    offers = wheel_offers.locked(shop, ())
    assert [(offer.path, offer.origin) for offer in offers] == [
        ("openblas", "recipes/locks/pylock.ctranslate2-openblas-py311-arm64.toml"),
        ("mlas", "recipes/locks/pylock.onnxruntime-mlas-py311-amd64.toml"),
        ("plain", "wheels/locks/pylock.fasttext-test-amd64.toml"),
    ]
    assert {offer.file for offer in offers} == {wheelhouse.path_of(wheel, shop.cache)}


def test_an_index_with_what_locks_name_has_of_our_wheels_those_that_are_built(
    shop: Workshop,
) -> None:
    """One that an image's lock names is on no index of pip's, and may not be built here."""
    needed = locked("needed-2.0-py3-none-any.whl", tiny("needed-2.0-py3-none-any.whl"))
    built, missing = (locked(name, tiny(name)) for name in (NAME, NAME.replace("x86", "arm")))
    folder = shop.wheel_folder(shop.wheel_variants(BUILT.variant)[0])
    store.write(folder / NAME, tiny(NAME))
    store.write_record(folder / "wheel.json", replace(BUILT, file=built.file))
    store.write(wheelhouse.path_of(needed, shop.cache), tiny(needed.file.name))
    text = locks.render(locks.Lock(inputs="0" * 64, wheels=(needed, built, missing)))
    store.write(shop.locks / "pylock.onnxruntime-mlas-py311-amd64.toml", text)
    index = wheel_index.index(shop, third_party=True)
    assert sorted(str(path.relative_to(index)) for path in index.glob("*/*.whl")) == [
        f"files/{NAME}",
        f"files/{needed.file.name}",
    ]
    assert (index / "files" / NAME).read_bytes() == tiny(NAME)
    assert sorted(str(path.parent.relative_to(index)) for path in index.glob("*/*/index.json")) == [
        "mlas/fasttext",
        "mlas/needed",
        "plain/fasttext",
    ]


def test_an_image_and_its_index_have_one_wheel_of_a_name(shop: Workshop) -> None:
    folder = shop.wheel_folder(shop.wheel_variants(BUILT.variant)[0])
    store.write_record(folder / "wheel.json", BUILT)
    other = locked(NAME, b"other")
    text = locks.render(locks.Lock(inputs="0" * 64, wheels=(other,)))
    store.write(shop.locks / "pylock.onnxruntime-mlas-py311-amd64.toml", text)
    with pytest.raises(InferpackError, match="two files have this name") as caught:
        wheel_index.index(shop, third_party=True)
    assert caught.value.where == NAME
