"""The encoder is one definition; numpy says what it computes, and every file must promise that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ci.assets import encoder_reference
from selftest import digits, encoder, reference, tasks
from selftest.errors import BrokenInstallation
from selftest.frameworks import onnx_encoder
from tests.unit.onnx_reader import Graph, Node, read

DATA = Path(__file__).resolve().parents[2] / "selftest" / "data"
STORE, READ = "QuantizeLinear", "DequantizeLinear"


@pytest.fixture(scope="module")
def weights() -> dict[str, tasks.Array]:
    return digits.load_encoder(DATA)


@pytest.fixture(scope="module")
def int8(weights: dict[str, tasks.Array]) -> Graph:
    return read(onnx_encoder.int8(weights, digits.load_ranges(DATA)))


def test_it_reads_digits_it_has_never_seen(weights: dict[str, tasks.Array]) -> None:
    task = tasks.of_encoder(DATA)
    logits = encoder_reference.run(weights, task.inputs)["logits"]
    assert float((task.answers(logits) == task.labels).mean()) >= 0.985


def test_its_task_promises_every_linear_layer() -> None:
    assert dict(tasks.of_encoder(DATA).operators) == {"linear": 14}
    assert len(encoder.LINEAR) == 14


def test_all_that_linear_layers_read_has_a_range(weights: dict[str, tasks.Array]) -> None:
    reads = encoder_reference.run(weights, tasks.of_encoder(DATA).calibration)
    del reads["logits"]
    ranges = digits.load_ranges(DATA)
    assert tuple(reads) == tuple(ranges) == encoder.READS
    for name, ends in reference.ranges(reads).items():
        assert ranges[name] == pytest.approx(ends, abs=1e-5)


def test_attention_is_a_mean_of_values_weighted_by_how_alike_query_and_key_are() -> None:
    """With equal keys every token gets the mean of all values."""
    how = encoder_reference.Numpy({})
    random = np.random.default_rng(0).standard_normal
    shape = (2, encoder.TOKENS, encoder.WIDTH)
    query, value = random(shape, np.float32), random(shape, np.float32)
    attended = how.attend(query, np.ones(shape, np.float32), value)
    mean = np.broadcast_to(value.mean(1, keepdims=True), shape)
    assert np.allclose(attended, mean, atol=1e-6)


def test_a_norm_has_mean_and_deviation_of_its_own() -> None:
    parts = {"n.gain": np.full(4, 2, np.float32), "n.shift": np.full(4, 3, np.float32)}
    normed = encoder_reference.Numpy(parts).norm("n", np.array([[1, 2, 3, 6]], np.float32))
    assert (normed.mean(), normed.std()) == pytest.approx((3, 2), abs=1e-4)


def test_every_linear_layer_reads_8_bits_in_int8(int8: Graph) -> None:
    layers = [node for node in int8.nodes if node.operator == "Gemm"]
    assert [node.output for node in layers] == list(encoder.LINEAR)
    for node in layers:
        assert {int8.maker(name).operator for name in node.inputs} == {READ}
        stored = int8.tensors[int8.maker(f"{node.output}.weight").inputs[0]]
        assert (stored.dtype, stored.shape) == (np.int8, encoder.LINEAR[node.output])


def test_attention_itself_stays_in_fp32(int8: Graph) -> None:
    products = [node for node in int8.nodes if node.operator == "MatMul"]
    assert len(products) == 2 * len(encoder.LAYERS)
    for node in products:
        makers = {int8.maker(name).operator for name in node.inputs}
        assert makers <= {"Transpose", "Softmax"}


def test_what_three_layers_read_is_quantised_once(int8: Graph) -> None:
    stored = [node for node in int8.nodes if node.operator == STORE]
    assert len(stored) == len(encoder.LINEAR) - 2 * len(encoder.LAYERS)


def test_fp32_is_the_same_without_quantisation(
    weights: dict[str, tasks.Array], int8: Graph
) -> None:
    fp32 = read(onnx_encoder.fp32(weights))
    rest = [node.operator for node in int8.nodes if node.operator not in (STORE, READ)]
    assert fp32.operators() == rest
    assert fp32.maker("layer1.wide") == Node(
        operator="Gelu",
        inputs=("layer1.widen",),
        output="layer1.wide",
        attributes={"approximate": "tanh"},
    )


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    arrays = dict(np.load(DATA / "encoder.npz"))
    arrays["classify.bias"] = np.zeros(11, np.float16)
    np.savez(tmp_path / "encoder.npz", **arrays)
    with pytest.raises(
        BrokenInstallation, match=r"classify.bias has shape \(11,\) instead of \(10,\)"
    ):
        digits.load_encoder(tmp_path)
