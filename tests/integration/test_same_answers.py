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
from selftest.frameworks import Precision, open_framework
framework = open_framework("{framework}", Path("/opt/inferpack/selftest/data"))
for task in (one for one in framework.tasks() if one.unit == "images"):
    logits = framework.load(task, Precision.FP32)(task.inputs)
    assert logits.dtype == "float32"
    print(task.name, base64.b64encode(logits.tobytes()).decode())
"""


def logits(engine: Engine, variant_id: str, framework: str) -> dict[str, NDArray[np.float32]]:
    """By task, of every test image, on this CPU."""
    run = functools.partial(engine.run, proven(variant_id).digest, timeout=120.0)
    lines = map(str.split, python(run, CODE.format(framework=framework)).splitlines())
    return {
        name: np.frombuffer(base64.b64decode(printed), np.float32).reshape(-1, 10)
        for name, printed in lines
    }


def test_fp32_logits_are_the_same_in_every_framework(engine: Engine) -> None:
    answers = {item.id: logits(engine, item.id, item.recipe.name) for item in VARIANTS}
    for task in ("digits", "encoder"):
        found = {name: of[task] for name, of in answers.items() if task in of}
        (first, *others) = found.values()
        assert len(first) >= 400 and np.abs(first).max() > 5
        apart = {name: float(np.abs(values - first).max()) for name, values in found.items()}
        assert max(apart.values()) <= LIKE, apart
        assert len(others) >= 2
