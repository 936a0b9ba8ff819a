"""A plan says of each variant what would run and why, and is the matrix of a CI engine."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import cli, history, hosts, images, keys, matrix, plan, proof, store, wheels
from inferpack.engine import Engine
from inferpack.errors import UsageError
from inferpack.history import Entry
from inferpack.keys import Keys
from inferpack.model import Arch, Variant
from inferpack.plan import Job, Plan, Step
from inferpack.stages import Stage
from inferpack.wheel import BuiltWheel
from inferpack.workshop import Workshop
from tests.unit import records

ORT, DEV = "onnxruntime-mlas-py311-amd64", "onnxruntime-mlas-py311-amd64-dev"
LLAMA, WHEEL = "llama-cpp-ggml-py311-amd64", "llama-cpp-python-ggml-amd64"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Held(Engine):
    """An engine that has what it was told it has: digests by names."""

    arch: Arch = Arch.AMD64
    names: dict[str, str] = dataclasses.field(default_factory=dict)

    def digest(self, reference: str) -> str | None:
        return self.names.get(reference)

    def version(self) -> str:
        return "26.1.5"


@pytest.fixture
def engine(tmp_path: Path) -> Held:
    return Held(logs=tmp_path)


@pytest.fixture
def shop(tmp_path: Path, engine: Held) -> Workshop:
    """The repository's recipes and locks, with nothing built."""
    for name in ("plugins", "recipes", "selftest", "templates", "wheels"):
        (tmp_path / name).symlink_to(cli.ROOT / name)
    return dataclasses.replace(cli.shop(), root=tmp_path, engine=engine)


@pytest.fixture
def variant(shop: Workshop) -> Variant:
    return matrix.select(shop.variants(), ORT)[0]


def made(shop: Workshop, engine: Held, variant: Variant, **other: Any) -> images.Image:
    """Records of an image proven here, as ./inv image leaves them, and the engine that has it."""
    inputs = Keys(shop=shop).here(variant)
    image = records.image(key=keys.key(inputs), inputs=inputs, revision="a" * 40, **other)
    images.record(shop.folder(variant), image)
    prove(shop, variant)
    engine.names.update({image.digest: image.digest, variant.reference: image.digest})
    return image


def prove(shop: Workshop, variant: Variant, machine: str = "", **other: Any) -> None:
    proven = records.proof(variant, **other)
    machine = machine or hosts.here()
    proof.record(shop.folder(variant), msgspec.structs.replace(proven, machine=machine))


def steps(shop: Workshop, glob: str = ORT, since: Path | None = None) -> dict[str, object]:
    planned = plan.make(shop, glob, since)
    return {job.id: {step.stage: step.why for step in job.steps} for job in planned.jobs}


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


def test_an_image_over_a_budget_of_today_is_no_success(
    shop: Workshop, engine: Held, variant: Variant
) -> None:
    made(shop, engine, variant, unpacked=500_000_000)
    assert steps(shop) == {ORT: {"image": ("over its budget",), "proof": ("image",)}}


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
    folder, inputs = shop.wheel_folder(wheel), Keys(shop=shop).wheel(wheel)
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


def test_time_is_told_from_history(shop: Workshop) -> None:
    for seconds in (10.0, 12.0, 99.0):
        folder = shop.root / "build" / ORT
        history.append(folder, Entry(at=1, revision="", seconds={"image": seconds, "proof": 5.0}))
    planned = plan.make(shop, f"{ORT},{DEV}")
    assert [step.seconds for job in planned.jobs for step in job.steps] == [12.0, 5.0, None, None]
    megabytes = sum(step.bytes for job in planned.jobs for step in job.steps) / 1e6
    assert plan.summary(planned) == (
        f"2 of 2 variants, {megabytes:.0f} MB to fetch; about 17 s, 17 s of it in a row ({ORT});"
        " 2 stages never ran, and how long they take is not known"
    )


def test_what_variants_share_is_fetched_once(shop: Workshop, engine: Held) -> None:
    """But once in each job of a CI engine."""
    for since, same in ((None, 0), (shop.root, plan.make(shop, DEV).images[0].steps[0].bytes)):
        planned = plan.make(shop, f"{ORT},{DEV}", since)
        assert [job.steps[0].bytes for job in planned.jobs[1:]] == [same]


def test_the_longest_chain_counts_wheels_before_images() -> None:
    def job(name: str, *needs: str) -> Job:
        return Job(id=name, arch=Arch.AMD64, steps=(), needs=needs)

    jobs = (job("wheel"), job("quick"), job("slow"), job("image", "wheel", "other"))
    seconds = {"wheel": 60.0, "quick": 1.0, "slow": 70.0, "image": 20.0}
    assert plan.critical_path(jobs, seconds) == (80.0, ("wheel", "image"))
    assert plan.critical_path((), {}) == (0.0, ())


def test_the_matrix_of_a_ci_engine_is_json(shop: Workshop) -> None:
    planned = plan.make(shop, f"{ORT},{WHEEL}")
    text = plan.encoded(planned)
    assert msgspec.json.decode(text, type=Plan) == planned
    assert set(msgspec.json.decode(text)) == {"schema", "revision", "wheels", "images", "unchanged"}
