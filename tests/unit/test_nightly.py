"""A night goes on when a variant fails, and every variant's history tells what came of it."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from inferpack import cli, history, images, matrix, nightly, plan, proof, publish
from inferpack.errors import InferpackError
from inferpack.history import Entry
from inferpack.model import Arch, Variant
from inferpack.nightly import Outcome
from inferpack.plan import Job, Plan, Step
from inferpack.sending import Publisher
from inferpack.stages import Stage
from inferpack.wheel import WheelVariant
from inferpack.workshop import Workshop
from tests.unit import records

ORT, OPENVINO = "onnxruntime-mlas-py311-amd64", "openvino-onednn-py311-amd64"
ARM = "onnxruntime-mlas-py311-arm64"
LLAMA, WHEEL = "llama-cpp-ggml-py311-amd64", "llama-cpp-python-ggml-amd64"
NOW, COMMIT = 1_800_000_000, "c" * 40
PROVEN = Entry(
    at=records.MOMENT,
    revision="a" * 40,
    version="1.31.1",
    digest=records.DIGEST,
    unpacked=135_700_000,
    compressed=43_700_000,
    machine="AMD EPYC",
    seconds={"image": 1.0, "proof": 4.0},
    speedups={"digits": 2.4, "encoder": 2.4},
    kernels={
        "digits convolution": "brg_conv_fwd:avx512_core_vnni: fast int8 for avx512_vnni; "
        "brgconv_1x1:avx512_core_vnni: fast int8 for avx512_vnni",
        "digits linear": "brg_matmul:avx512_core_vnni: fast int8 for avx512_vnni",
        "encoder linear": "brg_matmul:avx512_core_vnni: fast int8 for avx512_vnni",
    },
)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """The repository's recipes, with nothing built, at a fixed time."""
    for name in ("plugins", "recipes", "selftest", "templates", "wheels"):
        (tmp_path / name).symlink_to(cli.ROOT / name)
    return dataclasses.replace(cli.shop(), root=tmp_path, now=lambda: NOW)


def job(name: str, *needs: str, arch: Arch = Arch.AMD64) -> Job:
    steps = (Step(stage=Stage.IMAGE, why=("lock",), seconds=None),)
    return Job(id=name, arch=arch, steps=steps, needs=needs)


def planned(*jobs: Job, unchanged: tuple[str, ...] = ()) -> Plan:
    made = {kind: tuple(one for one in jobs if (one.id == WHEEL) == kind) for kind in (True, False)}
    return Plan(revision=COMMIT, wheels=made[True], images=made[False], unchanged=unchanged)


def work(shop: Workshop, variant: Variant | WheelVariant) -> None:
    """Proves what is onnxruntime's; all else fails."""
    if not isinstance(variant, Variant) or variant.id != ORT:
        raise InferpackError(variant.id, "does not work")
    images.record(shop.folder(variant), records.image(revision="a" * 40))
    proof.record(shop.folder(variant), records.proof(variant))


def of(shop: Workshop, name: str) -> tuple[Entry, ...]:
    (variant,) = matrix.select(plan.every(shop), name)
    return history.read(nightly.folder_of(shop, variant))


def test_one_that_fails_stops_no_other(shop: Workshop) -> None:
    jobs = (job(OPENVINO), job(ORT))
    outcomes = nightly.run(shop, planned(*jobs), work)
    assert [(one.job, one.error) for one in outcomes] == [
        (jobs[0], f"{OPENVINO}: does not work"),
        (jobs[1], ""),
    ]
    error = Entry(at=NOW, revision=COMMIT, error=f"{OPENVINO}: does not work")
    assert (of(shop, OPENVINO), of(shop, ORT)) == ((error,), (PROVEN,))


def test_an_image_whose_wheel_failed_is_not_tried(shop: Workshop) -> None:
    outcomes = nightly.run(shop, planned(job(WHEEL), job(LLAMA, WHEEL)), work)
    assert [one.error for one in outcomes] == [
        f"{WHEEL}: does not work",
        f"{LLAMA}: needs {WHEEL}, which failed",
    ]
    assert [entry.error for entry in of(shop, LLAMA)] == [f"{LLAMA}: needs {WHEEL}, which failed"]


def test_what_was_proven_between_two_nights_is_remembered_once(shop: Workshop) -> None:
    (variant,) = matrix.select(shop.variants(), ORT)
    work(shop, variant)
    for _ in range(2):
        assert nightly.run(shop, planned(unchanged=(ORT,)), work) == ()
    assert of(shop, ORT) == (PROVEN,)


def test_what_is_not_proven_is_not_remembered(shop: Workshop) -> None:
    (variant,) = matrix.select(shop.variants(), ORT)
    work(shop, variant)
    proof.record(shop.folder(variant), records.proof(variant, digest="sha256:" + "b" * 64))
    nightly.run(shop, planned(unchanged=(ORT, WHEEL)), work)
    assert (of(shop, ORT), of(shop, WHEEL)) == ((), ())


def test_an_error_ends_with_a_night_that_finds_all_well(shop: Workshop) -> None:
    """As where what broke it was taken back: what is on record is what there should be."""
    (variant,) = matrix.select(shop.variants(), ORT)
    work(shop, variant)
    nightly.run(shop, planned(unchanged=(ORT,)), work)
    history.append(shop.folder(variant), Entry(at=NOW - 9, revision=COMMIT, error="is broken"))
    for _ in range(2):
        nightly.settle(shop, {ORT, OPENVINO})
    entries = of(shop, ORT)
    assert [(entry.at, entry.error) for entry in entries] == [
        (PROVEN.at, ""),
        (NOW - 9, "is broken"),
        (NOW, ""),
    ]
    assert msgspec.structs.replace(entries[-1], at=PROVEN.at) == PROVEN
    assert of(shop, OPENVINO) == ()


def test_what_is_unchanged_is_pushed_too(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier night may have been killed before it, or the registry was away, or still is."""
    pushed = list[tuple[str, ...]]()

    def push(_: Workshop, __: object, variants: tuple[Variant, ...]) -> None:
        pushed.append(tuple(variant.id for variant in variants))
        if OPENVINO in pushed[-1]:
            raise InferpackError("registry", "is away")

    monkeypatch.setattr(publish, "push_images", push)
    monkeypatch.setattr(plan, "make", lambda *_: planned(unchanged=(ORT, ARM, OPENVINO, WHEEL)))
    to = Publisher(registry="registry", tools=None, signer=None)  # type: ignore[arg-type]
    assert nightly.night(shop, "*", lambda *_: pytest.fail(), to) == 1
    assert pushed == [(ORT, ARM), (OPENVINO,)]
    assert nightly.night(shop, "*", lambda *_: pytest.fail()) == 0


def test_it_gets_ready_for_the_images_and_the_wheels_that_it_makes(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image's wheels are made on this machine, wherever the image is."""
    jobs = (job(ORT), job(LLAMA.replace("amd64", "arm64"), WHEEL, arch=Arch.ARM64))
    asked = list[tuple[object, object]]()
    monkeypatch.setattr(plan, "make", lambda *_: planned(*jobs))
    monkeypatch.setattr(nightly, "run", lambda *_: ())
    assert nightly.night(shop, "*", lambda *archs: asked.append(archs)) == 0
    assert asked == [({Arch.AMD64, Arch.ARM64}, {Arch.ARM64})]


def test_a_bug_keeps_its_traceback(shop: Workshop) -> None:
    def wrong(shop: Workshop, variant: Variant | WheelVariant) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        nightly.run(shop, planned(job(ORT)), wrong)


def test_the_table_has_a_row_for_each(shop: Workshop) -> None:
    proven = msgspec.structs.replace(
        job(ORT),
        steps=(*job(ORT).steps, Step(stage=Stage.PROOF, why=("image",), seconds=None)),
    )
    outcomes = (
        Outcome(job=proven, seconds=12.34),
        Outcome(job=job(OPENVINO), seconds=1.0, error=f"{OPENVINO}: does not work\nsee"),
    )
    assert nightly.rows(outcomes) == [
        (ORT, "image, proof", "12.3", ""),
        (OPENVINO, "FAILED", "1.0", f"{OPENVINO}: does not work"),
    ]


def test_it_ends_with_counts_and_what_took_longest() -> None:
    jobs = (job(WHEEL), job(LLAMA, WHEEL), job(ORT), job(OPENVINO))
    seconds = (400.0, 20.0, 12.0, 30.0)
    outcomes = tuple(
        Outcome(job=one, seconds=took, error="no" * (one.id == ORT))
        for one, took in zip(jobs, seconds, strict=True)
    )
    night = planned(*jobs, unchanged=("other",))
    assert nightly.conclusion(night, outcomes, 462.0).splitlines() == [
        "3 ok, 1 failed, 1 unchanged, in 8 min",
        f"slowest: {WHEEL} 7 min, {OPENVINO} 30 s, {LLAMA} 20 s",
        f"critical path: 7 min ({WHEEL} → {LLAMA})",
    ]
    assert nightly.conclusion(planned(unchanged=("a", "b")), (), 0.8) == (
        "0 ok, 0 failed, 2 unchanged, in 1 s"
    )
