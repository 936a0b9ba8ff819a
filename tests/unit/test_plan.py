"""A plan says of each variant what would run and why."""

import shutil
from pathlib import Path

import msgspec
import pytest

from inferpack import cli, images, keys, matrix, multiarch, plan, proof, store, wheels
from inferpack.errors import UsageError
from inferpack.keys import Keys
from inferpack.model import Arch, Variant
from inferpack.plan import Job, Step
from inferpack.stages import Stage
from inferpack.translation import Emulation
from inferpack.wheel import BuiltWheel
from inferpack.workshop import Workshop
from tests.unit import arm, planning
from tests.unit.planning import LLAMA, ORT, WHEEL, Held, listing, made, prove, steps

engine, shop, variant = planning.engine, planning.shop, planning.variant


def test_what_was_never_made_is_to_do(shop: Workshop) -> None:
    planned = plan.make(shop, ORT)
    (job,) = planned.images
    assert (planned.wheels, planned.unchanged) == ((), ())
    assert job == Job(
        id=ORT,
        arch=Arch.AMD64,
        steps=(
            Step(stage=Stage.IMAGE, why=("never made",), seconds=None, bytes=job.steps[0].bytes),
            Step(stage=Stage.PROOF, why=("image",), seconds=None),
        ),
    )
    assert 30e6 < job.steps[0].bytes < 60e6


def test_what_is_proven_is_unchanged(shop: Workshop, engine: Held, variant: Variant) -> None:
    made(shop, engine, variant)
    planned = plan.make(shop, ORT)
    assert (planned.jobs, planned.unchanged) == ((), (ORT,))
    assert plan.summary(planned) == "1 variants are unchanged: nothing to do"


def test_an_input_that_changed_is_named(shop: Workshop, engine: Held, variant: Variant) -> None:
    image = made(shop, engine, variant)
    older = {**image.inputs, "lock": "1", "selftest": "2"}
    images.record(shop.folder(variant), msgspec.structs.replace(image, inputs=older))
    assert steps(shop) == {ORT: {"image": ("lock", "selftest"), "proof": ("image",)}}


def test_only_the_proof_is_done_again_where_only_it_is_missing(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    made(shop, engine, variant)
    prove(shop, variant, passed=False)
    assert steps(shop) == {ORT: {"proof": ("its last proof failed",)}}
    proof.forget(shop.folder(variant))
    assert steps(shop) == {ORT: {"proof": ("never proven",)}}


def test_a_proof_holds_for_its_cpu(shop: Workshop, engine: Held, variant: Variant) -> None:
    made(shop, engine, variant)
    prove(shop, variant, machine="another model")
    assert steps(shop) == {ORT: {"proof": ("another CPU",)}}
    assert steps(shop, since=shop.root / "build") == {}


def test_an_image_that_the_engine_lost_is_built_again(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    image = made(shop, engine, variant)
    del engine.names[image.digest]
    assert steps(shop) == {ORT: {"image": ("gone from the engine",), "proof": ("image",)}}
    assert steps(shop, since=shop.root / "build") == {}


def test_an_image_without_its_name_gets_it(shop: Workshop, engine: Held, variant: Variant) -> None:
    image = made(shop, engine, variant)
    engine.names[images.unproven(variant)] = image.digest
    assert steps(shop) == {ORT: {"names": ("a run was ended before it",)}}
    assert steps(shop, since=shop.root / "build") == {}


def test_an_image_that_is_not_in_one_of_its_indexes_gets_there(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    """Whoever took it away, or a run that was killed; what else an index has is not its concern."""
    image = made(shop, engine, variant)
    unnamed = {ORT: {"names": ("a run was ended before it",)}}
    *others, last = listing(shop, variant)
    assert (len(others), last) == (2, "inferpack/onnxruntime:latest")
    right = engine.names.pop(last)
    assert steps(shop) == unnamed
    (beside,) = matrix.select(shop.variants(), ORT.replace("amd64", "arm64"))
    other = msgspec.structs.replace(image, digest="sha256:" + "b" * 64)
    images.record(shop.folder(beside), other)
    both = {Arch.AMD64: image, Arch.ARM64: other}
    found = {
        multiarch.digest_of(multiarch.document({Arch.ARM64: other})): unnamed,
        multiarch.digest_of(multiarch.document(both)): {},
        right: {},
    }
    for engine.names[last], expected in found.items():
        assert steps(shop) == expected


def test_an_image_over_a_budget_of_today_is_no_success(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    made(shop, engine, variant, unpacked=500_000_000)
    over = {ORT: {"image": ("over its budget",), "proof": ("image",)}}
    assert (steps(shop), steps(shop, since=shop.root / "build")) == (over, over)


def test_an_emulated_proof_holds_while_what_judged_it_does(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    """Code and data of ours that read QEMU's log; a real CPU's verdict is all the image's own."""
    made(shop, engine, variant)
    path = shop.folder(variant)
    again = {ORT: {"proof": ("inferpack's code",)}}
    for judge, expected in {"older": again, Keys(shop=shop).judge(variant): {}}.items():
        emulated = Emulation(qemu="10", model="x", translation=arm.SEEN, judge=judge)
        known = proof.read(path)
        assert known
        proof.record(path, msgspec.structs.replace(known, emulation=emulated))
        assert steps(shop) == expected


def test_records_of_elsewhere_are_compared_by_what_a_checkout_decides(
    shop: Workshop, engine: Held, variant: Variant, tmp_path: Path
) -> None:
    """Not by the engine and the programs of the machine that plans."""
    image = made(shop, engine, variant)
    other = {**image.inputs, "tools": "of another machine"}
    images.record(shop.folder(variant), msgspec.structs.replace(image, inputs=other))
    elsewhere = shop.folder(variant).parent.rename(tmp_path / "records")
    assert steps(shop, since=elsewhere) == {}
    assert steps(shop)[ORT] == {"image": ("never made",), "proof": ("image",)}


def test_a_folder_that_is_none_is_refused(shop: Workshop) -> None:
    with pytest.raises(UsageError, match="none: is no folder; name one with records"):
        plan.make(shop, ORT, Path("none"))


def test_a_lock_that_is_stale_is_the_reason_of_its_own_variants_only(shop: Workshop) -> None:
    (shop.root / "recipes").unlink()
    shutil.copytree(cli.ROOT / "recipes", shop.root / "recipes")
    recipe = shop.root / "recipes/onnxruntime.toml"
    recipe.write_text(recipe.read_text().replace("numpy>=2", "numpy>=2.1"))
    found = steps(shop, f"{ORT},openvino-onednn-py311-amd64")
    (why,) = found[ORT]["image"]  # type: ignore[index]
    assert why.endswith("is stale: the recipe or its base has changed since; run ./inv lock " + ORT)
    assert found["openvino-onednn-py311-amd64"] == {"image": ("never made",), "proof": ("image",)}


def test_an_image_waits_for_a_wheel_of_ours(shop: Workshop) -> None:
    planned = plan.make(shop, f"{LLAMA},{WHEEL}")
    assert [(job.id, job.needs) for job in planned.jobs] == [(WHEEL, ()), (LLAMA, (WHEEL,))]


def test_a_wheel_on_record_is_unchanged_while_its_file_is_whole(
    shop: Workshop, variant: Variant
) -> None:
    (wheel,) = matrix.select(shop.wheel_variants(), WHEEL)
    folder, inputs = shop.wheel_folder(wheel), Keys(shop=shop).wheel_here(wheel)
    file = store.write(folder / "llama.whl", "content")
    record = BuiltWheel(
        key=keys.key(inputs),
        variant=WHEEL,
        file=wheels.described(file),
        version=wheel.version,
        tags=(),
        glibc="2.34",
        seconds=400.0,
        built=1,
        source=(),
        patches=(),
        project=(),
        checks=(),
        tested=(),
        inputs=inputs,
    )
    store.write_record(folder / "wheel.json", record)
    assert plan.make(shop, WHEEL).unchanged == (WHEEL,)
    file.write_text("corrupt")
    assert steps(shop, WHEEL) == {WHEEL: {"wheel": ("never made",)}}
    assert plan.make(shop, WHEEL, shop.root / "build").unchanged == (WHEEL,)
