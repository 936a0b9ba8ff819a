"""What a user reads when the input is bad, from ./inv itself, and that nothing half-made stays."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.checkout import RECIPE, VARIANT, Checkout, tags


@pytest.fixture
def recipe(bare_checkout: Checkout) -> Iterator[Path]:
    """The recipe, restored after the test."""
    path = bare_checkout.root / RECIPE
    text = path.read_text()
    yield path
    path.write_text(text)


@pytest.fixture
def missing_wheel(checkout: Checkout) -> str:
    """The file name of a wheel that is locked and not cached."""
    wheel = min(checkout.cache.glob("wheels/*/*.whl"), key=lambda path: path.stat().st_size)
    (checkout.root / "offered").mkdir()
    wheel.replace(checkout.root / "offered" / wheel.name)
    return wheel.name


def offline(folder: Path) -> dict[str, str]:
    """A pip that knows one folder of wheels and no index."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own in `folder`, full after `size`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    argv = ["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.fail("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["/usr/bin/umount", str(folder)], check=True)


def no_space(folder: Path) -> tuple[int, str]:
    hint = f"free some space on the disk that holds {folder}, then run the command again"
    return 1, f"error: {folder}: no space left on the disk; {hint}"


def test_an_unknown_name_is_answered_with_the_nearest(bare_checkout: Checkout) -> None:
    assert bare_checkout.inv("image", "onxruntime").error == (
        2,
        f"error: onxruntime: matches no variant; did you mean onnxruntime or"
        f" onnxruntime-mlas-py311-arm64 or {VARIANT}?",
    )
    assert bare_checkout.inv("explain", "openvino-*-arm32").error == (
        2,
        "error: openvino-*-arm32: matches no variant; did you mean openvino or "
        "openvino-onednn-py311-amd64 or openvino-onednn-acl-py311-arm64?",
    )


BAD_RECIPES = {
    ("title =", "tilte ="): "unknown key 'tilte'; did you mean 'title'?",
    (r"\[proof.accuracy\]", "[proof.acuracy]"): (
        "proof: unknown key 'acuracy'; did you mean 'accuracy'?"
    ),
    (r"budget-mb = \d+", 'budget-mb = "170"'): "budget-mb: expected 'int', got 'str'",
    ('backend = ".+"', 'backend = "onednn-acl"'): (
        "backend 'onednn-acl' does not exist on amd64; it exists on arm64"
    ),
    ('arch = ".+"', 'arch = "x86"'): ("matrix[0].arch: unknown value 'x86'; known: amd64, arm64"),
    ("python =", "python"): (
        "is not valid TOML: Expected '=' after a key in a key/value pair (at line 6, column 8)"
    ),
}


@pytest.mark.parametrize(("edit", "message"), BAD_RECIPES.items())
def test_a_bad_recipe_names_its_file_and_key(
    bare_checkout: Checkout, recipe: Path, edit: tuple[str, str], message: str
) -> None:
    bare_checkout.edit(RECIPE, *edit)
    assert bare_checkout.image().error == (2, f"error: {RECIPE}: {message}")
    assert bare_checkout.half_written() == []


def test_a_stale_or_missing_lock_names_the_command(checkout: Checkout) -> None:
    checkout.edit(RECIPE, r"requires = \[.+\]", 'requires = ["onnxruntime==1.31.1", "packaging"]')
    assert checkout.image().error == (
        2,
        f"error: {checkout.lock}: is stale: the recipe or its base has changed since; "
        f"run ./inv lock {VARIANT}",
    )
    checkout.lock.unlink()
    assert checkout.image().error == (
        2,
        f"error: {checkout.lock}: does not exist; ./inv lock {VARIANT} makes it",
    )
    assert checkout.half_written() == []


def test_a_requirement_that_cannot_be_resolved_leaves_the_lock(checkout: Checkout) -> None:
    before = checkout.lock.read_bytes()
    checkout.edit(RECIPE, r"requires = \[.+\]", 'requires = ["onnxruntime==999"]')
    done = checkout.inv("lock", "onnxruntime", env=offline(checkout.root))
    assert done.error == (
        1,
        f"error: {VARIANT}: onnxruntime==999 cannot be resolved for x86_64:\n"
        "  No solution found when resolving dependencies\n"
        "  Because onnxruntime was not found in the provided package locations and you require "
        "onnxruntime==999, we can conclude that your requirements are unsatisfiable; "
        "check the versions in the recipe and the indexes in 'pip config list'; "
        f"full log: {checkout.build}/lock.log",
    )
    assert checkout.lock.read_bytes() == before
    assert list(checkout.cache.glob("resolve-*")) == []


def test_a_prune_rule_that_matches_nothing_is_refused(checkout: Checkout) -> None:
    checkout.edit(RECIPE, "onnxruntime/tools/", "onnxruntime/tulls/")
    (wheel,) = checkout.cache.glob("wheels/*/onnxruntime-*.whl")
    assert checkout.image().error == (
        2,
        "error: recipes: prune.onnxruntime: 'onnxruntime/tulls/*' matches no file of "
        f"{wheel.name}; remove or fix it",
    )
    assert checkout.half_written() == []


def test_a_wheel_with_other_bytes_is_refused(checkout: Checkout, missing_wheel: str) -> None:
    offered = checkout.root / "offered"
    (offered / missing_wheel).unlink()  # a hard link
    (offered / missing_wheel).write_bytes(b"something else")
    (wanted,) = re.findall(rf'"{missing_wheel}"\n.*\n.* = "(\w+)"', checkout.lock.read_text())
    assert checkout.image(env=offline(offered)).error == (
        1,
        f"error: {missing_wheel}: expected sha256 {wanted}, "
        f"got {sha256(b'something else').hexdigest()} from file://{offered}; "
        "the index, or a proxy on the way, serves another file under this name; "
        "if that is meant, ./inv lock --upgrade accepts it",
    )
    assert checkout.half_written() == []
    assert list(checkout.cache.glob(f"wheels/*/{missing_wheel}")) == []


def test_a_wheel_that_vanished_is_named(checkout: Checkout, missing_wheel: str) -> None:
    empty = checkout.root / "empty"
    empty.mkdir()
    assert checkout.image(env=offline(empty)).error == (
        1,
        f"error: {missing_wheel}: is in none of pip's indexes (file://{empty}); "
        "./inv lock --upgrade picks what the indexes have now",
    )
    assert checkout.half_written() == []


def test_an_index_that_does_not_answer_is_named(checkout: Checkout, missing_wheel: str) -> None:
    port = closed_port()
    index = f"http://me:secret@127.0.0.1:{port}/simple"
    done = checkout.image(env={"PIP_INDEX_URL": index, "PIP_RETRIES": "0"})
    assert done.error == (
        1,
        f"error: http://***@127.0.0.1:{port}/simple/{missing_wheel.partition('-')[0]}/: "
        "cannot be reached: Connection refused; "
        "check the network and the index URLs in 'pip config list'",
    )
    assert checkout.half_written() == []


def test_a_disk_that_is_full_while_fetching_is_named(
    checkout: Checkout, missing_wheel: str
) -> None:
    folder = checkout.cache / "partial"
    with small_disk(folder, "8k"):
        done = checkout.image(env=offline(checkout.root / "offered"))
        assert done.error == no_space(folder)
        assert checkout.half_written() == []
    assert checkout.image(env=offline(checkout.root / "offered")).code == 0


def test_a_disk_that_is_full_while_making_layers_is_named(checkout: Checkout) -> None:
    folder = checkout.cache / "layers"
    with small_disk(folder, "2m"):
        assert checkout.image().error == no_space(folder)
        assert checkout.half_written() == []
    assert tags(checkout.reference) == []
