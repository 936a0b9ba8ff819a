"""Of an engine only that goes which a record of this checkout names, and nobody else has."""

import dataclasses
from pathlib import Path

import pytest

from inferpack import (
    clean,
    images,
    matrix,
    multiarch,
    needs,
    owned,
    proof,
    store,
    verify,
    wheel_tests,
)
from inferpack.budget import Item, Stock
from inferpack.builder import BuilderRecord
from inferpack.buildx import Manifest
from inferpack.model import Arch, Variant
from inferpack.owned import IN_USE
from inferpack.workshop import Workshop
from tests.unit import records
from tests.unit.cleaning import NoEngine, place
from tests.unit.fake_engine import FakeEngine

OLD, NEW, ARM = (f"sha256:{letter * 64}" for letter in "0ab")
ARM_ID = "onnxruntime-mlas-py311-arm64"
NAME, ARM_NAME = "inferpack/onnxruntime:2-amd64", "inferpack/onnxruntime:2-arm64"
OLDER, BOTH, ONE = (f"inferpack/onnxruntime:{tag}" for tag in ("1-amd64", "latest", "1"))


def index(**named: str) -> str:
    """Its digest."""
    found = {Arch(arch): Manifest(digest=digest, size=1_000) for arch, digest in named.items()}
    return multiarch.digest_of(multiarch.naming(found))


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    """It has today's images of both architectures, one of before, and an index of each time."""
    names = {NAME: NEW, ARM_NAME: ARM, OLDER: OLD}
    names |= {BOTH: index(amd64=NEW, arm64=ARM), ONE: index(amd64=OLD)}
    return FakeEngine(logs=tmp_path, names=names)


@pytest.fixture
def shop(tmp_path: Path, engine: FakeEngine, onnxruntime: Variant) -> Workshop:
    """A checkout that has made all of that."""
    shop = dataclasses.replace(place(tmp_path).shop, engine=engine)
    (arm,) = matrix.select(shop.variants(), ARM_ID)
    for variant, digests in ((onnxruntime, (OLD, NEW)), (arm, (ARM,))):
        for digest in digests:
            images.record(shop.folder(variant), records.image(digest=digest))
        proof.record(shop.folder(variant), records.proof(variant, digest=digests[-1]))
        (shop.folder(variant) / ".lock").touch()
    return shop


def items(shop: Workshop) -> list[Item]:
    folders = tuple(path.parent for path in sorted(shop.root.glob("build/**/.lock")))
    return list(owned.items(shop, needs.of(shop), folders))


def free(shop: Workshop, *names: str) -> None:
    for item in items(shop):
        if item.name in names:
            item.free()


def told(shop: Workshop) -> dict[str, tuple[bool, str]]:
    return {item.name: (item.needed, item.kept) for item in items(shop)}


def test_the_image_on_record_is_needed_and_those_before_it_are_not(shop: Workshop) -> None:
    assert told(shop) == {NAME: (True, ""), ARM_NAME: (True, ""), OLDER: (False, "")}
    used = {item.name: item.used for item in items(shop)}
    assert used == {NAME: records.MOMENT, ARM_NAME: records.MOMENT, OLDER: 1}


@pytest.mark.parametrize(("cached", "freed"), [([], [50, 150]), ([7], [20, 120])])
def test_an_image_weighs_what_no_other_image_nor_buildkit_has(
    shop: Workshop, engine: FakeEngine, cached: list[int], freed: list[int]
) -> None:
    engine.cached.extend(cached)
    del engine.names[ARM_NAME]
    found = {item.name: item for item in items(shop)}
    stock = Stock.of(found.values())
    assert stock.size == 100 + 2 * 20 + 2 * 30
    assert [stock.take(found[NAME]), stock.take(found[OLDER])] == freed


def test_what_no_record_names_is_left_alone_whatever_it_is_called(
    shop: Workshop, engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {
        "inferpack/onnxruntime:3-amd64-unproven": "sha256:" + "c" * 64,
        "inferpack/builder:fasttext": "sha256:" + "d" * 64,
        "debian:12": "sha256:" + "e" * 64,
    }
    engine.names.update(others)
    free(shop, *told(shop))
    assert engine.names == others
    assert "left alone: 2 images of no record here, as inferpack/" in capsys.readouterr().err


@pytest.mark.parametrize("given", [OLDER, ONE])
def test_a_name_that_somebody_has_given_stays_and_so_does_what_it_names(
    shop: Workshop, engine: FakeEngine, given: str
) -> None:
    digest = engine.names["team/app:1"] = engine.names[given]
    (item,) = (item for item in items(shop) if item.name == OLDER)
    assert Stock.of([item]).take(item) == 0
    item.free()
    assert {name for name, it in engine.names.items() if it in (OLD, digest)} == {"team/app:1"}
    assert OLDER not in told(shop)


@pytest.mark.parametrize("state", ["running", "exited"])
def test_an_image_that_a_container_is_made_from_stays(
    shop: Workshop, engine: FakeEngine, state: str
) -> None:
    engine.run_from(OLD, "web", state=state)
    engine.run_from(engine.names[BOTH], "of-index", state=state)
    assert told(shop) == {NAME: (True, IN_USE), ARM_NAME: (True, IN_USE), OLDER: (False, IN_USE)}


def test_with_an_image_the_indexes_of_it_alone_go(shop: Workshop, engine: FakeEngine) -> None:
    free(shop, OLDER)
    assert sorted(engine.names) == sorted([NAME, ARM_NAME, BOTH])
    assert told(shop) == {NAME: (True, ""), ARM_NAME: (True, "")}


def test_an_index_of_two_is_then_of_the_other(shop: Workshop, engine: FakeEngine) -> None:
    free(shop, NAME)
    assert engine.names[BOTH] == index(arm64=ARM)
    free(shop, ARM_NAME)
    assert sorted(engine.names) == sorted([OLDER, ONE])


def test_an_index_whose_images_have_lost_their_names_goes_as_they_would_have(
    shop: Workshop, engine: FakeEngine
) -> None:
    """As after a kill between the two."""
    for name in (OLDER, NAME):
        del engine.names[name]
    assert told(shop) == {ONE: (False, ""), ARM_NAME: (True, "")}
    del engine.names[ARM_NAME]
    assert told(shop) == {ONE: (False, ""), BOTH: (True, "")}
    free(shop, ONE, BOTH)
    assert engine.names == {}


def test_an_index_of_another_checkout_stays(shop: Workshop, engine: FakeEngine) -> None:
    engine.names[BOTH] = index(amd64=NEW, arm64="sha256:" + "f" * 64)
    before = engine.names[BOTH]
    free(shop, NAME, ARM_NAME)
    assert engine.names[BOTH] == before


def test_a_name_that_was_given_to_another_image_meanwhile_stays(
    shop: Workshop, engine: FakeEngine
) -> None:
    (item,) = (item for item in items(shop) if item.name == NAME)
    engine.names[NAME] = "sha256:" + "f" * 64
    item.free()
    assert engine.names[NAME] == "sha256:" + "f" * 64


def test_containers_that_killed_runs_have_left_go_before_their_images(
    shop: Workshop, engine: FakeEngine
) -> None:
    engine.run_from(NEW, "ours", owner=f"{ARM_ID} in {shop.root}/build/logs", state="exited")
    engine.run_from(OLD, "runs", owner=f"{ARM_ID} in {shop.root}/build/logs")
    engine.run_from(ARM, "other", owner=f"{ARM_ID} in {shop.root}2/build/logs", state="exited")
    engine.run_from(ARM, "yours", state="exited")
    found = {item.name: item for item in items(shop)}
    assert sorted(found) == sorted(["ours", NAME, ARM_NAME, OLDER])
    assert found["ours"].used < found[NAME].used
    assert [name for name, item in found.items() if item.kept] == [OLDER, ARM_NAME]
    found["ours"].free()
    assert sorted(engine.containers) == ["other", "runs", "yours"]


def test_images_of_killed_tests_and_verifications_of_this_checkout_are_leftovers(
    shop: Workshop, engine: FakeEngine
) -> None:
    wheel = shop.wheel_variants()[0]
    checkout = shop.root / "build/.tmp-abc" / ("1" * 40)
    checkout.mkdir(parents=True)
    ours = [wheel_tests.name(shop, wheel), verify.passing_name(checkout)]
    others = [f"inferpack/wheel-test:{wheel.id}-0123456789ab", "inferpack/verify:xyz"]
    for number, name in enumerate((*ours, *others), start=1):
        engine.names[name] = f"sha256:{number:064}"
    left = [item.name for item in items(shop) if not item.needed and item.name != OLDER]
    assert sorted(left) == sorted(ours)


def test_what_a_wheel_is_compiled_in_and_its_cache_are_ours_where_it_was_compiled(
    shop: Workshop, engine: FakeEngine
) -> None:
    wheel = shop.wheel_variants()[0]
    engine.names[f"inferpack/builder:{wheel.id}"] = "sha256:" + "c" * 64
    engine.volumes["inferpack-ccache"] = 5_000
    assert {NAME, ARM_NAME, OLDER} == {item.name for item in items(shop)}
    folder = shop.wheel_folder(wheel)
    record = BuilderRecord(key="", digest="sha256:" + "c" * 64)
    store.write_record(folder / "builder/builder.json", record)
    for name in (".lock", "wheel.log"):
        (folder / name).touch()
    found = {item.name: item for item in items(shop)}
    assert found["inferpack-ccache"].parts[0].size == 5_000
    assert all(found[name].needed for name in (f"inferpack/builder:{wheel.id}", "inferpack-ccache"))
    free(shop, f"inferpack/builder:{wheel.id}", "inferpack-ccache")
    assert (engine.volumes, f"inferpack/builder:{wheel.id}" in engine.names) == ({}, False)


def test_while_somebody_works_here_all_of_it_stays(shop: Workshop, engine: FakeEngine) -> None:
    """An image says nothing of when it was used."""
    before = dict(engine.names)
    with store.shared(shop.cache):
        done = clean.clean(shop, 0, dry=False)
    assert (engine.names, {item.kept for item in done.stuck}) == (before, {clean.BUSY})
    clean.clean(shop, None, dry=False)
    assert before.keys() - engine.names.keys() == {OLDER, ONE}


def test_every_engine_has_its_part(shop: Workshop, engine: FakeEngine, tmp_path: Path) -> None:
    names = {ARM_NAME: engine.names.pop(ARM_NAME)}
    other = FakeEngine(logs=tmp_path, context="farm", names=names)
    both = dataclasses.replace(shop, engines={Arch.ARM64: other, Arch.AMD64: engine})
    found = {item.name: item for item in items(both)}
    arm = f"{ARM_NAME} on docker engine farm"
    assert sorted(found) == sorted([f"{name} on docker engine" for name in (NAME, OLDER)] + [arm])
    weights = [found[name].parts[0].key for name in (f"{NAME} on docker engine", arm)]
    assert len(set(weights)) == 2  # the same layer, on two disks
    found[arm].free()
    assert (other.names, NAME in engine.names) == ({}, True)


def test_without_an_engine_it_says_so_and_goes_on(
    shop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert items(dataclasses.replace(shop, engine=NoEngine(logs=tmp_path))) == []
    assert capsys.readouterr().err == (
        "warning: unix:///nowhere: no Docker engine answers; what this checkout has there stays\n"
    )
