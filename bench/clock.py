"""Time, and what else the machine was doing."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work returned, and how many seconds it took."""
    start = time.monotonic()
    made = work()
    return made, round(time.monotonic() - start, 3)


def settle() -> float:
    """Lets earlier work reach the disk; returns the load average of the last minute."""
    os.sync()
    return round(os.getloadavg()[0], 2)
