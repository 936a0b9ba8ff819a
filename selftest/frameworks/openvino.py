"""OpenVINO: evidence is its runtime model, refined by oneDNN's log (see runtime_model)."""

# ruff: noqa: E402 - the environment counts when the library loads
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from selftest import onednn

for _setting in onednn.SETTINGS:
    os.environ.pop(_setting, None)
os.environ["ONEDNN_VERBOSE"] = "profile_create"  # read once; executing prints nothing

import openvino  # type: ignore[import-untyped,unused-ignore]

from selftest.digits import Batch, Logits, load_encoder, load_ranges, present
from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel, NoEvidence, captured_stdout
from selftest.frameworks import Precision, openvino_encoder, openvino_graph, runtime_model
from selftest.networks import Network
from selftest.reference import Ranges
from selftest.tasks import ENCODER, Task, of_digits, of_encoder
from selftest.weights import Weights

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
"""Without the first, 'FP32' is BF16 on CPUs that have it."""

EVIDENCE_SETTINGS = {"PERF_COUNT": True, "CPU_RUNTIME_CACHE_CAPACITY": 0}
"""The second: equal layers must not share a primitive, or oneDNN logs only the first."""

WARM_UPS = 2


class Model:
    def __init__(self, framework: OpenVino, graph: Path | openvino.Model, name: str) -> None:
        self._framework, self._graph = framework, graph
        try:
            self._compiled = framework.core.compile_model(graph, "CPU", SETTINGS)
        except RuntimeError as err:
            raise BrokenInstallation(
                f"{name}: OpenVINO cannot load it ({first_line(err)}); "
                "pull the image again, or mount a good copy"
            ) from err
        self._request = self._compiled.create_infer_request()
        self._sizes: set[int] = set()

    def __call__(self, batch: Batch) -> Logits:
        if len(batch) not in self._sizes:
            self._sizes.add(len(batch))
            self._framework.listen(lambda: self._request.infer({0: batch}, share_inputs=True))
        logits: Logits = self._request.infer({0: batch}, share_inputs=True)[0]
        return logits

    def threads(self) -> int:
        return int(self._compiled.get_property("INFERENCE_NUM_THREADS"))

    def kernels(self, batch: Batch) -> tuple[Kernel, ...]:
        """Of a copy compiled with counters."""
        compiled = self._framework.core.compile_model(
            self._graph, "CPU", SETTINGS | EVIDENCE_SETTINGS
        )
        request = compiled.create_infer_request()
        made = self._framework.listen(lambda: request.infer({0: batch}))
        for _ in range(WARM_UPS):
            request.infer({0: batch})
        ran = runtime_model.parse(
            {key: value.astype(str) for key, value in operator.get_rt_info().items()}
            for operator in compiled.get_runtime_model().get_ordered_ops()
        )
        return runtime_model.refine(ran, made)


class OpenVino:
    version: str = openvino.__version__.partition("-")[0]

    def __init__(self, data: Path) -> None:
        self._data = data
        self._header: onednn.Header | None = None
        self._models: list[Model] = []
        self.core = openvino.Core()

    def tasks(self) -> tuple[Task, ...]:
        return of_digits(self._data), of_encoder(self._data)

    def load(self, task: Task, precision: Precision) -> Model:
        if task.name == ENCODER:
            return self._encoder(precision)
        path = present(self._data / "openvino" / f"{precision.value}.xml")
        present(path.with_suffix(".bin"))
        return self._counted(Model(self, path, str(path)))

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model:
        if precision is Precision.INT8:
            graph = openvino_graph.int8(network, weights, ranges)
        else:
            graph = openvino_graph.fp32(network, weights)
        return self._counted(Model(self, graph, network.name))

    def _encoder(self, precision: Precision) -> Model:
        weights = load_encoder(self._data)
        if precision is Precision.FP32:
            graph = openvino_encoder.fp32(weights)
        else:
            graph = openvino_encoder.int8(weights, load_ranges(self._data))
        return self._counted(Model(self, graph, ENCODER))

    def _counted(self, model: Model) -> Model:
        self._models.append(model)
        return model

    def threads(self) -> int:
        return max(model.threads() for model in self._models)

    def listen(self, first_run: Callable[[], object]) -> tuple[Kernel, ...]:
        """The oneDNN primitives made by a model's first run with a batch size (none where OpenVINO
        does not use oneDNN, or says nothing); keeps their log off the terminal.
        """
        log = captured_stdout(first_run)
        self._header = self._header or onednn.find_header(log)
        try:
            return onednn.parse(log, self._header, onednn.CREATED)
        except NoEvidence:
            return ()


def open_framework(data: Path) -> OpenVino:
    return OpenVino(data)
