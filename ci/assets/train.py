"""Trains the reference network on scikit-learn's handwritten digits and folds BatchNorm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from selftest.network import CLASSES, CONVOLUTIONS, LINEAR, PIXEL_MAX, WIDTH
from selftest.networks import Layer

SEED = 20
TEST_IMAGES = 450
CALIBRATION_IMAGES = 128
EPOCHS = 60
BATCH = 64
NORM_EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class Digits:
    """Images uint8 (n, 8, 8) in 0..16, labels uint8 (n,); test is held out from training."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]

    @property
    def calibration_images(self) -> NDArray[np.uint8]:
        return self.train_images[:CALIBRATION_IMAGES]


class Block(nn.Module):
    """One convolution of the network with BatchNorm."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            layer.inputs,
            WIDTH,
            layer.kernel,
            padding=layer.padding,
            groups=layer.groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(WIDTH, eps=NORM_EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = self.norm(self.convolution(x))
        return normed


class Network(nn.Module):
    """selftest.network in training form."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict({layer.name: Block(layer) for layer in CONVOLUTIONS})
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: dict[str, torch.Tensor] = {}
        for layer in CONVOLUTIONS:
            x = self.blocks[layer.name](x)
            x = torch.relu(x + outputs[layer.add] if layer.add else x)
            outputs[layer.name] = x
        logits: torch.Tensor = self.linear(x.mean((2, 3)))
        return logits


def load() -> Digits:
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(
        images.reshape(-1, 8, 8).astype(np.uint8),
        labels.astype(np.uint8),
        test_size=TEST_IMAGES,
        random_state=SEED,
        stratify=labels,
    )
    return Digits(
        train_images=parts[0], test_images=parts[1], train_labels=parts[2], test_labels=parts[3]
    )


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The network's input: float32 (n, 1, 8, 8) in 0..1."""
    return images[:, None].astype(np.float32) / np.float32(PIXEL_MAX)


def shifted(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The batch moved by up to one pixel: more variety from 1347 images."""
    dy, dx = (int(v) - 1 for v in torch.randint(0, 3, (2,), generator=generator))
    padded = nn.functional.pad(batch, (1, 1, 1, 1))
    return padded[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]


def train(digits: Digits) -> dict[str, NDArray[np.float32]]:
    generator = seeded()
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    steps = EPOCHS * (len(digits.train_images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    fit(network, digits, optimiser, schedule, epochs=EPOCHS, generator=generator)
    return fold(network.eval())


def seeded() -> torch.Generator:
    """Single-threaded too: same machine, same weights."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    return torch.Generator().manual_seed(SEED)


def fit(
    model: Callable[[torch.Tensor], torch.Tensor],
    digits: Digits,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    *,
    epochs: int,
    generator: torch.Generator,
) -> None:
    """Every epoch in an order of its own, and every batch shifted: both drawn from `generator`."""
    images = torch.from_numpy(scaled(digits.train_images))
    labels = torch.from_numpy(digits.train_labels.astype(np.int64))
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            optimiser.zero_grad()
            loss_of(model(shifted(images[chosen], generator)), labels[chosen]).backward()
            optimiser.step()
            schedule.step()


def fold(network: Network) -> dict[str, NDArray[np.float32]]:
    """Weights and biases without BatchNorm, rounded."""
    weights: dict[str, torch.Tensor] = {}
    for layer in CONVOLUTIONS:
        state = network.blocks[layer.name].state_dict()
        gain = state["norm.weight"] / torch.sqrt(state["norm.running_var"] + NORM_EPSILON)
        weights[f"{layer.name}.weight"] = state["convolution.weight"] * gain[:, None, None, None]
        weights[f"{layer.name}.bias"] = state["norm.bias"] - state["norm.running_mean"] * gain
    weights[f"{LINEAR}.weight"] = network.linear.weight
    weights[f"{LINEAR}.bias"] = network.linear.bias
    return rounded(weights)


def rounded(weights: Mapping[str, torch.Tensor]) -> dict[str, NDArray[np.float32]]:
    """To what float16 holds exactly.

    So half-size storage (weights.npz, OpenVINO's compressed IR) loses nothing: every framework
    computes in FP32 on the very same numbers.
    """
    return {
        name: value.detach().to(torch.float16).to(torch.float32).numpy()
        for name, value in weights.items()
    }


def forward(weights: dict[str, NDArray[np.float32]], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits by plain torch: what every exported model must reproduce."""
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    outputs: dict[str, torch.Tensor] = {}
    value = torch.from_numpy(x)
    for layer in CONVOLUTIONS:
        value = torch.conv2d(
            value,
            tensors[f"{layer.name}.weight"],
            tensors[f"{layer.name}.bias"],
            padding=layer.padding,
            groups=layer.groups,
        )
        value = torch.relu(value + outputs[layer.add] if layer.add else value)
        outputs[layer.name] = value
    logits = nn.functional.linear(
        value.mean((2, 3)), tensors[f"{LINEAR}.weight"], tensors[f"{LINEAR}.bias"]
    )
    return logits.numpy()
