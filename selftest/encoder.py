"""The reference encoder that the proof runs: a small BERT that reads the same digits, row by row.

Input: (batch, 1, 8, 8) float32 in 0..1; each row of eight pixels is a token. Output: (batch, 10)
logits. Post-norm layers, as in https://arxiv.org/abs/1810.04805; GELU in its tanh form
(https://arxiv.org/abs/1606.08415), the mean of all tokens instead of a special one.

INT8 is about the linear layers, nearly all of the work. Products of two activations (attention),
softmax and LayerNorm stay in FP32, as quantisers for transformers leave them.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol, TypeVar

from selftest.network import CLASSES, SIZE
from selftest.networks import IMAGE

TOKENS, PIXELS = SIZE, SIZE
WIDTH = 128
HEADS = 4
HEAD = WIDTH // HEADS
HIDDEN = 4 * WIDTH
LAYERS = tuple(f"layer{number}" for number in (1, 2))
NORM_EPSILON = 1e-5

EMBEDDED, POSITIONS = "embedded", "positions"
"""The tokens as vectors, and what is added to tell their places: (TOKENS, WIDTH)."""

ATTENTION = ("query", "key", "value")

LINEAR: dict[str, tuple[int, int]] = {
    "embed": (WIDTH, PIXELS),
    **{
        f"{layer}.{name}": shape
        for layer in LAYERS
        for name, shape in (
            *((name, (WIDTH, WIDTH)) for name in ATTENTION),
            ("out", (WIDTH, WIDTH)),
            ("widen", (HIDDEN, WIDTH)),
            ("narrow", (WIDTH, HIDDEN)),
        )
    },
    "classify": (CLASSES, WIDTH),
}
"""Every linear layer: (outputs, inputs)."""

NORMS = tuple(f"{layer}.{name}" for layer in LAYERS for name in ("norm1", "norm2"))

_WITHIN = tuple(
    f"{layer}.{name}" for layer in LAYERS for name in ("attended", "norm1", "wide", "norm2")
)
READS = (IMAGE, EMBEDDED, *_WITHIN[:-1], "mean")
"""What linear layers read, by name; none reads the last norm."""

OPERATORS = Counter(linear=len(LINEAR))
"""How often one inference runs each kind."""

SHAPES: dict[str, tuple[int, ...]] = {
    **{f"{name}.weight": shape for name, shape in LINEAR.items()},
    **{f"{name}.bias": shape[:1] for name, shape in LINEAR.items()},
    **{f"{name}.{part}": (WIDTH,) for name in NORMS for part in ("gain", "shift")},
    POSITIONS: (TOKENS, WIDTH),
}
"""Of every array of weights."""

Value = TypeVar("Value")
Read = TypeVar("Read")


class Arithmetic(Protocol[Value, Read]):
    """How one framework computes. A Value is in FP32; a Read is what linear layers read: quantised
    in INT8, and the Value itself in FP32.
    """

    def tokens(self, image: Value) -> Value:
        """(batch, 1, 8, 8) as (batch, TOKENS, PIXELS)."""

    def constant(self, name: str) -> Value: ...

    def read(self, name: str, x: Value) -> Read: ...

    def linear(self, name: str, x: Read) -> Value: ...

    def wide(self, name: str, x: Read, to: str) -> Read:
        """GELU of a linear layer, as the next one reads it by the name `to`."""

    def attend(self, query: Value, key: Value, value: Value) -> Value:
        """Scaled dot products of HEADS heads, softmax, and the values weighted by it."""

    def add(self, one: Value, other: Value) -> Value: ...

    def norm(self, name: str, x: Value) -> Value: ...

    def mean(self, x: Value) -> Value:
        """Of all tokens: (batch, WIDTH)."""


def run(how: Arithmetic[Value, Read], image: Value) -> Value:
    """The encoder: one definition for every framework and both precisions."""
    x = how.add(how.linear("embed", how.read(IMAGE, how.tokens(image))), how.constant(POSITIONS))
    source = EMBEDDED
    for layer in LAYERS:
        read = how.read(source, x)
        query, key, value = (how.linear(f"{layer}.{one}", read) for one in ATTENTION)
        attended = how.read(f"{layer}.attended", how.attend(query, key, value))
        x = how.norm(f"{layer}.norm1", how.add(x, how.linear(f"{layer}.out", attended)))
        read = how.read(f"{layer}.norm1", x)
        wide = how.wide(f"{layer}.widen", read, f"{layer}.wide")
        source = f"{layer}.norm2"
        x = how.norm(source, how.add(x, how.linear(f"{layer}.narrow", wide)))
    return how.linear("classify", how.read("mean", how.mean(x)))
