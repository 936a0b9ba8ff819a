import io
import json
import tarfile

from msgspec.structs import replace

from inferpack import images, matrix, multiarch
from inferpack.model import Arch, Backend, Cell, Flavour, Recipe, Variant

RUNTIME_AND_DEV = (Flavour.RUNTIME, Flavour.DEV)


def cell(backend: Backend, arch: Arch, version: str, target: str = "generic") -> Cell:
    requires = (f"toy=={version}",)
    return Cell(
        backend=backend, arch=arch, requires=requires, flavours=RUNTIME_AND_DEV, target=target
    )


def ids(recipe: Recipe, *cells: Cell) -> dict[str, list[str]]:
    """What the runtime's indexes of a recipe with these cells hold."""
    known = matrix.variants((replace(recipe, name="toy", matrix=cells),))
    return {
        index.reference.removeprefix("inferpack/"): [variant.id for variant in index.variants]
        for index in multiarch.indexes(known)
        if not index.reference.endswith("-dev")
    }


def test_one_version_on_both_architectures_is_one_index(onnxruntime: Variant) -> None:
    both = ["toy-mlas-py311-amd64", "toy-mlas-py311-arm64"]
    assert ids(
        onnxruntime.recipe,
        cell(Backend.MLAS, Arch.AMD64, "1.2"),
        cell(Backend.MLAS, Arch.ARM64, "1.2"),
    ) == {"toy:1.2-mlas": both, "toy:1.2": both, "toy:latest": both}


def test_the_plain_version_is_the_best_backend_and_latest_spans_versions(
    onnxruntime: Variant,
) -> None:
    amd64, acl = "toy-onednn-py311-amd64", "toy-onednn-acl-py311-arm64"
    assert ids(
        onnxruntime.recipe,
        cell(Backend.ONEDNN, Arch.AMD64, "2.0"),
        cell(Backend.ONEDNN_ACL, Arch.ARM64, "1.9"),
        cell(Backend.OPENBLAS, Arch.ARM64, "1.9"),
    ) == {
        "toy:2.0-onednn": [amd64],
        "toy:2.0": [amd64],
        "toy:latest": [amd64, acl],
        "toy:1.9-onednn-acl": [acl],
        "toy:1.9": [acl],
        "toy:1.9-openblas": ["toy-openblas-py311-arm64"],
    }


def test_flavours_have_indexes_of_their_own(onnxruntime: Variant) -> None:
    known = matrix.variants(
        (replace(onnxruntime.recipe, matrix=(cell(Backend.MLAS, Arch.AMD64, "1.2"),)),)
    )
    assert [index.reference for index in multiarch.indexes(known)] == [
        "inferpack/onnxruntime:1.2-mlas",
        "inferpack/onnxruntime:1.2",
        "inferpack/onnxruntime:latest",
        "inferpack/onnxruntime:1.2-mlas-dev",
        "inferpack/onnxruntime:1.2-dev",
        "inferpack/onnxruntime:latest-dev",
    ]


def test_an_image_for_one_cpu_target_is_in_no_index(onnxruntime: Variant) -> None:
    assert ids(onnxruntime.recipe, cell(Backend.MLAS, Arch.ARM64, "1.2", "neoverse-v1")) == {}


def image(digest: str, size: int) -> images.Image:
    return images.Image(
        key="",
        digest=digest,
        manifest_size=size,
        unpacked=0,
        compressed=0,
        seconds=0,
        built=0,
        revision="",
        created=0,
        debian=(),
        wheels=(),
    )


def test_an_index_names_each_platform_s_manifest() -> None:
    found = {Arch.ARM64: image("sha256:b", 2), Arch.AMD64: image("sha256:a", 1)}
    assert json.loads(multiarch.document(found)) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": f"sha256:{digest}",
                "size": size,
                "platform": {"architecture": arch, "os": "linux"},
            }
            for digest, size, arch in (("a", 1, "amd64"), ("b", 2, "arm64"))
        ],
    }


def test_what_is_loaded_holds_the_index_under_its_name_and_no_image() -> None:
    with tarfile.open(
        fileobj=io.BytesIO(multiarch.archive("docker.io/inferpack/toy:1", b"{}"))
    ) as tar:
        files = {name: tar.extractfile(name) for name in tar.getnames()}
        content = {name: file.read() for name, file in files.items() if file}
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert content[f"blobs/sha256/{sha256}"] == b"{}"
    assert sorted(content) == [f"blobs/sha256/{sha256}", "index.json", "oci-layout"]
    (descriptor,) = json.loads(content["index.json"])["manifests"]
    assert descriptor["annotations"] == {
        "io.containerd.image.name": "docker.io/inferpack/toy:1",
        "org.opencontainers.image.ref.name": "1",
    }
