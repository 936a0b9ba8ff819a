"""A plan tells what a night would cost, and is the matrix of a CI engine."""

import msgspec

from inferpack import history, plan
from inferpack.history import Entry
from inferpack.model import Arch
from inferpack.plan import Job, Plan
from inferpack.workshop import Workshop
from tests.unit import planning
from tests.unit.planning import DEV, ORT, WHEEL

engine, shop = planning.engine, planning.shop


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


def test_what_variants_share_is_fetched_once(shop: Workshop) -> None:
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
