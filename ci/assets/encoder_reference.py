"""What the encoder computes, in numpy: slow, plain, and what its files and tests are made by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from selftest import encoder
from selftest.encoder import HEAD, HEADS, NORM_EPSILON, PIXELS, TOKENS, WIDTH
from selftest.reference import Array


def run(weights: Mapping[str, Array], image: Array) -> dict[str, Array]:
    """All that linear layers read by name, and the logits as "logits"."""
    how = Numpy(weights)
    how.reads["logits"] = encoder.run(how, image)
    return how.reads


class Numpy:
    """Keeps all that linear layers read."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        self.reads: dict[str, Array] = {}

    def tokens(self, image: Array) -> Array:
        return image.reshape(-1, TOKENS, PIXELS)

    def constant(self, name: str) -> Array:
        return self._weights[name]

    def read(self, name: str, x: Array) -> Array:
        self.reads[name] = x
        return x

    def linear(self, name: str, x: Array) -> Array:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def wide(self, name: str, x: Array, to: str) -> Array:
        return self.read(to, _gelu(self.linear(name, x)))

    def attend(self, query: Array, key: Array, value: Array) -> Array:
        query, key, value = (
            one.reshape(-1, TOKENS, HEADS, HEAD).transpose(0, 2, 1, 3)
            for one in (query, key, value)
        )
        scores = query @ key.transpose(0, 1, 3, 2) * np.float32(HEAD**-0.5)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        attended: Array = (weights @ value).transpose(0, 2, 1, 3).reshape(-1, TOKENS, WIDTH)
        return attended

    def add(self, one: Array, other: Array) -> Array:
        return one + other

    def norm(self, name: str, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(NORM_EPSILON))
        gain, shift = self._weights[f"{name}.gain"], self._weights[f"{name}.shift"]
        normed: Array = centred / deviation * gain + shift
        return normed

    def mean(self, x: Array) -> Array:
        averages: Array = x.mean(1)
        return averages


def _gelu(x: Array) -> Array:
    inner = np.float32((2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * x**3)
    y: Array = np.float32(0.5) * x * (1 + np.tanh(inner))
    return y
