"""Ways to break an image's selftest, and to read why it failed."""

import base64
import shutil
from pathlib import Path
from typing import Any

from inferpack import cli
from tests.integration.containers import Run, mounted, python, selftest

SELFTEST = "/opt/inferpack/selftest"
DATA = f"{SELFTEST}/data"
CTRANSLATE2 = "ctranslate2-onednn-py311-amd64"
LLAMA_CPP = "llama-cpp-ggml-py311-amd64"
MLAS = "onnxruntime-mlas-py311-amd64"
OPENVINO = "openvino-onednn-py311-amd64"
PYTORCH = "pytorch-onednn-py311-amd64"
TENSORFLOW = "tensorflow-onednn-py311-amd64"

THROTTLED = """

class _Throttled:
    def __init__(self, model):
        self._model, self.kernels = model, model.kernels

    def __call__(self, batch):
        import time

        start = time.perf_counter()
        logits = self._model(batch)
        time.sleep(9 * (time.perf_counter() - start))
        return logits


_open = open_framework


def open_framework(name, data):
    framework = _open(name, data)
    load = framework.load
    framework.load = lambda task, precision: (
        _Throttled(load(task, precision)) if precision is Precision.INT8 else load(task, precision)
    )
    return framework
"""
"""For the end of frameworks/__init__.py: INT8 gets a tenth of the CPU time, as from a quota."""

Volumes = dict[str, dict[str, str]]


def failures(run: Run, *words: str, **options: Any) -> dict[str, str]:
    """The line that tells each failing check, by its title; the exit code must say so too."""
    finished = run(["selftest", *words], **options)
    head, _, reasons = finished.stdout.partition("\nverdict: FAIL\n")
    assert (finished.code, bool(reasons)) == (1, True), finished.stdout + finished.stderr
    failed = [line[5:].split("  ")[0] for line in head.splitlines() if line.startswith("FAIL ")]
    told = reasons.splitlines()[-len(failed) :]  # a note on the row may stand above
    return {name: next(line for line in told if line.startswith(name)) for name in failed}


def altered(run: Run, code: str, folder: Path, name: str) -> Path:
    """A file that `code`, run in the image, prints in base64."""
    path = folder / name
    path.write_bytes(base64.b64decode(python(run, code)))
    path.chmod(0o644)
    return path


def adapter(folder: Path, name: str, old: str, new: str) -> Volumes:
    """selftest's adapters, with one line of one of them changed."""
    # The whole folder: bytecode in an image is not checked against a changed source.
    changed = folder / "frameworks"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(cli.ROOT / "selftest/frameworks", changed, ignore=without)
    source = (changed / name).read_text()
    assert source.count(old) == 1
    (changed / name).write_text(source.replace(old, new))
    return mounted(changed, f"{SELFTEST}/frameworks")


def assert_slow_linear_is_judged(run: Run, task: str, volumes: Volumes) -> None:
    """Some linear layer of INT8 ran on a kernel that is not fast. That fails, but for a CPU whose
    row asks for no better one: below AVX-512 and VNNI oneDNN has none.
    """
    report = selftest(run, volumes=volumes)[1]
    (own,) = (item for item in report["tasks"] if item["name"] == task)
    kinds = {one["kind"] for one in own["int8"]["kernels"] if one["operator"] == "linear"}
    name = "int8 kernels: linear"
    (check,) = (item for item in report["checks"] if (item["task"], item["name"]) == (task, name))
    assert kinds & {"reference", "slow int8"}
    assert check["passed"] == ("reference" not in kinds and "any int8" in check["expected"])
