"""The race of FP32 and INT8 is fair, long enough where the machine is busy, and never endless."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selftest.race import ROUNDS_ENOUGH, ROUNDS_MIN, TOTAL_SECONDS, race, ratios, spread


class Time:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, *seconds: float) -> Callable[[], None]:
        """Takes these times in turn, over and over."""
        count = 0

        def run() -> None:
            nonlocal count
            self.now += seconds[count % len(seconds)]
            count += 1

        return run


def test_on_an_idle_machine_the_rounds_agree_soon() -> None:
    time = Time()
    fp32, int8 = race(time.work(0.002), time.work(0.001), time)
    assert len(fp32) == len(int8) == ROUNDS_ENOUGH
    assert ratios(fp32, int8) == pytest.approx([2.0] * ROUNDS_ENOUGH)
    assert time.now < 1


def test_on_a_busy_machine_it_goes_on_until_its_time_is_over() -> None:
    time = Time()
    fp32, _ = race(time.work(0.02), time.work(0.01, 0.03, 0.07), time)
    assert len(fp32) > ROUNDS_ENOUGH
    assert TOTAL_SECONDS <= time.now < TOTAL_SECONDS + 1


def test_emulation_so_slow_that_one_run_takes_seconds_ends_after_a_few_rounds() -> None:
    time = Time()
    fp32, _ = race(time.work(5.0), time.work(4.0), time)
    assert len(fp32) == ROUNDS_MIN


def test_the_spread_is_the_interquartile_range_over_the_median() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == 1.0
