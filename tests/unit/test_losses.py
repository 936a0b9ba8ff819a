"""What is marked in a variant's nights: what is worse than usual, for as long as it is."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from inferpack.expectation import Tolerance
from inferpack.history import Entry
from inferpack.losses import LATELY, NIGHTS, losses
from tests.unit.nights import AVX2, REFERENCE, VNNI, at_speeds, failed, in_turn, passed

MB = 1_000_000
USUAL = Tolerance()


def marked(nights: Sequence[Entry], tolerance: Tolerance = USUAL) -> list[str]:
    return [str(change) for change in losses(nights, tolerance)]


def unpacked(*megabytes: float) -> tuple[Entry, ...]:
    return in_turn(passed(unpacked=round(size * MB)) for size in megabytes)


def with_kernel(*texts: str) -> tuple[Entry, ...]:
    return in_turn(passed(kernels={"digits linear": text} if text else {}) for text in texts)


def test_nothing_is_marked_where_there_is_nothing_to_compare_or_nothing_changed() -> None:
    assert marked(()) == marked([passed()]) == marked(in_turn([passed()] * 70)) == []


def test_a_size_is_held_against_the_usual_one() -> None:
    usual = [136.0] * 12
    assert marked(unpacked(*usual, 142.0)) == []
    assert marked(unpacked(*usual, 143.0)) == ["unpacked: 136.0 MB → 143.0 MB (+5.1%)"]
    assert marked(unpacked(*usual, 143.0), Tolerance(size=0.1)) == []
    assert marked(unpacked(*usual, 143.0, 136.0)) == []


def test_a_wheel_has_the_size_that_is_pulled() -> None:
    nights = in_turn(Entry(at=0, revision="", compressed=size * MB) for size in (10, 10, 11))
    assert marked(nights) == ["pulled: 10.0 MB → 11.0 MB (+10.0%)"]


def test_a_loss_is_marked_until_most_nights_have_it() -> None:
    nights = unpacked(*[136.0] * NIGHTS, *[150.0] * NIGHTS)
    until = [bool(marked(nights[: count + 1])) for count in range(NIGHTS, 2 * NIGHTS)]
    assert until == [True] * (NIGHTS // 2) + [False] * (NIGHTS // 2)


def test_a_gain_of_some_nights_that_is_lost_again_is_marked() -> None:
    assert marked(unpacked(*[136.0] * 40, *[120.0] * LATELY, 136.0)) == [
        "unpacked: 120.0 MB → 136.0 MB (+13.3%)"
    ]


def test_many_small_steps_are_marked_once_they_are_a_large_one() -> None:
    nights = unpacked(*(136 * 1.005**place for place in range(40)))
    first = next(count for count in range(40) if marked(nights[: count + 1]))
    assert first == 18


def test_a_kernel_of_a_worse_class_is_marked_and_another_of_the_same_is_not() -> None:
    assert marked(with_kernel(AVX2, VNNI)) == []
    assert marked(with_kernel(VNNI, VNNI.replace("brg", "jit"))) == []
    assert marked(with_kernel(VNNI, AVX2)) == [f"digits linear kernel: {VNNI} → {AVX2}"]
    both = f"{VNNI}; {REFERENCE}"
    assert marked(with_kernel(VNNI, both)) == [f"digits linear kernel: {VNNI} → {both}"]


def test_an_operator_that_is_seen_no_more_is_marked() -> None:
    nights = in_turn([passed(), passed(kernels={"digits convolution": VNNI})])
    assert marked(nights) == [f"digits linear kernel: {VNNI} → not seen"]


def test_kernels_and_speeds_of_another_machine_say_nothing() -> None:
    other = passed(machine="Xeon", speedups={"digits": 1.0}, kernels={"digits linear": AVX2})
    assert marked(in_turn([*[passed()] * 9, other])) == []
    assert len(marked(in_turn([*[passed()] * 9, replace(other, machine="AMD EPYC")]))) == 2


def test_an_emulated_speed_is_not_judged_and_an_emulated_kernel_is() -> None:
    fast = passed(machine="QEMU 10.0.13, neoverse-n1", emulated=True)
    slow = replace(fast, speedups={"digits": 0.5}, kernels={"digits linear": AVX2})
    assert marked(in_turn([fast, fast, slow])) == [f"digits linear kernel: {VNNI} → {AVX2}"]


def test_a_night_that_failed_is_marked_with_its_error_and_is_no_measure() -> None:
    assert marked(in_turn([failed("no space left")])) == ["night: never passed → no space left"]
    assert marked(in_turn([passed(), failed("one"), failed("two")])) == [
        "night: passed on 2026-11-18 → two (2 nights since 2026-11-19)"
    ]
    slow = in_turn([passed(), passed(unpacked=150 * MB), failed("one")])
    assert [line.partition(":")[0] for line in marked(slow)] == ["night", "unpacked"]
    assert marked(in_turn([passed(), failed(), passed()])) == []


@pytest.mark.parametrize(
    ("speeds", "lines"),
    [
        ((2.0, 1.7), []),  # of two nights, twice the tolerance
        ((2.0, 1.5), ["digits int8/fp32 speed: 2.00 x → 1.50 x (slower by 25%, noise 20%)"]),
        ((*[2.0] * 12, 1.7), []),  # may be chance
        (
            (*[2.0] * 12, 1.7, 1.7),
            ["digits int8/fp32 speed: 2.00 x → 1.70 x (slower by 15%, noise 11%)"],
        ),
        (
            (*[2.0] * 12, 1.5),
            ["digits int8/fp32 speed: 2.00 x → 1.75 x (slower by 12%, noise 11%)"],
        ),
        ((*[2.0] * 12, 1.7, 1.7, 2.0, 2.0), []),
        ((*[1.0] * 12, 2.0, 2.0), []),
    ],
)
def test_a_speed_is_that_of_two_nights(speeds: tuple[float, ...], lines: list[str]) -> None:
    assert marked(at_speeds(*speeds)) == lines


@pytest.fixture
def luck() -> random.Random:
    return random.Random(7)  # noqa: S311  # the same in every run


def noisy(luck: random.Random, *levels: float) -> tuple[Entry, ...]:
    """Speeds that vary by 5 % around these."""
    return at_speeds(*(level * luck.gauss(1, 0.05) for level in levels))


def test_noise_alone_is_hardly_ever_marked(luck: random.Random) -> None:
    histories = [noisy(luck, *[2.0] * 30) for _ in range(100)]
    nights = [
        bool(marked(nights[: count + 1])) for nights in histories for count in range(len(nights))
    ]
    assert sum(nights) / len(nights) < 0.005


def test_a_loss_of_15_percent_is_seen_through_noise_by_its_second_night(
    luck: random.Random,
) -> None:
    histories = [noisy(luck, *[2.0] * 30, 1.7, 1.7) for _ in range(100)]
    seen = [bool(marked(nights[:-1]) or marked(nights)) for nights in histories]
    assert sum(seen) >= 90


def test_a_percent_every_night_is_seen_through_noise_in_three_weeks(luck: random.Random) -> None:
    levels = [2.0] * 20 + [2.0 * 0.99**place for place in range(21)]
    assert all(
        any(marked(nights[: count + 1]) for count in range(20, len(nights)))
        for nights in (noisy(luck, *levels) for _ in range(50))
    )
