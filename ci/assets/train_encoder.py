"""Trains the reference encoder on the same digits as the reference network."""

from __future__ import annotations

from math import sqrt

import encoder_reference
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from train import BATCH, Digits, fit, rounded, seeded

from selftest import encoder, reference
from selftest.frameworks.pytorch_encoder import Fp32

EPOCHS = 100
RATE, WARM_UP, DECAY = 2e-3, 0.1, 0.05
POSITION_DEVIATION = 0.5


def initial(generator: torch.Generator) -> dict[str, Tensor]:
    weights = {}
    for name, shape in encoder.SHAPES.items():
        match name.rpartition(".")[2]:
            case "weight":
                array = torch.randn(shape, generator=generator) * sqrt(1 / shape[1])
            case "gain":
                array = torch.ones(shape)
            case encoder.POSITIONS:
                array = torch.randn(shape, generator=generator) * POSITION_DEVIATION
            case _:
                array = torch.zeros(shape)
        weights[name] = array.requires_grad_()
    return weights


def train(digits: Digits) -> dict[str, NDArray[np.float32]]:
    generator = seeded()
    weights = initial(generator)
    optimiser = torch.optim.AdamW(weights.values(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(digits.train_images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=WARM_UP)
    fit(Fp32(weights), digits, optimiser, schedule, epochs=EPOCHS, generator=generator)
    return rounded(weights)


def stored(
    weights: dict[str, NDArray[np.float32]], calibration: NDArray[np.float32]
) -> dict[str, NDArray[np.generic]]:
    """The arrays of encoder.npz: weights, and what INT8 must span."""
    reads = encoder_reference.run(weights, calibration)
    ranges = reference.ranges({name: reads[name] for name in encoder.READS})
    arrays: dict[str, NDArray[np.generic]] = {
        name: array.astype(np.float16) for name, array in weights.items()
    }
    return arrays | {f"{name}.range": np.array(ends, np.float32) for name, ends in ranges.items()}
