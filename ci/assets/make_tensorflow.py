# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#     "numpy==2.4.6",
#     "tensorflow-cpu==2.21.0",
# ]
# ///
"""Writes selftest/data/tensorflow: the digits network in INT8, as LiteRT reads it.

    uv run --script ci/assets/make_tensorflow.py [FOLDER]

From the weights and the calibration images that are already in FOLDER. Reproducible: two runs
write the same bytes.
"""

# ruff: noqa: E402 - the environment counts when a library loads
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from selftest import digits, reference
from selftest.frameworks import litert, tensorflow_graph
from selftest.network import DIGITS
from selftest.networks import IMAGE

ACCURACY_MIN = 0.98


def channels_last(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def write(folder: Path) -> None:
    samples, weights = digits.load(folder), digits.load_weights(folder)
    graph = tensorflow_graph.fp32(DIGITS, weights)

    def network(image: object) -> object:
        return graph(tf.transpose(image, (0, 3, 1, 2)))

    def calibration() -> Iterator[list[NDArray[np.float32]]]:
        for image in channels_last(samples.calibration):
            yield [image[None]]

    shape = (None, DIGITS.size, DIGITS.size, DIGITS.channels)
    concrete = tf.function(
        network, input_signature=[tf.TensorSpec(shape, tf.float32, name=IMAGE)], autograph=False
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    path = folder / "tensorflow" / "int8.tflite"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(converter.convert())
    check(path, samples, weights)


def check(path: Path, samples: digits.Digits, weights: dict[str, NDArray[np.float32]]) -> None:
    """Prints what the written model makes of the test images; fails where it makes nothing."""
    model = litert.Model(path, threads=1)
    logits = model(samples.images)
    accuracy = float((logits.argmax(1) == samples.labels).mean())
    outputs = reference.run(DIGITS, weights, samples.images)
    error = reference.error(logits, outputs[DIGITS.layers[-1].name])
    print(f"{path}: {path.stat().st_size} bytes, accuracy {accuracy:.4f}, error {error:.3f}")
    for kernel in model.kernels(samples.images):
        print(f"  {kernel.implementation} {kernel.types}")
    if accuracy < ACCURACY_MIN:
        raise SystemExit(f"INT8 accuracy is under {ACCURACY_MIN}")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "selftest" / "data")
