"""The reference network as OpenVINO IR: FP32, and INT8 by NNCF post-training quantisation."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray

os.environ["NNCF_CI"] = "1"  # no telemetry

import nncf


def fp32(model: onnx.ModelProto) -> ov.Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fp32.onnx")
        onnx.save(model, path)
        return ov.convert_model(path)


def int8(model: ov.Model, calibration: NDArray[np.float32]) -> ov.Model:
    """NNCF's default: per-channel symmetric weights, activations by the calibration set."""
    return nncf.quantize(
        model,
        nncf.Dataset([calibration]),
        subset_size=1,
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
    )


def save(model: ov.Model, xml: Path) -> None:
    """Weights are float16-exact, so compressed storage changes no number."""
    ov.save_model(model, xml, compress_to_fp16=True)
    text = xml.read_text()
    start = text.index("<rt_info>", text.index("</edges>"))
    text = text[:start] + text[text.index("</rt_info>\n</net>", start) + len("</rt_info>\n") :]
    xml.write_text(re.sub(r"\n\s+", "\n", text))
