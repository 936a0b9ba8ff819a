"""8-bit numbers stand for the right real ones."""

from __future__ import annotations

import numpy as np
import pytest

from selftest.frameworks import scales
from selftest.frameworks.scales import Scale
from tests.unit.tiny_network import ADDED_AND_CUT, RANGES, RESIDUAL


@pytest.mark.parametrize(
    ("bounds", "scale", "zero_point"),
    [((0.0, 2.55), 0.01, 0), ((-2.55, 0.0), 0.01, 255), ((-1.0, 1.55), 0.01, 100)],
)
def test_an_activation_uses_all_of_its_256_numbers(
    bounds: tuple[float, float], scale: float, zero_point: int
) -> None:
    made = scales.activation(bounds)
    assert (made.scale, made.zero_point) == (pytest.approx(scale), zero_point)
    assert made.bounds == pytest.approx(bounds)


def test_bounds_move_so_that_zero_is_exact() -> None:
    made = scales.activation((-1.0, 1.0))
    assert made.zero_point == 128
    assert made.bounds == pytest.approx((-128 * 2 / 255, 127 * 2 / 255))


def test_each_output_channel_of_a_weight_reaches_127_and_never_less_than_minus_127() -> None:
    stored, steps = scales.weight(np.array([[1.0, -2.0], [0.5, 0.25]], np.float32))
    assert stored.dtype == np.int8
    assert stored.tolist() == [[64, -127], [127, 64]]
    assert steps.tolist() == pytest.approx([2 / 127, 0.5 / 127])


def test_a_weight_keeps_its_shape() -> None:
    stored, steps = scales.weight(np.ones((2, 3, 1, 1), np.float32))
    assert (stored.shape, steps.shape) == ((2, 3, 1, 1), (2,))


def test_a_bias_has_the_scale_of_the_products_it_is_added_to() -> None:
    source, steps = Scale(scale=0.5, zero_point=7), np.array([0.25, 0.5], np.float32)
    stored, products = scales.bias(np.array([1.0, -1.0], np.float32), source, steps)
    assert stored.dtype == np.int32
    assert stored.tolist() == [8, -4]
    assert products.tolist() == [0.125, 0.25]


def test_what_is_added_to_is_the_sum_less_what_is_added() -> None:
    assert scales.added(RESIDUAL, RANGES) == (-2.0 - 2.5, 3.1)


def test_what_an_activation_cut_off_is_taken_to_be_as_far_as_the_rest() -> None:
    assert scales.added(ADDED_AND_CUT, RANGES) == (-3.1, 3.1)
