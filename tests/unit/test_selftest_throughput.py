"""Speeds are measured in turns, batches grow while it pays, and it ends when its time is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selftest.throughput import BATCHES, LATENCY_RUNS, Latency, Rate, Speed, measure, percentile


class Time:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[tuple[str, int]] = []

    def __call__(self) -> float:
        return self.now

    def model(self, name: str, seconds: Callable[[int], float]) -> Callable[[int], Callable]:
        """Takes so long for a batch."""

        def prepare(batch: int) -> Callable[[], None]:
            def run() -> None:
                self.now += seconds(batch)
                self.ran.append((name, batch))

            return run

        return prepare


def quiet(_: str) -> None:
    pass


def measured(fp32: Callable[[int], float], int8: Callable[[int], float], seconds: float = 60):
    time = Time()
    speeds = measure(time.model("fp32", fp32), time.model("int8", int8), seconds, time, quiet)
    return time, *speeds


def test_batches_grow_while_there_is_time() -> None:
    _, fp32, int8 = measured(lambda batch: 0.01 + 0.01 * batch, lambda batch: 0.002 * batch)
    assert [rate.batch for rate in fp32.batches] == list(BATCHES)
    assert fp32.best == Rate(
        batch=32, images_per_s=pytest.approx(32 / 0.33), spread=pytest.approx(0, abs=1e-9)
    )
    assert int8.best.images_per_s == pytest.approx(500)


def test_latency_is_of_one_image() -> None:
    _, fp32, _ = measured(lambda batch: 0.01 * batch, lambda batch: 0.002 * batch)
    assert fp32.latency == Latency(
        runs=LATENCY_RUNS, p50_ms=pytest.approx(10), p99_ms=pytest.approx(10)
    )


def test_a_model_that_collapses_at_a_large_batch_is_best_before() -> None:
    _, fp32, _ = measured(lambda batch: batch * (1 if batch > 4 else 0.02), lambda batch: 0.01)
    assert fp32.best.batch in (1, 2, 4)


def test_latency_is_of_enough_runs_for_a_p99_that_is_not_the_slowest() -> None:
    _, fp32, int8 = measured(lambda batch: 0.02 * batch, lambda batch: 0.01 * batch)
    assert [speed.latency.runs for speed in (fp32, int8)] == [200, 200]
    assert fp32.latency.is_exact


def test_models_run_in_turns() -> None:
    time, *_ = measured(lambda batch: 0.2, lambda batch: 0.2)
    rates = [name for name, batch in time.ran if batch == 2]
    assert rates[-6:] == ["fp32", "int8"] * 3


def test_it_ends_when_its_time_is_over() -> None:
    time, fp32, _ = measured(lambda batch: 0.1 * batch, lambda batch: 0.05 * batch, seconds=20)
    assert time.now < 25
    assert fp32.latency.runs < LATENCY_RUNS


def test_a_model_too_slow_for_the_time_is_still_measured() -> None:
    _, fp32, int8 = measured(lambda batch: 30.0, lambda batch: 20.0, seconds=1)
    assert [rate.batch for rate in fp32.batches] == [1]
    assert (fp32.latency.runs, int8.latency.p50_ms) == (10, 20_000)
    assert not fp32.latency.is_exact


def test_the_best_is_the_batch_with_most_images_a_second() -> None:
    rates = tuple(Rate(batch=b, images_per_s=r, spread=0) for b, r in ((1, 5), (2, 9), (4, 8)))
    speed = Speed(latency=Latency(runs=1, p50_ms=1, p99_ms=1), batches=rates)
    assert speed.best == rates[1]


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(100, 0.99, 98), (60, 0.99, 59), (1, 0.99, 0), (10, 0.5, 4)]
)
def test_a_percentile_is_a_value_that_was_seen(count: int, share: float, expected: int) -> None:
    assert percentile([float(n) for n in reversed(range(count))], share) == expected
