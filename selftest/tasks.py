"""What a framework must do in both precisions: inputs, the right answers, what INT8 is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selftest import digits, encoder, network

Array = NDArray[Any]
ENCODER = "encoder"


def most_likely(logits: Array) -> Array:
    """(n, classes) to (n,)."""
    return np.asarray(logits.argmax(1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """`unit`: what inputs are, in the plural; `operators`: how often one inference runs each
    operator kind that INT8 is about; `answers`: of a model's output, to compare with `labels`.
    `counted`: what speed counts, where that is not inputs, and how many an input has on average;
    `batch`: how many inputs a run has, where not as many as keep threads busy.
    """

    name: str
    unit: str
    operators: Mapping[str, int]
    inputs: Array
    labels: Array
    calibration: Array
    answers: Callable[[Array], Array] = most_likely
    counted: str = ""
    per_input: float = 1.0
    batch: int = 0


def of_digits(data: Path) -> Task:
    """A small convolutional network that reads handwritten digits."""
    return _labelled(data, "digits", network.OPERATORS)


def of_encoder(data: Path) -> Task:
    """A small transformer that reads the same digits."""
    return _labelled(data, ENCODER, encoder.OPERATORS)


def _labelled(data: Path, name: str, operators: Mapping[str, int]) -> Task:
    samples = digits.load(data)
    return Task(
        name=name,
        unit="images",
        operators=operators,
        inputs=samples.images,
        labels=samples.labels,
        calibration=samples.calibration,
    )
