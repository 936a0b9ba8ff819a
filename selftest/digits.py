"""The data files of this program: labelled digits to judge by, weights to compute with."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from selftest import encoder
from selftest.errors import BrokenInstallation, first_line
from selftest.network import DIGITS, PIXEL_MAX

Batch = NDArray[np.float32]
"""Images (n, 1, 8, 8) in 0..1."""

Logits = NDArray[np.float32]
"""(n, 10)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digits:
    """Handwritten digits (scikit-learn's), none of the test images seen in training."""

    images: Batch
    labels: NDArray[np.uint8]
    calibration: Batch


def load(folder: Path) -> Digits:
    path = folder / "digits.npz"
    arrays = _arrays(path, ("test_images", "test_labels", "calibration_images"))
    images, labels = arrays["test_images"], arrays["test_labels"].astype(np.uint8)
    if images.shape != (len(labels), 8, 8) or not len(labels):
        raise _broken(path, f"images {images.shape} do not go with labels {labels.shape}")
    return Digits(
        images=_scaled(images), labels=labels, calibration=_scaled(arrays["calibration_images"])
    )


def load_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """`<layer>.weight` and `<layer>.bias`; stored as float16 without loss, returned as float32."""
    shapes = {f"{layer.name}.weight": layer.shape for layer in DIGITS.layers if layer.shape}
    shapes |= {name.replace("weight", "bias"): shape[:1] for name, shape in shapes.items()}
    return _weights(folder / "weights.npz", shapes)


def load_encoder(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Those of encoder.SHAPES; stored in the same way."""
    return _weights(folder / "encoder.npz", encoder.SHAPES)


def load_ranges(folder: Path) -> dict[str, tuple[float, float]]:
    """Of all that the encoder's linear layers read; reference.ranges of the calibration images."""
    shapes = {f"{name}.range": (2,) for name in encoder.READS}
    found = _weights(folder / "encoder.npz", shapes)
    ends = {name: found[f"{name}.range"] for name in encoder.READS}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _weights(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    arrays = _arrays(path, tuple(shapes))
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise _broken(path, f"{name} has shape {arrays[name].shape} instead of {shape}")
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def present(path: Path) -> Path:
    """The path itself, once it is a readable file."""
    try:
        path.open("rb").close()
    except OSError as err:
        raise _broken(path, err.strerror or str(err)) from err
    return path


def _arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    if not zipfile.is_zipfile(present(path)):
        raise _broken(path, "not an npz file, or cut off")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
        raise _broken(path, first_line(err)) from err


def _scaled(images: NDArray[np.generic]) -> Batch:
    return images[:, None].astype(np.float32) / np.float32(PIXEL_MAX)


def _broken(path: Path, why: str) -> BrokenInstallation:
    return BrokenInstallation(
        f"{path}: missing or corrupt ({why}); pull the image again, or mount a good copy"
    )
