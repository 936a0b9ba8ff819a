"""A variant for Arm that no recipe changes, and what is seen of it under emulation."""

from typing import Any

import msgspec
from msgspec.structs import replace

from inferpack.engine import Finished
from inferpack.expectation import Feature, Least, Operator, Row
from inferpack.model import Arch, Variant
from inferpack.rungs import CpuModel
from inferpack.translation import Phase, Translation
from tests.unit import records

A72 = CpuModel(name="Cortex-A72", arch=Arch.ARM64, model="cortex-a72", features=(Feature.NEON,))
N1 = CpuModel(
    name="Neoverse N1",
    arch=Arch.ARM64,
    model="neoverse-n1",
    features=(Feature.NEON, Feature.DOTPROD),
    smoke=True,
)
KERNEL = records.kernel("linear", "CPUExecutionProvider/QGemm", isa="dotprod")
SEEN = Translation(size=1_000, phases={Phase.FP32: {}, Phase.INT8: {"sdot": 128}})
NEON = Translation(size=1_000, phases={Phase.FP32: {}, Phase.INT8: {"smull": 20}})


def row(feature: Feature, least: Least) -> Row:
    return Row(cpu=(feature,), kernels={Operator.LINEAR: least}, speedup=1.0)


def variant(amd64: Variant, **cell: Any) -> Variant:
    """This variant, as if for Arm, with rows for dot products and for CPUs without them."""
    rows = row(Feature.DOTPROD, Least.DOTPROD), row(Feature.NEON, Least.NEON)
    recipe = replace(amd64.recipe, proof=replace(amd64.recipe.proof, rows=rows))
    made = {"arch": Arch.ARM64, "needs": (), **cell}
    return Variant(recipe=recipe, cell=replace(amd64.cell, **made))


def report(arm: Variant, cpu: CpuModel = N1, **other: Any) -> dict[str, Any]:
    """Of an emulated CPU, judged by the row of its best feature."""
    features = [str(feature) for feature in cpu.features]
    made = {
        "emulated": True,
        "cpu": records.CPU | {"model": cpu.name, "arch": "aarch64", "features": features},
        "row": features[-1:],
        "tasks": [records.ENCODER | {"int8": records.INT8 | {"kernels": [KERNEL]}}],
    }
    return records.report(arm, **made, **other)


def finished(document: dict[str, Any], code: int = 0) -> Finished:
    return Finished(code=code, stdout=msgspec.json.encode(document).decode(), stderr="")
