# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "nncf==3.4.0",
#     "numpy==2.4.6",
#     "onnx==1.23.2",
#     "onnxruntime==1.31.1",
#     "openvino==2026.4.1",
#     "scikit-learn==1.9.1",
#     "torch==2.13.0",
# ]
# ///
"""Writes selftest/data: digits, both networks' weights, and every framework's FP32 and INT8 model.

    uv run --script ci/assets/make.py [FOLDER]

Reproducible: on one kind of machine, two runs write the same bytes.
"""

# ruff: noqa: E402 - the environment counts when a library loads
from __future__ import annotations

import io
import os
import sys
import warnings
import zipfile
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
warnings.filterwarnings("ignore")

import encoder_reference
import export_onnx
import export_openvino
import numpy as np
import onnxruntime
import openvino
import train
import train_encoder
from numpy.typing import NDArray

EARLIEST = (1980, 1, 1, 0, 0, 0)
ACCURACY_MIN = 0.98
FP32_AGREES_TO = 1e-4


def write_npz(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """numpy's format with fixed times: same arrays, same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in sorted(arrays.items()):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())


def write(folder: Path) -> None:
    for name in ("onnxruntime", "openvino"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    digits = train.load()
    weights = train.train(digits)
    calibration = train.scaled(digits.calibration_images)
    write_npz(
        folder / "digits.npz",
        {
            "test_images": digits.test_images,
            "test_labels": digits.test_labels,
            "calibration_images": digits.calibration_images,
        },
    )
    write_npz(folder / "weights.npz", {n: w.astype(np.float16) for n, w in weights.items()})
    encoded = train_encoder.train(digits)
    write_npz(folder / "encoder.npz", train_encoder.stored(encoded, calibration))
    small = export_onnx.fp32(weights, half_storage=True)
    quantised = export_onnx.int8(weights, calibration)
    (folder / "onnxruntime" / "fp32.onnx").write_bytes(small.SerializeToString(deterministic=True))
    (folder / "onnxruntime" / "int8.onnx").write_bytes(
        quantised.SerializeToString(deterministic=True)
    )
    model = export_openvino.fp32(export_onnx.fp32(weights, half_storage=False))
    export_openvino.save(model, folder / "openvino" / "fp32.xml")
    export_openvino.save(export_openvino.int8(model, calibration), folder / "openvino" / "int8.xml")
    check(folder, digits, train.forward(weights, train.scaled(digits.test_images)))
    check_encoder(encoded, digits)


def by_onnxruntime(path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits: NDArray[np.float32] = session.run(None, {"image": images})[0]
    return logits


def by_openvino(path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    logits: NDArray[np.float32] = compiled(images)[0]
    return logits


def check(folder: Path, digits: train.Digits, reference: NDArray[np.float32]) -> None:
    """Prints what each written model makes of the test images; fails when FP32 disagrees."""
    images = train.scaled(digits.test_images)
    print(f"torch fp32: accuracy {accuracy(reference, digits):.4f}")
    if accuracy(reference, digits) < ACCURACY_MIN:
        raise SystemExit(f"FP32 accuracy is under {ACCURACY_MIN}")
    for framework, suffix, run in (
        ("onnxruntime", "onnx", by_onnxruntime),
        ("openvino", "xml", by_openvino),
    ):
        for precision in ("fp32", "int8"):
            logits = run(folder / framework / f"{precision}.{suffix}", images)
            error = float(np.abs(logits - reference).max())
            print(
                f"{framework} {precision}: accuracy {accuracy(logits, digits):.4f}, "
                f"logits differ from torch fp32 by at most {error:.2e}"
            )
            if precision == "fp32" and error > FP32_AGREES_TO:
                raise SystemExit(f"{framework}: FP32 differs by more than {FP32_AGREES_TO}")
    total = 0
    for path in sorted(
        p for p in folder.rglob("*.*") if p.suffix in (".npz", ".onnx", ".xml", ".bin")
    ):
        total += path.stat().st_size
        print(f"{path.stat().st_size:8} {path.relative_to(folder)}")
    print(f"{total:8} total")


def check_encoder(weights: dict[str, NDArray[np.float32]], digits: train.Digits) -> None:
    """Frameworks build it from its weights; the selftest compares them."""
    logits = encoder_reference.run(weights, train.scaled(digits.test_images))["logits"]
    print(f"encoder fp32: accuracy {accuracy(logits, digits):.4f}")
    if accuracy(logits, digits) < ACCURACY_MIN:
        raise SystemExit(f"the encoder's FP32 accuracy is under {ACCURACY_MIN}")


def accuracy(logits: NDArray[np.float32], digits: train.Digits) -> float:
    return float((logits.argmax(1) == digits.test_labels).mean())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "selftest" / "data")
