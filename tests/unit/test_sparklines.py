"""A variant's nights are drawn to scale, the newest at the right, and nothing that was not."""

from itertools import pairwise

import pytest

from inferpack import figures
from inferpack.charts import TITLE, WIDTH
from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.sparklines import BAR, Dot, Nights, Spark
from inferpack.trends import Past, trend
from tests.unit.nights import at_speeds, failed, in_turn, passed


def drawn(*nights: Entry) -> Nights:
    found = trend(Past(id="x", title="X", nights=in_turn(nights), tolerance=Tolerance()))
    assert found
    return figures.nights(found)


def test_a_line_goes_up_with_its_values_and_its_limit_is_inside() -> None:
    spark = Spark(title="a", note="", values=(1.0, 3.0, None, 2.0), limit=0.5)
    low, high, middle, limit = (spark.y(value) for value in (1.0, 3.0, 2.0, 0.5))
    assert TITLE < high < middle < low < limit < spark.height
    assert middle == pytest.approx((low + high) / 2, abs=0.1)


def test_one_value_stands_in_the_middle() -> None:
    spark = Spark(title="a", note="", values=(2.0,))
    assert spark.y(2.0) == (TITLE + spark.height) / 2


def test_every_night_has_its_place_and_one_without_a_value_no_dot() -> None:
    chart = drawn(passed(), failed(), passed(), passed())
    size, speed = chart.placed()
    places = [WIDTH / 8, WIDTH * 5 / 8, WIDTH * 7 / 8]
    assert [dot.x for dot in size.line] == [dot.x for dot in speed.line] == places
    assert [bar.x + chart.bar_width / 2 for bar in chart.bars()] == [
        *(WIDTH / 8, WIDTH * 3 / 8),
        *places[1:],
    ]
    assert size.others == ()


def test_how_a_night_ended_is_told_by_height_and_by_colour() -> None:
    bars = drawn(passed(), passed(unpacked=150_000_000), failed()).bars()
    assert [(bar.tone, bar.height) for bar in bars] == [
        *(("good", BAR), ("bad", BAR / 2)),
        ("bad", 3.0),
    ]
    assert len({bar.y + bar.height for bar in bars}) == 1


def test_bars_stay_apart_and_inside_whatever_their_number() -> None:
    for count in (1, 2, 30, 60):
        chart = drawn(*[passed()] * count)
        bars = chart.bars()
        assert all(bar.x >= 0 and bar.x + chart.bar_width <= WIDTH for bar in bars)
        assert all(a.x + chart.bar_width < b.x for a, b in pairwise(bars))


def test_other_machines_are_dots_beside_the_line() -> None:
    other = passed(machine="Xeon", speedups={"digits": 3.0})
    _, speed = drawn(*at_speeds(2.0, 2.0), other, *at_speeds(2.0)).placed()
    (dot,) = speed.others
    assert dot.x == WIDTH * 5 / 8
    assert dot.y < min(one.y for one in speed.line)
    assert Dot(x=dot.x, y=dot.y) not in speed.line


def test_a_chart_is_told_in_words() -> None:
    assert drawn(passed(), passed(unpacked=150_000_000)).description == (
        "2026-11-18 to 2026-11-19: 1 worse · 2 of 2 passed. "
        "Unpacked 150.0 MB; INT8/FP32, digits 2.00×"  # noqa: RUF001
    )


def test_an_emulated_speed_is_said_and_not_drawn() -> None:
    size, speed = drawn(passed(emulated=True)).placed()
    assert (len(size.line), speed.line, speed.limit) == (1, (), None)
    assert speed.spark == Spark(
        title="INT8/FP32, digits", note="emulated: no speed is told", tone="soft"
    )


def test_a_wheel_has_its_size_alone() -> None:
    (size,) = drawn(Entry(at=0, revision="", compressed=5_000_000)).placed()
    assert (size.spark.title, size.spark.note) == ("Pulled", "5.0 MB")


def test_what_only_failed_has_bars_alone() -> None:
    chart = drawn(failed())
    assert (chart.placed(), chart.note, chart.tone) == ((), "1 worse · 0 of 1 passed", "bad")
