"""What each framework module offers: `open_framework(data_folder)`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from selftest.errors import BrokenInstallation, first_line
from selftest.evidence import Kernel

if TYPE_CHECKING:
    from selftest.networks import Network
    from selftest.reference import Ranges
    from selftest.tasks import Array, Task
    from selftest.weights import Weights

NAMES = ("ctranslate2", "llama-cpp", "onnxruntime", "openvino", "pytorch", "tensorflow")


class Precision(Enum):
    FP32 = "fp32"
    INT8 = "int8"


class Model(Protocol):
    """A loaded model; `kernels` runs it once more and raises NoEvidence when nothing tells. What
    fails in the library is a RuntimeError or MemoryError.
    """

    def __call__(self, inputs: Array) -> Array: ...

    def kernels(self, inputs: Array) -> tuple[Kernel, ...]: ...


class Framework(Protocol):
    """`tasks`: what it is proven by, the main one first; `threads`: how many really compute, known
    once a model has run.
    """

    version: str

    def tasks(self) -> tuple[Task, ...]: ...

    def load(self, task: Task, precision: Precision) -> Model: ...

    def threads(self) -> int: ...


@runtime_checkable
class Benched(Framework, Protocol):
    """One that can also build the bench's networks."""

    def build(
        self, network: Network, weights: Weights, ranges: Ranges, precision: Precision
    ) -> Model: ...


@contextmanager
def inference(name: str) -> Iterator[None]:
    """What fails while models load and run, in one line."""
    try:
        yield
    except MemoryError as err:
        raise BrokenInstallation(
            f"{name}: out of memory ({first_line(err)}); allow the container more"
        ) from err
    except RuntimeError as err:
        raise BrokenInstallation(
            f"{name}: inference failed ({first_line(err)}); "
            "try without ISA or thread settings in the environment"
        ) from err


def open_framework(name: str, data: Path) -> Framework:
    if name not in NAMES:
        raise BrokenInstallation(
            f"expect.json: unknown framework '{name}'; selftest knows {', '.join(NAMES)}"
        )
    try:
        module = importlib.import_module(f"selftest.frameworks.{name.replace('-', '_')}")
    except (ImportError, OSError, RuntimeError) as err:
        raise BrokenInstallation(
            f"{name}: cannot be imported ({first_line(err)}); pull the image again"
        ) from err
    return cast("Callable[[Path], Framework]", module.open_framework)(data)
