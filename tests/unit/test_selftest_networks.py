"""The networks are the published ones, and numpy computes them rightly."""

from __future__ import annotations

import numpy as np
import pytest

from selftest import networks, reference, weights
from selftest.frameworks import steps
from selftest.network import DIGITS
from selftest.networks import (
    IMAGE,
    MOBILENET_V2,
    RESNET50,
    Activation,
    Kind,
    Layer,
    Network,
)


def layer(kind: Kind = Kind.CONVOLUTION, **options: object) -> Layer:
    defaults = {"name": "layer", "source": IMAGE, "inputs": 4, "outputs": 4}
    return Layer(kind=kind, **{**defaults, **options})


def network(*layers: Layer, size: int = 7) -> Network:
    return Network(name="tiny", channels=4, size=size, layers=layers)


@pytest.mark.parametrize(
    ("published", "gop", "convolutions", "parameters"),
    [(RESNET50, 8.18, 53, 25_530_472), (MOBILENET_V2, 0.602, 52, 3_487_816)],
)
def test_operations_and_parameters_are_those_of_the_papers(
    published: Network, gop: float, convolutions: int, parameters: int
) -> None:
    kinds = [layer.kind for layer in published.layers]
    assert published.gop == pytest.approx(gop, rel=1e-3)
    assert kinds.count(Kind.CONVOLUTION) == convolutions
    assert sum(array.size for array in weights.make(published).values()) == parameters


@pytest.mark.parametrize("published", networks.NETWORKS, ids=lambda one: one.name)
def test_names_are_unique_and_layers_read_what_came_before(published: Network) -> None:
    known = {IMAGE}
    for one in published.layers:
        assert {one.source, one.add or one.source} <= known
        assert one.name not in known
        known.add(one.name)


def test_sizes_shrink_to_seven_before_the_average() -> None:
    assert RESNET50.sizes["pool"] == 56
    assert (RESNET50.sizes["stage4.block3"], MOBILENET_V2.sizes["last"]) == (7, 7)


def test_an_output_is_spent_after_its_last_reader() -> None:
    first, second = layer(name="a"), layer(name="b", source="a")
    third = layer(name="c", source="b", add="a")
    assert network(first, second, third).spent == ((IMAGE,), (), ("a", "b"))


def test_a_step_sees_what_is_still_read_and_the_last_one_makes_the_logits() -> None:
    first, second = layer(name="a"), layer(name="b", source="a")
    third = layer(name="c", source="b", add="a")
    seen = []

    def step(one: Layer) -> steps.Step[str]:
        def run(outputs: steps.Outputs[str]) -> str:
            seen.append((one.name, dict(outputs)))
            return one.name.upper()

        return run

    plan = steps.plan(network(first, second, third), step)
    assert steps.run(plan, {IMAGE: "pixels"}) == "C"
    assert seen == [("a", {IMAGE: "pixels"}), ("b", {"a": "A"}), ("c", {"a": "A", "b": "B"})]


@pytest.mark.parametrize("one", [*networks.NETWORKS, DIGITS], ids=lambda one: one.name)
def test_what_is_added_may_be_overwritten(one: Network) -> None:
    """oneDNN adds in place (pytorch_int8)."""
    pairs = zip(one.layers, one.spent, strict=True)
    assert all(layer.add in spent for layer, spent in pairs if layer.add)


@pytest.mark.parametrize("published", networks.NETWORKS, ids=lambda one: one.name)
def test_activations_stay_of_order_one_and_far_from_denormals(published: Network) -> None:
    shape = (1, published.channels, published.size, published.size)
    image = np.random.Generator(np.random.PCG64(1)).random(shape, dtype=np.float32)
    outputs = reference.run(published, weights.make(published), image)
    deviations = [float(array.std()) for array in outputs.values()]
    assert all(array.dtype == np.float32 for array in outputs.values())
    assert 0.2 < min(deviations) <= max(deviations) < 2
    assert outputs[published.layers[-1].name].shape == (1, 1000)


def test_weights_are_the_same_every_time() -> None:
    once, again = weights.make(MOBILENET_V2), weights.make(MOBILENET_V2)
    assert all(np.array_equal(once[name], again[name]) for name in once)


def directly(one: Layer, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A convolution as its definition says, number by number."""
    side = (x.shape[2] + 2 * one.padding - one.kernel) // one.stride + 1
    y = np.zeros((len(x), one.outputs, side, side))
    per_group = one.inputs // one.groups
    for n, o, row, column in np.ndindex(y.shape):
        start = o * one.groups // one.outputs * per_group
        y[n, o, row, column] = bias[o]
        for c, i, j in np.ndindex(per_group, one.kernel, one.kernel):
            at = row * one.stride + i - one.padding, column * one.stride + j - one.padding
            if min(at) >= 0 and max(at) < x.shape[2]:
                y[n, o, row, column] += x[n, start + c, *at] * weight[o, c, i, j]
    return y


@pytest.mark.parametrize(
    "one",
    [
        layer(kernel=3),
        layer(kernel=3, stride=2, outputs=6),
        layer(kernel=1, stride=2),
        layer(kernel=3, groups=4),
        layer(kernel=3, groups=4, stride=2),
        layer(kernel=7, stride=2),
    ],
)
def test_a_convolution_is_what_its_definition_says(one: Layer) -> None:
    random = np.random.Generator(np.random.PCG64(2))
    x = random.standard_normal((2, 4, 7, 7)).astype(np.float32)
    arrays = weights.make(network(one))
    outputs = reference.run(network(one), arrays, x)
    expected = directly(one, x, arrays["layer.weight"], arrays["layer.bias"])
    np.testing.assert_allclose(outputs["layer"], expected, atol=1e-5)


def test_what_is_added_comes_before_the_activation() -> None:
    one = layer(add=IMAGE, activation=Activation.RELU6)
    arrays = {"layer.weight": np.eye(4)[:, :, None, None], "layer.bias": np.array([0, 3, 9, -9.0])}
    x = np.ones((1, 4, 1, 1), np.float32)
    outputs = reference.run(network(one, size=1), arrays, x)
    assert outputs["layer"].ravel().tolist() == [2, 5, 6, 0]


def test_pools_and_linear_layer() -> None:
    pool = layer(Kind.MAX_POOL, name="pool", kernel=3, stride=2)
    mean = layer(Kind.MEAN, name="mean", source="pool")
    linear = layer(Kind.LINEAR, name="linear", source="mean", outputs=1)
    x = -np.arange(64, dtype=np.float32).reshape(1, 4, 4, 4)
    arrays = {"linear.weight": np.ones((1, 4), np.float32), "linear.bias": np.ones(1, np.float32)}
    outputs = reference.run(network(pool, mean, linear, size=4), arrays, x)
    assert outputs["pool"][0, 0].tolist() == [[0, -1], [-4, -5]]
    assert outputs["mean"].tolist() == [[-2.5, -18.5, -34.5, -50.5]]
    assert outputs["linear"].tolist() == [[-105]]


def test_a_range_always_holds_zero() -> None:
    outputs = {"a": np.float32([1, 2]), "b": np.float32([-3, -1]), "c": np.float32([-1, 1])}
    assert reference.ranges(outputs) == {"a": (0, 2), "b": (-3, 0), "c": (-1, 1)}


def test_an_error_is_relative_to_the_largest_logit_and_nan_stays() -> None:
    assert reference.error(np.float32([1, 3]), np.float32([0, 4])) == 0.25
    assert np.isnan(reference.error(np.float32([np.nan, 4]), np.float32([0, 4])))
