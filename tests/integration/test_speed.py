"""What nothing has changed for must be quick: the limits are generous, a regression is not.

A Zen 5 takes a third of them, a Zen 3 that others use too some two thirds.
"""

import time
from statistics import median

import pytest

from tests.integration.checkout import Checkout


@pytest.mark.parametrize(
    ("words", "seconds"), [("image onnxruntime", 2.5), ("list", 1.2), ("--help", 0.8)]
)
def test_a_command_with_nothing_to_do_is_quick(
    proven_checkout: Checkout, words: str, seconds: float
) -> None:
    def once() -> float:
        start = time.perf_counter()
        assert proven_checkout.inv(*words.split()).code == 0
        return time.perf_counter() - start

    assert median(once() for _ in range(3)) <= seconds
