"""What an image is made of is read from its record and the files that it was made from."""

import dataclasses
import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from inferpack import archive, cli, images, ingredients, rootfs, store
from inferpack.errors import InferpackError
from inferpack.images import Image
from inferpack.model import File, LockedWheel, Package, Variant
from inferpack.wheel import BuiltWheel
from inferpack.wheelhouse import path_of
from inferpack.workshop import Workshop
from tests.unit import debs, records
from tests.unit.tiny_wheels import tiny

DOCUMENTED = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
LICENSE = f"{DOCUMENTED}\nFiles: *\nLicense: Zlib\n"
SBOM = "build/onnxruntime-mlas-py311-amd64/sbom.cdx.json"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """The repository's recipes, with an empty cache; asking pip for an index fails."""
    (tmp_path / "recipes").symlink_to(cli.ROOT / "recipes")
    (tmp_path / "wheels").symlink_to(cli.ROOT / "wheels")
    return dataclasses.replace(cli.shop(), root=tmp_path, indexes=lambda: pytest.fail("asked"))


def cached_deb(shop: Workshop, name: str, files: rootfs.Tree, fields: str = "") -> Package:
    scratch = shop.root / "scratch.tar"
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\n{fields}"
    head = debs.tar_of({"control": rootfs.File(control.encode())}, scratch)
    data = debs.tar_of(files, scratch)
    whole = debs.ar(debian_binary=b"2.0\n", control_tar=head, data_tar=data)
    package = debs.package(name, "1.0-1", hashlib.sha256(whole).hexdigest())
    store.write(shop.cache / "debs" / f"{package.file.sha256}.deb", whole)
    return package


def cached_wheel(
    shop: Workshop, name: str, version: str, *, requires: tuple[str, ...] = (), licence: str
) -> LockedWheel:
    file_name = f"{name}-{version}-py3-none-any.whl"
    data = tiny(file_name, requires=requires, fields=(f"License-Expression: {licence}",))
    digest = hashlib.sha256(data).hexdigest()
    file = File(name=file_name, size=len(data), sha256=digest)
    wheel = LockedWheel(name=name, version=version, file=file)
    store.write(path_of(wheel, shop.cache), data)
    return wheel


@pytest.fixture
def image(shop: Workshop, onnxruntime: Variant) -> Image:
    """Two Debian packages, of which one only links to the other's papers, and two wheels."""
    doc = "usr/share/doc"
    papers: rootfs.Tree = {f"{doc}/libtiny1/copyright": rootfs.File(LICENSE.encode())}
    link: rootfs.Tree = {f"{doc}/tiny": rootfs.Link("libtiny1")}
    needs = "Pre-Depends: libtiny1 (= 1.0-1)\nDepends: dpkg | debconf (>= 0.5), awk:any\n"
    asked = (
        *('Numpy >=2; python_version == "3.11"', "flatbuffers"),
        *('tiny; platform_machine == "aarch64"', 'tiny; extra == "more"'),
    )
    made = records.image(
        debian=(cached_deb(shop, "libtiny1", papers), cached_deb(shop, "tiny", link, needs)),
        wheels=(
            cached_wheel(shop, "numpy", "2.4.6+inferpack.1", licence="BSD-3-Clause"),
            cached_wheel(
                shop, "onnxruntime", onnxruntime.cell.version, requires=asked, licence="MIT"
            ),
        ),
    )
    return images.record(shop.folder(onnxruntime), made)


def test_licences_and_needs_come_from_the_packages_themselves(
    shop: Workshop, onnxruntime: Variant, image: Image
) -> None:
    assert ingredients.write_sbom(shop, onnxruntime) == SBOM
    document = json.loads((shop.root / SBOM).read_text())
    parts = document["components"][1:]  # the first is ours
    assert {part["name"]: part.get("licenses") for part in parts} == {
        "libtiny1": [{"license": {"name": "Zlib", "acknowledgement": "declared"}}],
        "numpy": [{"license": {"id": "BSD-3-Clause", "acknowledgement": "declared"}}],
        "onnxruntime": [{"license": {"id": "MIT", "acknowledgement": "declared"}}],
        "tiny": None,
    }
    names = {part["bom-ref"]: part["name"] for part in parts}
    edges = {names.get(edge["ref"]): edge.get("dependsOn", []) for edge in document["dependencies"]}
    assert {name: [names[ref] for ref in refs] for name, refs in edges.items() if name} == {
        "libtiny1": [],
        "numpy": [],
        "onnxruntime": ["numpy"],
        "tiny": ["libtiny1"],
    }


@pytest.mark.usefixtures("image")
def test_two_calls_write_the_same_bytes(shop: Workshop, onnxruntime: Variant) -> None:
    path = shop.root / ingredients.write_sbom(shop, onnxruntime)
    first = path.read_bytes()
    assert ingredients.write_sbom(shop, onnxruntime) == SBOM
    assert path.read_bytes() == first


def test_a_wheel_that_was_built_here_tells_its_sources(
    shop: Workshop, onnxruntime: Variant, image: Image
) -> None:
    source = File(name="numpy-2.4.6.tar.gz", size=9, sha256="5" * 64)
    built = BuiltWheel(
        key="",
        variant="numpy-plain-amd64",
        file=image.wheels[0].file,
        version="2.4.6+inferpack.1",
        tags=(),
        glibc="2.34",
        seconds=1.0,
        built=0,
        source=(source,),
        patches=(),
        project=(),
        checks=(),
        tested=(),
    )
    folder = shop.root / "build/wheels"
    other = msgspec.structs.replace(built, file=source, source=(image.wheels[0].file,))
    store.write_record(folder / "a/wheel.json", other)
    store.write_record(folder / "b/wheel.json", built)
    ingredients.write_sbom(shop, onnxruntime)
    document = json.loads((shop.root / SBOM).read_text())
    assert [part["pedigree"] for part in document["components"] if "pedigree" in part] == [
        {
            "ancestors": [
                {
                    "type": "file",
                    "name": "numpy-2.4.6.tar.gz",
                    "hashes": [{"alg": "SHA-256", "content": "5" * 64}],
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("field", "upstream"),
    [
        ("", ""),
        ("Source: glibc\n", "glibc"),
        ("Source: bzip2 (1.0.8-5)\n", "bzip2@1.0.8-5"),  # libbz2-1.0 1.0.8-5+b1
    ],
)
def test_a_packages_source_is_the_one_that_it_names(
    tmp_path: Path, field: str, upstream: str
) -> None:
    found = debs.made("tiny", {}, tmp_path / "tar", fields=field)
    assert ingredients.debian_part(debs.package("tiny", "1.0-1"), found).upstream == upstream


def refusal(shop: Workshop, variant: Variant) -> str:
    with pytest.raises(InferpackError) as caught:
        ingredients.write_sbom(shop, variant)
    assert not (shop.root / SBOM).exists()
    return str(caught.value)


def test_without_an_image_on_record_there_is_nothing_to_tell(
    shop: Workshop, onnxruntime: Variant
) -> None:
    said = "onnxruntime-mlas-py311-amd64: no image is on record; "
    said += "run ./inv image onnxruntime-mlas-py311-amd64"
    assert refusal(shop, onnxruntime) == said


def test_an_image_of_another_version_than_the_recipes_is_refused(
    shop: Workshop, onnxruntime: Variant, image: Image
) -> None:
    older = msgspec.structs.replace(image.wheels[1], version="1.30.0")
    images.record(shop.folder(onnxruntime), msgspec.structs.replace(image, wheels=(older,)))
    said = "onnxruntime-mlas-py311-amd64: the image on record holds onnxruntime 1.30.0, "
    said += f"the recipe asks for {onnxruntime.version}; "
    said += "run ./inv image onnxruntime-mlas-py311-amd64"
    assert refusal(shop, onnxruntime) == said


def test_a_debian_package_that_is_not_what_it_was_is_fetched_again(
    shop: Workshop, onnxruntime: Variant, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.cache / "debs" / f"{image.debian[1].file.sha256}.deb"
    whole = path.read_bytes()
    path.write_bytes(b"other")
    monkeypatch.setattr(archive, "resolve", lambda *_, **__: path.write_bytes(whole))
    assert ingredients.write_sbom(shop, onnxruntime) == SBOM


def test_a_debian_package_that_debian_has_no_more_is_one_line(
    shop: Workshop, onnxruntime: Variant, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.cache / "debs" / f"{image.debian[1].file.sha256}.deb").unlink()
    monkeypatch.setattr(archive, "resolve", lambda *_, **__: ())
    said = "tiny_1.0-1_amd64.deb: is in Debian no more, so nobody can tell its licence; "
    said += "./inv lock onnxruntime-mlas-py311-amd64 --upgrade takes what is there now"
    assert refusal(shop, onnxruntime) == said
