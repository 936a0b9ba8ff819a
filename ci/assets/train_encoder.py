"""Trains the reference encoder on the same digits as the reference network."""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from train import BATCH, Digits, scaled, shifted

from selftest import encoder, encoder_reference, reference
from selftest.frameworks.pytorch_encoder import Fp32

SEED = 20
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
    """Seeded and single-threaded: same machine, same weights; rounded to what float16 holds."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    weights = initial(generator)
    model = Fp32(weights)
    images = torch.from_numpy(scaled(digits.train_images))
    labels = torch.from_numpy(digits.train_labels.astype(np.int64))
    optimiser = torch.optim.AdamW(weights.values(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=WARM_UP)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            optimiser.zero_grad()
            loss_of(model(shifted(images[chosen], generator)), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    return {
        name: array.detach().to(torch.float16).to(torch.float32).numpy()
        for name, array in weights.items()
    }


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
