"""What two images differ in is told, causes first."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from inferpack import verify
from inferpack.difference import Change
from inferpack.layout import Layout
from inferpack.sameness import PACKAGES
from tests.unit.layouts import Blobs, member, sha256, tar

LAYERS = [tar(member(name, b"old")) for name in ("a", "b")]
Side = Callable[..., verify.Side]
HISTORY = [{"created_by": f"ADD layers/{name}.tar / # buildkit"} for name in ("base", "selftest")]


@pytest.fixture
def side(tmp_path: Path) -> Side:
    numbers = iter(range(9))

    def made(
        layers: Sequence[bytes] = LAYERS,
        packed: str = "",
        history: Sequence[object] = HISTORY,
        **more: object,
    ) -> verify.Side:
        blobs = Blobs()
        image = blobs.image(layers, packed=packed, config={"history": history, **more})
        layout = Layout(blobs.write(tmp_path / f"{next(numbers)}.tar", image))
        return verify.Side(layout=layout, image=layout.image)

    return made


def told(old: verify.Side, new: verify.Side) -> list[str]:
    return [str(change) for change in verify.differences(old, new)]


def test_every_layer_that_differs_is_named_with_its_first_file(side: Side) -> None:
    altered = [tar(member("a", b"new")), tar(member("b", b"old", mode=0o600))]
    assert told(side(packed="+zstd"), side(altered, packed="+gzip")) == [
        f"layer 1 (base): a content: {sha256(b'old')} → {sha256(b'new')}",
        "layer 2 (selftest): b mode: 0644 → 0600",
    ]


def test_a_layer_that_only_one_image_has_is_named(side: Side) -> None:
    line = {"created_by": "COPY c /c # buildkit"}
    more = side([*LAYERS, tar(member("c", b"new"))], history=[*HISTORY, line])
    where = "layer 3 (COPY c /c # buildkit): c: "
    assert told(side(), more) == [f"{where}absent → file {sha256(b'new')}"]
    assert told(more, side()) == [f"{where}file {sha256(b'new')} → absent"]


def test_the_same_files_in_another_tar_are_told_by_the_tars(side: Side) -> None:
    both = member("a", b"1"), member("b", b"2")
    old, new = tar(*both), tar(*both[::-1])
    assert told(side([old]), side([new])) == [
        f"layer 1 (base): {sha256(old)} → {sha256(new)} (the same files, packed otherwise)"
    ]


def test_packages_come_before_the_layer_that_they_change(side: Side) -> None:
    old, new = ({"config": {"Labels": {PACKAGES: f"libssl3={number}"}}} for number in (20, 22))
    moved = verify.differences(side(**old), side([tar(member("a", b"new")), LAYERS[1]], **new))
    assert moved == (
        Change(what="Debian package libssl3", before="20", after="22"),
        Change(what="layer 1 (base): a content", before=sha256(b"old"), after=sha256(b"new")),
    )


def test_a_history_that_alone_differs_is_told(side: Side) -> None:
    line = {"created_by": "RUN true", "empty_layer": True}
    assert told(side(), side(history=[*HISTORY, line])) == [
        'history[2].created_by: absent → "RUN true"',
        "history[2].empty_layer: absent → true",
    ]


def test_images_that_differ_in_compression_alone_are_told_by_their_manifests(side: Side) -> None:
    old, new = side(packed="+gzip"), side(packed="+zstd")
    whats = {change.what for change in verify.differences(old, new)}
    assert whats == {
        f"layers[{place}].{name}" for place in (0, 1) for name in ("mediaType", "digest", "size")
    }
    assert told(old, old) == []
