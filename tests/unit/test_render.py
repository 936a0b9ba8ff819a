"""Rendering is pure: every variant's Dockerfile is committed under tests/golden and compared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inferpack import locks, matrix, pipeline, recipes, render
from inferpack.model import Layer, Origin, Variant
from inferpack.render import Root

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = matrix.variants(recipes.load(ROOT / "recipes"))


def rendered(variant: Variant, our_root: Root, origin: Origin) -> str:
    lock = locks.read(locks.path_of(variant, ROOT / "recipes/locks"))
    wheels = pipeline.ordered(lock, variant)
    names = tuple(f"{wheel.name}-{wheel.version}" for wheel in wheels)
    return render.dockerfile(
        variant,
        root=our_root,
        layers=("base", *names, "selftest-data", "selftest"),
        lock=f"sha256:{lock.digest}",
        origin=origin,
        templates=ROOT / "templates",
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_renders_its_golden_dockerfile(
    variant: Variant, our_root: Root, origin: Origin
) -> None:
    golden = ROOT / "tests/golden" / f"{variant.id}.Dockerfile"
    text = rendered(variant, our_root, origin)
    if os.environ.get("INFERPACK_GOLDEN") == "write":
        golden.write_text(text)
    assert golden.exists(), "new variant: CONTRIBUTING.md says how to write its golden Dockerfile"
    assert text == golden.read_text()


def test_no_golden_is_left_of_a_variant_that_is_gone() -> None:
    goldens = {path.name for path in (ROOT / "tests/golden").glob("*.Dockerfile")}
    assert goldens == {f"{variant.id}.Dockerfile" for variant in VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_dockerfile_is_clean_to_hadolint(
    variant: Variant, our_root: Root, origin: Origin, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(rendered(variant, our_root, origin))
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_registry_base_is_named_by_digest_and_adds_no_root_file_system(
    onnxruntime: Variant, origin: Origin
) -> None:
    registry = Root(name="registry.example.org/python", digest="sha256:aa", environment={})
    text = rendered(onnxruntime, registry, origin)
    assert "FROM registry.example.org/python@sha256:aa\n" in text
    assert 'org.opencontainers.image.base.digest="sha256:aa"' in text


def test_labels_say_where_an_image_comes_from(
    onnxruntime: Variant, our_root: Root, origin: Origin
) -> None:
    assert render.labels(onnxruntime, our_root, "sha256:cc", origin) == {
        "org.opencontainers.image.title": "ONNX Runtime",
        "org.opencontainers.image.description": (
            f"ONNX Runtime {onnxruntime.version}: CPU inference, INT8 proven"
        ),
        "org.opencontainers.image.version": onnxruntime.version,
        "org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.source": "https://github.com/microsoft/onnxruntime",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.base.name": "inferpack/base:bookworm",
        "org.opencontainers.image.base.digest": "sha256:" + "b" * 64,
        "io.inferpack.variant": "onnxruntime-mlas-py311-amd64",
        "io.inferpack.backend": "mlas",
        "io.inferpack.lock": "sha256:cc",
        "io.inferpack.base.packages": "libc6=2.36-9 python3.11-minimal=3.11.2-6",
    }


def test_a_value_cannot_leave_its_quotes() -> None:
    assert render.quoted('a "b" \\ $HOME') == '"a \\"b\\" \\\\ \\$HOME"'


def test_a_context_holds_the_dockerfile_and_its_tars_and_nothing_older(tmp_path: Path) -> None:
    tar = tmp_path / "x.tar"
    tar.write_bytes(b"tar")
    folder = tmp_path / "context"
    (folder / "layers").mkdir(parents=True)
    (folder / "layers/old.tar").write_text("left over")
    render.write_context(folder, "FROM scratch\n", (Layer(name="x-1.0", tar=tar),))
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"x.tar", "context/Dockerfile", "context/layers/x-1.0.tar"}
