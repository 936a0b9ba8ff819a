"""onnxruntime: evidence is the profile of one run (which operators, on which provider)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library loads

import onnxruntime  # type: ignore[import-untyped,unused-ignore]

from selftest.digits import Batch, Logits, load_encoder, load_ranges, present
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence
from selftest.frameworks import Precision, onnx_encoder, onnx_graph
from selftest.frameworks.profile import parse
from selftest.networks import Network
from selftest.reference import Ranges
from selftest.tasks import ENCODER, Task, of_digits, of_encoder
from selftest.weights import Weights

PROVIDERS = ["CPUExecutionProvider"]
STOP = ("session.force_spinning_stop", "1")
BRIEFLY = ("session.intra_op.spin_duration_us", "200")
"""How idle threads wait. By default they spin for 10 ms after a run, in which they disturb another
session. To stop at once makes small networks 15 % slower, to spin for 0.2 ms makes none slower.
"""

SCRATCH = Path("/dev/shm")  # noqa: S108 - the one writable place under a read-only root


class Model:
    def __init__(self, file: Path | bytes, name: str, waiting: tuple[str, str]) -> None:
        self._file, self._waiting = file, waiting
        try:
            before = _threads()
            self._session = onnxruntime.InferenceSession(file, _options(waiting), PROVIDERS)
            self.threads = 1 + _threads() - before
        except Exception as err:  # onnxruntime's exceptions have no common base
            raise BrokenInstallation(
                f"{name}: onnxruntime cannot load it ({first_line(err)}); "
                "pull the image again, or mount a good copy"
            ) from err

    def __call__(self, batch: Batch) -> Logits:
        with _failures():
            logits: Logits = self._session.run(None, {"image": batch})[0]
        return logits

    def kernels(self, batch: Batch) -> tuple[Kernel, ...]:
        """Profiles the second run, in a session of its own: the first one includes set-up."""
        options = _options(self._waiting)
        options.enable_profiling = True
        options.profile_file_prefix = str(SCRATCH / f"selftest-{os.getpid()}")
        with _failures():
            session = onnxruntime.InferenceSession(self._file, options, PROVIDERS)
            session.run(None, {"image": batch})
            profile = Path(session.end_profiling())
        try:
            return parse(profile.read_text(encoding="utf-8"))
        except OSError as err:
            raise NoEvidence(f"onnxruntime wrote no profile in {SCRATCH}: {err.strerror}") from err
        finally:
            with suppress(OSError):
                profile.unlink()


@contextmanager
def _failures() -> Iterator[None]:
    """Those of other libraries are RuntimeErrors; onnxruntime's have no common base."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as err:
        raise RuntimeError(first_line(err)) from err


def _options(waiting: tuple[str, str]) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry(*waiting)
    return options


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


class OnnxRuntime:
    version: str = onnxruntime.__version__

    def __init__(self, data: Path) -> None:
        self._data = data
        self._threads = 1

    def tasks(self) -> tuple[Task, ...]:
        return of_digits(self._data), of_encoder(self._data)

    def load(self, task: Task, precision: Precision) -> Model:
        if task.name == ENCODER:
            return self._encoder(precision)
        path = present(self._data / "onnxruntime" / f"{precision.value}.onnx")
        return self._counted(Model(path, str(path), STOP))

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model:
        if precision is Precision.INT8:
            file = onnx_graph.int8(network, weights, ranges)
        else:
            file = onnx_graph.fp32(network, weights)
        return self._counted(Model(file, network.name, BRIEFLY))

    def _encoder(self, precision: Precision) -> Model:
        weights = load_encoder(self._data)
        if precision is Precision.FP32:
            file = onnx_encoder.fp32(weights)
        else:
            file = onnx_encoder.int8(weights, load_ranges(self._data))
        return self._counted(Model(file, ENCODER, STOP))

    def _counted(self, model: Model) -> Model:
        self._threads = max(self._threads, model.threads)
        return model

    def threads(self) -> int:
        return self._threads


def open_framework(data: Path) -> OnnxRuntime:
    return OnnxRuntime(data)
