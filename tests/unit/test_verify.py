"""What an image claims is read strictly; what two images differ in is told, causes first."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from inferpack import render, stored, verify
from inferpack.difference import Change
from inferpack.engine import Engine
from inferpack.errors import InferpackError, UsageError
from inferpack.layout import Config, Descriptor, Layout, Root, Runtime
from inferpack.model import Arch, Origin, Variant
from inferpack.sameness import PACKAGES
from tests.unit.layouts import Blobs, member, sha256, tar

IMAGE = Descriptor(media_type="application/vnd.oci.image.manifest.v1+json", digest="sha256:1")
LAYERS = [tar(member(name, b"old")) for name in ("a", "b")]
Side = Callable[..., verify.Side]
HISTORY = [{"created_by": f"ADD layers/{name}.tar / # buildkit"} for name in ("base", "selftest")]


def config(labels: dict[str, str], arch: str = "amd64") -> Config:
    return Config(architecture=arch, rootfs=Root(diff_ids=()), config=Runtime(labels=labels))


def test_the_labels_of_a_rendered_image_are_its_claim(
    onnxruntime: Variant, our_root: render.Root, origin: Origin
) -> None:
    labels = render.labels(onnxruntime, our_root, "sha256:2", origin)
    assert verify.claim("toy:1", IMAGE, config(labels)) == verify.Claim(
        image=IMAGE, arch=Arch.AMD64, variant=onnxruntime.id, revision=origin.revision
    )


@pytest.mark.parametrize(
    ("changed", "arch", "wrong"),
    [
        ({"variant": None}, "amd64", "is no image of inferpack: it has no label VARIANT"),
        ({"revision": None}, "amd64", "is no image of inferpack: it has no label REVISION"),
        (
            {"revision": "abc-dirty"},
            "amd64",
            "cannot be verified: it was built from uncommitted changes (abc-dirty);"
            " commit them and build it again",
        ),
        ({"revision": "unknown"}, "amd64", "cannot be verified: 'unknown' is no commit"),
        ({"revision": "--all"}, "amd64", "cannot be verified: '--all' is no commit"),
        ({"variant": "--help"}, "amd64", "cannot be verified: '--help' is no variant"),
        ({"variant": "*"}, "amd64", "cannot be verified: '*' is no variant"),
        ({}, "riscv64", "cannot be verified: nothing here is for riscv64"),
    ],
)
def test_labels_that_name_nothing_to_build_are_refused(
    changed: dict[str, str | None], arch: str, wrong: str
) -> None:
    named = {"variant": "onnxruntime-mlas-py311-amd64", "revision": "0" * 40, **changed}
    names = {"variant": verify.VARIANT, "revision": verify.REVISION}
    labels = {names[name]: value for name, value in named.items() if value is not None}
    with pytest.raises(UsageError) as err:
        verify.claim("toy:1", IMAGE, config(labels, arch))
    wrong = wrong.replace("VARIANT", verify.VARIANT).replace("REVISION", verify.REVISION)
    assert str(err.value) == f"toy:1: {wrong}"


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


class Stores:
    """An engine's SDK client, of whose index one image is never pulled."""

    def __init__(self, saved: bytes) -> None:
        self.saved, self.pulled = saved, list[str | None]()
        self.images = self.api = self

    def get(self, _: str) -> "Stores":
        return self

    def save(self, chunk_size: int) -> Iterator[bytes]:
        assert chunk_size
        yield self.saved

    def pull(self, _: str, platform: str | None, **__: bool) -> tuple[()]:
        self.pulled.append(platform)
        return ()


@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_a_platform_that_no_pull_brings_is_an_error(tmp_path: Path, digest: str | None) -> None:
    blobs = Blobs()
    index = blobs.index(blobs.image(LAYERS), Blobs().image(LAYERS, arch="arm64"))
    client = Stores(blobs.write(tmp_path / "made.tar", index).read_bytes())
    engine = cast(Engine, SimpleNamespace(digest=lambda _: digest, client=client))
    with pytest.raises(InferpackError) as err:
        stored.whole(engine, "toy:1", tmp_path / "image.tar")
    assert str(err.value) == (
        "toy:1: has no linux/arm64 after it was pulled;"
        " its tag may have moved meanwhile: run the command again"
    )
    assert client.pulled == [*([] if digest else [None]), "linux/arm64"]
