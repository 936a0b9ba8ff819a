"""Each file of a checkout decides what it should, by a name that tells a user why, and no more."""

import dataclasses
import os
import re
import shutil
from pathlib import Path

import pytest

from inferpack import cli, keys, layers, matrix
from inferpack.engine import Engine
from inferpack.errors import UsageError
from inferpack.keys import Input, Inputs, Keys
from inferpack.workshop import Workshop

FOLDERS = ("plugins", "recipes", "selftest", "templates", "wheels")
ORT, ARM, DEV = (f"onnxruntime-mlas-py311-{end}" for end in ("amd64", "arm64", "amd64-dev"))
OPENVINO = "openvino-onednn-py311-amd64"
FASTTEXT = "fasttext-plain-amd64"
LOCK = "onnxruntime-mlas-py311-amd64"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keys")
    for name in FOLDERS:
        shutil.copytree(cli.ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


class Answering(Engine):
    """An engine that is asked nothing but its version."""

    def version(self) -> str:
        return os.environ.get("ENGINE", "26.1.5")


def workshop(root: Path) -> Workshop:
    return dataclasses.replace(cli.shop(), root=root, engine=Answering(logs=root))


def decided(root: Path) -> dict[str, dict[str, str]]:
    """All that decides some variants, by their ids."""
    shop = workshop(root)
    known = Keys(shop=shop)
    images = {name: known.here(matrix.select(shop.variants(), name)[0]) for name in IMAGES}
    return images | {FASTTEXT: known.wheel(matrix.select(shop.wheel_variants(), FASTTEXT)[0])}


IMAGES = (ORT, ARM, DEV, OPENVINO)


def edited(root: Path, name: str, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, (root / name).read_text(), count=1)
    assert count == 1, pattern
    (root / name).write_text(text)


EVERY = (*IMAGES, FASTTEXT)
CHANGES: dict[str, tuple[tuple[str, str, str], dict[str, tuple[str, ...]]]] = {
    "an environment variable": (
        ("recipes/onnxruntime.toml", 'ORT_DISABLE_TELEMETRY = "1"', 'ORT_DISABLE_TELEMETRY = "2"'),
        dict.fromkeys((ORT, ARM, DEV), ("recipe",)),
    ),
    "a row of the proof": (
        ("recipes/onnxruntime.toml", "speedup = 1.3", "speedup = 1.4"),
        dict.fromkeys((ORT, DEV), ("recipe",)),
    ),
    "a prune rule": (
        ("recipes/onnxruntime.toml", '  "onnxruntime/backend/\\*",\n', ""),
        dict.fromkeys((ORT, ARM, DEV), ("recipe",)),
    ),
    "what only dev images keep": (
        ("recipes/onnxruntime.toml", '  "onnxruntime/tools/\\*",.*\n', ""),
        dict.fromkeys((ORT, ARM), ("recipe",)),
    ),
    "a budget": (("recipes/onnxruntime.toml", "budget-mb = 170", "budget-mb = 171"), {}),
    "a comment": (("recipes/onnxruntime.toml", "# NumPy's", "# Its"), {}),
    "a locked wheel": (
        (f"recipes/locks/pylock.{LOCK}.toml", 'sha256 = "[0-9a-f]{8}', 'sha256 = "01234567'),
        dict.fromkeys((ORT, DEV), ("lock",)),
    ),
    "a package of a base": (
        ("recipes/locks/base-bookworm-arm64.json", '"version": "', '"version": "1'),
        dict.fromkeys((ARM, FASTTEXT), ("base",)),  # wheels are made in those of both
    ),
    "selftest": (
        ("selftest/report.py", '"""', '"""A '),
        dict.fromkeys(IMAGES, ("selftest",)),
    ),
    "one framework's data": (
        ("selftest/data/openvino/int8.xml", "<", " <"),
        {OPENVINO: ("selftest",)},
    ),
    "the template": (
        ("templates/Dockerfile.j2", "FROM", "FROM  "),
        dict.fromkeys(IMAGES, ("template",)),
    ),
    "a builder's template": (
        ("templates/wheel/toolchain.cmake.j2", "set", " set"),
        {FASTTEXT: ("template",)},
    ),
    "a wheel's setting": (
        ("wheels/fasttext.toml", "build = ", "build = 1"),
        {FASTTEXT: ("recipe",)},
    ),
    "a wheel's test": (("wheels/tests/fasttext.py", '"""', '"""A '), {FASTTEXT: ("test",)}),
    "a package of its sysroot": (
        ("wheels/locks/sysroot-fasttext-plain-amd64.json", '"version": "', '"version": "1'),
        {FASTTEXT: ("lock",)},
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_has_a_name_and_reaches_only_what_it_decides(
    original: Path, tmp_path: Path, what: str
) -> None:
    (name, pattern, new), expected = CHANGES[what]
    before = decided(original)
    root = shutil.copytree(original, tmp_path / "changed", symlinks=True)
    edited(root, name, pattern, new)
    after = decided(root)
    changes = {one: keys.changed(before[one], after[one]) for one in EVERY}
    assert {one: names for one, names in changes.items() if names} == expected


def test_a_patch_is_part_of_the_source(original: Path, tmp_path: Path) -> None:
    root = shutil.copytree(original, tmp_path / "changed")
    patch = next((root / "wheels/patches/fasttext").iterdir())
    patch.write_text(patch.read_text() + "\n")
    before, after = decided(original), decided(root)
    assert {one: keys.changed(before[one], after[one]) for one in EVERY} == {
        **dict.fromkeys(IMAGES, ()),
        FASTTEXT: ("source",),
    }


def test_another_engine_is_another_tool(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = decided(original)
    monkeypatch.setenv("ENGINE", "27.0.1")
    after = decided(original)
    assert {keys.changed(before[one], after[one]) for one in IMAGES} == {("tools",)}


def test_another_strip_is_another_tool_on_this_machine_alone(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = workshop(original)
    (wheel,), (image,) = shop.wheel_variants(FASTTEXT), shop.variants(ORT)

    def all_of() -> tuple[Inputs, ...]:
        known = Keys(shop=shop)
        return known.wheel_here(wheel), known.here(image), known.wheel(wheel), known.image(image)

    before = all_of()
    monkeypatch.setattr(layers, "version", lambda *_: "GNU strip 99")
    pairs = zip(before, all_of(), strict=True)
    assert [keys.changed(*pair) for pair in pairs] == [("strip",), ("tools",), (), ()]


def test_a_key_is_of_all_inputs_in_any_order() -> None:
    inputs: dict[str, str] = {Input.LOCK: "a", Input.BASE: "b"}
    assert keys.key(inputs) == keys.key(dict(reversed(inputs.items())))
    assert keys.key(inputs) != keys.key({**inputs, Input.BASE: "c"})


def test_what_an_older_inferpack_made_is_made_again() -> None:
    assert keys.changed({}, {Input.LOCK: "a"}) == ("made by an older inferpack",)
    assert keys.changed({"lock": "a", "tools": "b"}, {Input.LOCK: "a"}) == ()
    assert keys.changed({"lock": "a"}, {Input.LOCK: "a", Input.TOOLS: "b"}) == ("tools",)


def test_a_stale_lock_is_refused(original: Path, tmp_path: Path) -> None:
    root = shutil.copytree(original, tmp_path / "changed")
    edited(root, "recipes/onnxruntime.toml", '"numpy>=2"', '"numpy>=2.1"')
    shop = workshop(root)
    with pytest.raises(UsageError, match="is stale: the recipe or its base has changed since"):
        Keys(shop=shop).image(matrix.select(shop.variants(), ORT)[0])


def test_each_file_is_read_once(original: Path) -> None:
    known = Keys(shop=workshop(original))
    assert [known.once("a", iter([1, 2]).__next__) for _ in range(2)] == [1, 1]
