"""Fifty nights killed at random moments, of which no two runs of this test are alike."""

import time
from pathlib import Path

from tests.integration.checkout import Checkout, forget
from tests.integration.killing import survive


def test_a_night_survives_fifty_kills(
    checkout: Checkout, proven_checkout: Checkout, tmp_path: Path
) -> None:
    undisturbed, seed = proven_checkout.copy(tmp_path / "undisturbed"), time.time_ns()
    print(f"seed {seed}")  # shown where it fails
    try:
        survive(checkout, undisturbed, tmp_path / "log", kills=50, seed=seed)
    finally:
        forget(undisturbed)
