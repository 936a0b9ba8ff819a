"""Which matrix products CTranslate2 ran: its own log's backends, and oneDNN's verbose log."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from selftest import onednn
from selftest.errors import first_line
from selftest.evidence import Kernel, NoEvidence

BACKEND = re.compile(r"- (SGEMM|GEMM_S8) backend: (\w+)")
ONEDNN = "DNNL"
"""What CTranslate2 calls it."""

GEMM_API = "gemm_api"
"""What oneDNN's log calls matrix products that are plain functions: it does not name what computes
them."""

NAMELESS = "gemm"
"""Behind the library's name: where that is all that is known, the instructions tell."""

WEIGHTS = re.compile(r"(?:^|\s)wei_\w+::blocked:ba\b")
"""A layer multiplies by its weights, transposed and unscaled. Attention does not: it scales the
product of queries and keys, and does not transpose the values."""

RUN = "selftest runs it"
PROGRAM = f"""
import ctypes, json, os, sys, ctranslate2
given = json.load(sys.stdin)
translator = ctranslate2.Translator(**given["translator"])
for _ in range(2):
    ctypes.CDLL(None).fflush(None)
    os.write(1, b"{RUN}\\n")
    translator.translate_batch(given["sentences"], **given["options"])
"""
"""oneDNN reads its settings once, and to log all the time is slow: so this has a process of its
own. It runs twice, for the first run includes set-up."""

SECONDS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Backends:
    """Which library multiplies, in CTranslate2's words."""

    fp32: str
    int8: str


def backends(log: str) -> Backends | None:
    """From what CTranslate2 logs when a process loads its first model."""
    found = dict(BACKEND.findall(log))
    if set(found) != {"SGEMM", "GEMM_S8"}:
        return None
    return Backends(fp32=found["SGEMM"], int8=found["GEMM_S8"])


def logged(
    translator: Mapping[str, object],
    sentences: list[list[str]],
    options: Mapping[str, object],
) -> str:
    """oneDNN's verbose log of this translation. Raises NoEvidence."""
    given = {"translator": translator, "sentences": sentences, "options": options}
    kept = {name: value for name, value in os.environ.items() if name not in onednn.SETTINGS}
    try:
        done = subprocess.run(
            [sys.executable, "-sP", "-c", PROGRAM],
            input=json.dumps(given),
            env={**kept, "ONEDNN_VERBOSE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as err:
        raise NoEvidence(f"no second process for oneDNN's verbose log ({first_line(err)})") from err
    if done.returncode:
        last = [done.stderr.strip().rpartition("\n")[2], f"exit code {done.returncode}"]
        raise NoEvidence(f"the process for oneDNN's verbose log failed ({', '.join(last)})")
    return done.stdout


def parse(log: str) -> tuple[Kernel, ...]:
    """What the log shows of the second run. Raises NoEvidence."""
    records = onednn.records(log.rpartition(RUN)[2], onednn.find_header(log), onednn.EXECUTED)
    kernels = tuple(_kernel(record) for record in records)
    if not kernels:
        raise NoEvidence("oneDNN's verbose log shows no matrix product")
    return kernels


def _kernel(record: Mapping[str, str]) -> Kernel:
    kernel = onednn.kernel(record)
    if record["primitive"] != GEMM_API:
        return kernel
    scaled = record["attributes"].strip()
    layer = WEIGHTS.search(record["memory_descriptors"]) and not scaled
    return replace(
        kernel,
        operator="linear" if layer else "attention",
        implementation=f"oneDNN/{NAMELESS}",
    )
