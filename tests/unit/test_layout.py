"""What `docker save` writes, read back."""

from pathlib import Path

import pytest

from inferpack.layout import Config, Layout, Platform, Root, Runtime, Step
from tests.unit.layouts import MANIFEST, PACKED, Blobs, member, sha256, tar

TAR = tar(member("a", b"1"))


def test_an_index_names_its_images_and_what_is_not_there(tmp_path: Path) -> None:
    blobs, elsewhere = Blobs(), Blobs()
    here, gone = blobs.image([TAR]), elsewhere.image([TAR], arch="arm64")
    unknown = {"os": "unknown", "architecture": "unknown"}
    attestation = blobs.add(MANIFEST, b"{}", platform=unknown)
    index = blobs.index(here, gone, attestation)
    layout = Layout(blobs.write(tmp_path / "image.tar", index))
    assert layout.image.digest == index["digest"]
    assert [item.digest for item in layout.images()] == [here["digest"], gone["digest"]]
    assert [(item.digest, item.platform) for item in layout.missing()] == [
        (gone["digest"], Platform(os="linux", architecture="arm64"))
    ]


def test_an_image_without_one_of_its_layers_is_missing(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.image([TAR])
    del blobs.found[sha256(TAR)]
    layout = Layout(blobs.write(tmp_path / "image.tar", image))
    assert layout.missing() == layout.images() == (layout.image,)


def test_a_config_tells_labels_and_what_each_layer_holds(tmp_path: Path) -> None:
    blobs = Blobs()
    history = [
        {"created_by": "ADD layers/base.tar / # buildkit", "comment": "buildkit.dockerfile.v0"},
        {"created_by": "ENV A=1", "empty_layer": True},
        {"created_by": "COPY x /x # buildkit"},
    ]
    more = {"config": {"Labels": {"a": "b"}}, "history": history}
    image = blobs.image([TAR, TAR, TAR], config=more)
    layout = Layout(blobs.write(tmp_path / "image.tar", image))
    config = layout.config(layout.image)
    assert config == Config(
        architecture="amd64",
        rootfs=Root(diff_ids=(sha256(TAR),) * 3),
        config=Runtime(labels={"a": "b"}),
        history=(
            Step(created_by="ADD layers/base.tar / # buildkit"),
            Step(created_by="ENV A=1", empty_layer=True),
            Step(created_by="COPY x /x # buildkit"),
        ),
    )
    assert config.layer_names == ("base", "COPY x /x # buildkit", "unnamed")


@pytest.mark.parametrize("packed", PACKED)
def test_a_layer_is_decompressed_while_it_is_read(tmp_path: Path, packed: str) -> None:
    blobs = Blobs()
    image = blobs.image([TAR], packed=packed)
    layout = Layout(blobs.write(tmp_path / "image.tar", image))
    (layer,) = layout.manifest(layout.image).layers
    with layout.layer(layer) as content:
        assert content.read() == TAR


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        (Platform(os="linux", architecture="amd64"), "linux/amd64"),
        (Platform(os="linux", architecture="arm", variant="v7"), "linux/arm/v7"),
    ],
)
def test_a_platform_is_named_as_docker_names_it(platform: Platform, text: str) -> None:
    assert str(platform) == text
