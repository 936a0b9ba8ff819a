"""MKL's verbose log: what PyTorch computes linear layers with in FP32, where oneDNN does not.

https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/2026-2/using-onemkl-verbose-mode.html
"""

from __future__ import annotations

import re

from selftest.evidence import Kernel

CALL = re.compile(r"^MKL_VERBOSE (?P<routine>[A-Z_]+)\(.*\) (?P<time>[\d.]+)(?P<unit>ns|us|ms|s) ")
OPERATORS = {"SGEMM": "linear", "SGEMM_BATCH": "attention"}
"""A batch of products is one of two activations: weights are the same for all of a batch."""

MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


def parse(log: str) -> tuple[Kernel, ...]:
    """One kernel per product in single precision, in order; none where MKL did nothing."""
    calls = filter(None, map(CALL.match, log.splitlines()))
    return tuple(
        Kernel(
            operator=OPERATORS[call["routine"]],
            types="f32",
            implementation=f"mkl:{call['routine'].lower()}",
            milliseconds=float(call["time"]) * MILLISECONDS[call["unit"]],
        )
        for call in calls
        if call["routine"] in OPERATORS
    )
