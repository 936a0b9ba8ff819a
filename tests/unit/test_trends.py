"""What the report shows of a variant's nights."""

from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.losses import NIGHTS
from inferpack.trends import Outcome, Past, Series, Trend, trend
from tests.unit.nights import AVX2, FIRST, VNNI, at_speeds, failed, in_turn, passed

MB = 1_000_000
USUAL = Tolerance()


def of(nights: tuple[Entry, ...]) -> Trend:
    found = trend(Past(id="x", title="X", nights=nights, tolerance=USUAL))
    assert found
    return found


def changes(nights: tuple[Entry, ...]) -> list[tuple[int, str]]:
    """By the number of the night."""
    return [((one.at - FIRST) // 86_400, str(one.change)) for one in of(nights).events]


def test_without_a_night_there_is_no_trend() -> None:
    assert trend(Past(id="x", title="X", nights=(), tolerance=USUAL)) is None


def test_the_last_nights_are_shown_and_each_is_judged_by_what_was_known_then() -> None:
    nights = in_turn([*[passed()] * 100, passed(unpacked=150 * MB), failed(), passed()])
    found = of(nights)
    assert found.nights == nights[-NIGHTS:]
    assert found.outcomes == (
        *[Outcome.PASSED] * (NIGHTS - 3),
        *(Outcome.WORSE, Outcome.FAILED, Outcome.PASSED),
    )
    assert found.worse == ()
    young = of(in_turn([*[passed()] * (NIGHTS - 1), *[passed(unpacked=150 * MB)] * NIGHTS]))
    assert young.outcomes[0] is Outcome.WORSE


def test_a_size_has_a_limit_from_the_second_night_and_none_where_it_failed() -> None:
    first = passed(unpacked=100 * MB)
    assert of((first,)).size == Series(values=(100 * MB,))
    found = of(in_turn([first, failed(), passed(unpacked=101 * MB)]))
    assert found.size == Series(values=(100 * MB, None, 101 * MB), limit=100 * MB * 1.05)
    assert (found.sized, found.size.newest) == ("unpacked", 101 * MB)


def test_a_wheel_has_one_size_and_neither_speed_nor_machine() -> None:
    found = of((Entry(at=FIRST, revision="", compressed=5 * MB),))
    assert (found.sized, found.size.values, found.task, found.machine) == (
        *("pulled", (5 * MB,)),
        *("", ""),
    )


def test_the_main_task_s_speed_is_shown_on_the_newest_machine_and_others_apart() -> None:
    other = passed(machine="Xeon", speedups={"digits": 3.0, "encoder": 9.0})
    found = of(in_turn([*at_speeds(2.0, 2.2), other, failed(), *at_speeds(2.1)]))
    assert (found.task, found.machine) == ("digits", "AMD EPYC")
    assert found.speed == Series(
        values=(2.0, 2.2, None, None, 2.1),
        elsewhere=(None, None, 3.0, None, None),
        limit=2.0 * (1 - 2 * USUAL.speed),
    )


def test_an_emulated_speed_is_not_shown() -> None:
    found = of((passed(emulated=True),))
    assert (found.task, found.speed) == ("digits", Series(values=(None,), elsewhere=(None,)))


def test_versions_and_kernels_that_change_are_told() -> None:
    lesser = {"digits linear": AVX2}
    assert changes(in_turn([passed(), failed(), passed()])) == []
    assert changes(in_turn([passed(), passed(version="1.32.0"), passed(kernels=lesser)])) == [
        (1, "version: 1.31.1 → 1.32.0"),
        (2, "version: 1.32.0 → 1.31.1"),
        (2, f"digits linear kernel: {VNNI} → {AVX2}"),
    ]
    assert changes(in_turn([passed(), passed(kernels={"digits convolution": VNNI})])) == [
        (1, f"digits linear kernel: {VNNI} → not seen"),
        (1, f"digits convolution kernel: not seen → {VNNI}"),
    ]


def test_kernels_of_another_machine_are_no_change() -> None:
    other = passed(machine="Xeon", kernels={"digits linear": AVX2})
    assert changes(in_turn([passed(), other, passed(), other])) == []
