"""`./inv list` tells from files alone how far each variant is."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from inferpack import cli, images, locks, proof, status
from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.unit.test_proof import REPORT

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """The repository's recipes and locks, with nothing built, at a fixed time."""
    for name in ("recipes", "selftest", "templates"):
        (tmp_path / name).symlink_to(cli.ROOT / name)
    return dataclasses.replace(cli.shop(), root=tmp_path, now=lambda: 10_000)


@pytest.fixture
def built(shop: Workshop, onnxruntime: Variant) -> images.Image:
    image = images.Image(
        key="",
        digest=DIGEST,
        manifest_size=1_000,
        unpacked=135_700_000,
        compressed=43_700_000,
        seconds=1.0,
        built=2_800,
        revision="",
        created=0,
        debian=(),
        wheels=locks.read(shop.lock_path(onnxruntime)).wheels,
    )
    return images.record(shop.folder(onnxruntime), image)


def prove(shop: Workshop, variant: Variant, digest: str) -> None:
    report = msgspec.convert(REPORT, proof.Report)
    made = proof.Proof(digest=digest, machine="", proven=0, seconds=1.0, report=report)
    proof.record(shop.folder(variant), made)


def row(shop: Workshop, variant: Variant) -> tuple[str, ...]:
    return status.row(shop, variant)[2:]


def test_a_variant_with_nothing_but_a_lock_is_locked(shop: Workshop, onnxruntime: Variant) -> None:
    assert row(shop, onnxruntime) == ("locked", "", "", "", "")


def test_an_image_without_a_proof_is_built(
    shop: Workshop, onnxruntime: Variant, built: images.Image
) -> None:
    assert row(shop, onnxruntime) == ("built", "135.7 MB", "43.7 MB", "", "2 h")


def test_an_image_with_its_proof_is_proven(
    shop: Workshop, onnxruntime: Variant, built: images.Image
) -> None:
    prove(shop, onnxruntime, DIGEST)
    assert row(shop, onnxruntime) == ("proven", "135.7 MB", "43.7 MB", "2.00 x", "2 h")


def test_a_proof_of_another_image_does_not_count(
    shop: Workshop, onnxruntime: Variant, built: images.Image
) -> None:
    prove(shop, onnxruntime, "sha256:" + "b" * 64)
    assert row(shop, onnxruntime)[0] == "built"


def test_an_image_of_an_older_lock_is_stale(
    shop: Workshop, onnxruntime: Variant, built: images.Image
) -> None:
    images.record(shop.folder(onnxruntime), msgspec.structs.replace(built, wheels=()))
    prove(shop, onnxruntime, DIGEST)
    assert row(shop, onnxruntime)[0] == "stale"


def test_a_changed_requirement_makes_the_lock_stale(
    shop: Workshop, onnxruntime: Variant, built: images.Image
) -> None:
    cell = msgspec.structs.replace(onnxruntime.cell, requires=("onnxruntime==9.9",))
    assert row(shop, dataclasses.replace(onnxruntime, cell=cell))[0] == "stale"


def test_explain_says_what_a_variant_resolves_to(shop: Workshop, onnxruntime: Variant) -> None:
    found = status.sections(shop, onnxruntime)
    assert list(found) == [
        "version",
        "base",
        "wheels",
        "environment",
        "needs of a CPU",
        "threads",
        "remove",
        "strip",
        "leave uncompiled",
        "labels",
        "tags",
        "budget",
        "expectations",
    ]
    assert found["version"] == [onnxruntime.version]
    assert found["tags"] == [f"inferpack/onnxruntime:{onnxruntime.version}-mlas-py311-amd64"]
    assert "ORT_DISABLE_TELEMETRY=1" in found["environment"]
