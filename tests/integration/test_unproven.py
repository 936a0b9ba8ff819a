"""An image gets its name only by a proof, and loses it with the proof."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import images, pipeline, proof
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.expectation import Least, Operator, Row
from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.integration.breaking import MLAS

NAMESPACE = "inferpack-test"

only_mlas = pytest.mark.parametrize("variant", [MLAS], indirect=True)


@pytest.fixture
def apart(shop: Workshop, variant: Variant, engine: Engine, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop that shares caches with the real one, but builds and names elsewhere."""
    for name in ("recipes", "templates", "selftest", ".cache", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    yield dataclasses.replace(shop, root=tmp_path)
    own = dataclasses.replace(variant, namespace=NAMESPACE)
    for reference in (own.reference, images.unproven(own)):
        engine.remove(reference)


@only_mlas
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            Row(cpu=(), kernels=dict.fromkeys(Operator, Least.SVE), speedup=1.0),
            "digits: int8 kernels: convolution: expected fast int8 for sve or better,"
            " saw CPUExecutionProvider/QLinearConv (fast int8 for ",
        ),
        (
            Row(cpu=(), kernels=dict.fromkeys(Operator, Least.SLOW), speedup=1000.0),
            "digits: int8 speed: expected >= 1000 times fp32, saw ",
        ),
    ],
)
def test_an_image_whose_proof_fails_is_not_named(
    engine: Engine, variant: Variant, apart: Workshop, row: Row, reason: str
) -> None:
    """The whole pipeline, with an expectation that nothing meets."""
    expectation = msgspec.structs.replace(variant.recipe.proof, rows=(row,))
    recipe = msgspec.structs.replace(variant.recipe, proof=expectation)
    impossible = dataclasses.replace(variant, recipe=recipe, namespace=NAMESPACE)
    with pytest.raises(InferpackError) as err:
        pipeline.image(apart, impossible)
    assert str(err.value).startswith(f"{variant.id}: INT8 is not proven: {reason}")
    assert engine.digest(impossible.reference) is None
    assert proof.read(apart.folder(variant)) is None


class Crashing(Engine):
    """An engine in which every container dies of SIGSEGV."""

    def run(self, *_words: Any, **_options: Any) -> Finished:
        return Finished(code=139, stdout="", stderr="")


@only_mlas
def test_a_proof_that_fails_later_is_forgotten(variant: Variant, apart: Workshop) -> None:
    own = dataclasses.replace(variant, namespace=NAMESPACE)
    assert pipeline.image(apart, own).report.passed
    broken = dataclasses.replace(apart, engine=Crashing(logs=apart.engine.logs))
    with pytest.raises(InferpackError, match="selftest was killed by SIGSEGV"):
        pipeline.image(broken, own, again=True)
    assert proof.read(apart.folder(variant)) is None
