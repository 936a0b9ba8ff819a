"""The same weights are in every framework: FP32 gives the same logits, whoever computes them."""

import base64
import functools

import numpy as np
from numpy.typing import NDArray

from inferpack.engine import Engine
from tests.integration.conftest import VARIANTS, proven
from tests.integration.containers import python

LIKE = 1e-4  # logits are around 10
CODE = """
import sys
sys.path.insert(0, "/opt/inferpack")
import base64
from pathlib import Path
from selftest import digits
from selftest.frameworks import Precision, open_framework
data = Path("/opt/inferpack/selftest/data")
samples = digits.load(data)
model = open_framework("{framework}", data).load(Precision.FP32, samples.calibration)
logits = model(samples.images)
assert logits.dtype == "float32"
print(base64.b64encode(logits.tobytes()).decode())
"""


def logits(engine: Engine, variant_id: str, framework: str) -> NDArray[np.float32]:
    """Of every test image, on this CPU."""
    run = functools.partial(engine.run, proven(variant_id).digest, timeout=120.0)
    printed = python(run, CODE.format(framework=framework))
    return np.frombuffer(base64.b64decode(printed), np.float32).reshape(-1, 10)


def test_fp32_logits_are_the_same_in_every_framework(engine: Engine) -> None:
    found = {item.id: logits(engine, item.id, item.recipe.name) for item in VARIANTS}
    (first, *others) = found.values()
    assert len(first) >= 400 and np.abs(first).max() > 5
    apart = {name: float(np.abs(values - first).max()) for name, values in found.items()}
    assert max(apart.values()) <= LIKE, apart
    assert len(others) >= 2
