"""An old and a new image side by side, told from what was recorded of both."""

from pathlib import Path

import pytest

from inferpack import base, pipeline, store, trial
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.fetch import Unreachable
from inferpack.images import Image
from inferpack.indexes import Indexes
from inferpack.model import Arch, Origin, Variant
from inferpack.proof import Proof
from inferpack.trial import trials
from inferpack.workshop import Workshop
from tests.unit import records

Made = dict[str, Image | InferpackError]


@pytest.fixture
def sides(tmp_path: Path, root: Path) -> tuple[Workshop, Workshop]:
    """Two checkouts of the same recipes."""
    made = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipes").symlink_to(root / "recipes")
        shop = Workshop(
            root=tmp_path / name,
            engine=Engine(logs=tmp_path),
            indexes=Indexes,
            origin=lambda: Origin(revision="", created=0),
            now=lambda: 0,
        )
        made.append(shop)
    return made[0], made[1]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What becomes of each side's image; the new one is smaller, and less often right."""
    found: Made = {
        "old": records.image(),
        "new": records.image(digest=f"sha256:{'b' * 64}", unpacked=120_000_000),
    }
    monkeypatch.setattr(base, "native", lambda: Arch.AMD64)

    def build(shop: Workshop, variant: Variant) -> tuple[Image, Proof]:
        outcome = found[shop.root.name]
        if isinstance(outcome, InferpackError):
            raise outcome
        agreement = 0.998 if shop.root.name == "old" else 0.9
        proof = records.proof(variant, digest=outcome.digest, agreement=agreement)
        store.write_record(shop.folder(variant) / "image.json", outcome)
        store.write_record(shop.folder(variant) / "proof.json", proof)
        return outcome, proof

    monkeypatch.setattr(trial, "made", build)
    return found


def test_what_changed_is_told_and_then_both_sides(
    sides: tuple[Workshop, Workshop], made: Made, onnxruntime: Variant
) -> None:
    (told,) = trials(*sides, (onnxruntime,))
    version = onnxruntime.version
    report = f"""\
  onnxruntime {version} (mlas) on AMD EPYC, 2 threads, judged as avx512_vnni
  digits: FP32 98.9% right, 50,000 images/s
"""
    assert str(told).startswith(
        f"{onnxruntime.id}\n"
        "       unpacked: 135.7 MB → 120.0 MB (-11.6%)\n"
        "WORSE  digits agreement: 99.80% → 90.00%\n"
        "2 changes, 1 for the worse\n\n"
        f"before: 135.7 MB unpacked, 43.7 MB to pull\n{report}"
    )
    after = f"\n\nafter: 120.0 MB unpacked, 43.7 MB to pull\n{report}"
    assert after in str(told)
    assert (
        "  INT8 kernel: convolution brg_conv_fwd:avx512_core_vnni: fast int8 for avx512_vnni\n"
        in str(told)
    )


def test_what_fails_is_told_with_what_was_before(
    sides: tuple[Workshop, Workshop], made: Made, onnxruntime: Variant
) -> None:
    made["new"] = InferpackError(onnxruntime.id, "INT8 is not proven: it is slow", "a log")
    (told,) = trials(*sides, (onnxruntime,))
    assert told.failed == f"{onnxruntime.id}: INT8 is not proven: it is slow"
    assert str(told).startswith(f"{onnxruntime.id}\nFAILS: {told.failed}\n\nbefore: 135.7 MB")
    assert "after: " not in str(told)


def test_where_the_old_side_fails_nothing_is_known_of_the_new_one(
    sides: tuple[Workshop, Workshop], made: Made, onnxruntime: Variant
) -> None:
    made["old"] = InferpackError(onnxruntime.id, "INT8 is not proven: it is slow", "a log")
    with pytest.raises(InferpackError) as caught:
        tuple(trials(*sides, (onnxruntime,)))
    assert str(caught.value) == (
        f"{onnxruntime.id}: what HEAD has cannot be compared with: INT8 is not proven: it is slow; "
        "nothing is proposed"
    )


def test_an_index_that_is_down_says_nothing_of_the_new_side(
    sides: tuple[Workshop, Workshop], made: Made, onnxruntime: Variant
) -> None:
    made["new"] = Unreachable("an index", "is down")
    with pytest.raises(Unreachable):
        tuple(trials(*sides, (onnxruntime,)))


def test_a_proof_that_fails_is_tried_once_more(
    sides: tuple[Workshop, Workshop], onnxruntime: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, slow = records.proof(onnxruntime), InferpackError(onnxruntime.id, "it is slow")
    outcomes: list[Proof | InferpackError] = [slow, proof, slow, slow]

    def prove(*_: object) -> Proof:
        outcome = outcomes.pop(0)
        if isinstance(outcome, InferpackError):
            raise outcome
        return outcome

    monkeypatch.setattr(pipeline, "prove", prove)
    assert trial.prove(sides[0], onnxruntime, records.image()) is proof
    with pytest.raises(InferpackError):
        trial.prove(sides[0], onnxruntime, records.image())
    assert outcomes == []


def test_what_this_machine_does_not_run_by_default_is_left_to_others(
    sides: tuple[Workshop, Workshop], made: Made
) -> None:
    every = sides[0].variants("onnxruntime")
    assert len(every) == 4
    assert [item.variant for item in trials(*sides, every)] == ["onnxruntime-mlas-py311-amd64"]
    foreign = tuple(item for item in every if item.arch is Arch.ARM64)
    assert tuple(trials(*sides, foreign)) == ()
