"""A network run layer after layer, keeping no output longer than something reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from selftest.networks import Layer, Network

Value = TypeVar("Value")

Outputs = dict[str, Value]
"""By the layer's name; the image too."""

Step = Callable[[Outputs[Value]], Value]
Plan = list[tuple[str, Step[Value], tuple[str, ...]]]
"""Of each layer its name, its step, and the outputs that nothing reads once it has run."""


def plan(network: Network, step: Callable[[Layer], Step[Value]]) -> Plan[Value]:
    return [
        (layer.name, step(layer), spent)
        for layer, spent in zip(network.layers, network.spent, strict=True)
    ]


def run(steps: Plan[Value], outputs: Outputs[Value]) -> Value:
    """The last step's output. `outputs`, at first the image alone, is used up."""
    for name, step, spent in steps:
        outputs[name] = step(outputs)
        for done in spent:
            del outputs[done]
    (last,) = outputs.values()
    return last
