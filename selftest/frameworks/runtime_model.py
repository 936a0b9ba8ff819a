"""OpenVINO's evidence: its runtime model, and oneDNN's log of what was made; no openvino needed.

The runtime model lists every operator with its time, but calls brgconv_avx512_I8 what runs with
or without VNNI. oneDNN's log of created primitives tells them apart. (Its log of executed ones
makes convolutions of openvino 2026.4.1 fail at random: 'could not execute a primitive'.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from selftest.evidence import Kernel, NoEvidence

OPERATORS = {
    "Convolution": "convolution",
    "FullyConnected": "linear",
    "MatMul": "attention",  # of two activations; with weights it is a FullyConnected
    "ScaledDotProductAttention": "attention",
    "Eltwise": "add",
    "Pooling": "pool",
    "Reduce": "pool",
    "Reorder": "reorder",
    "Transpose": "reorder",
    "FakeQuantize": "quantize",
}
JUDGED = ("convolution", "linear")
NOT_RUN = "not_executed"
NEEDED = ("layerType", "primitiveType", "runtimePrecision", "execTimeMcs")


def parse(operators: Iterable[Mapping[str, str]]) -> tuple[Kernel, ...]:
    """Every operator that ran, in order, by the runtime model's rt_info alone."""
    kernels: list[Kernel] = []
    for info in operators:
        if missing := [key for key in NEEDED if key not in info]:
            raise NoEvidence(f"OpenVINO's runtime model no longer tells {', '.join(missing)}")
        if info["execTimeMcs"] == NOT_RUN:
            continue
        if not info["execTimeMcs"].isdigit():
            raise NoEvidence(f"OpenVINO's runtime model has no time we know: {info['execTimeMcs']}")
        kernels.append(
            Kernel(
                operator=OPERATORS.get(info["layerType"], "other"),
                types=info["primitiveType"].rpartition("_")[2].lower(),
                implementation=info["primitiveType"],
                milliseconds=int(info["execTimeMcs"]) / 1000,
            )
        )
    if not kernels:
        raise NoEvidence("OpenVINO's runtime model shows no operator that ran")
    return tuple(kernels)


def refine(ran: Sequence[Kernel], made: Sequence[Kernel]) -> tuple[Kernel, ...]:
    """`ran`, with oneDNN's names and types for convolutions and linear layers.

    Only where both sources agree on how many there are and which are INT8, one by one; otherwise
    the runtime model's coarser names stay, which a row that asks for VNNI does not accept.
    """
    kernels = list(ran)
    for kind in JUDGED:
        places = [place for place, kernel in enumerate(kernels) if kernel.operator == kind]
        names = [kernel for kernel in made if kernel.operator == kind]
        agree = [kernels[place].is_int8 for place in places] == [name.is_int8 for name in names]
        for place, name in zip(places, names, strict=True) if agree else ():
            kernels[place] = replace(name, milliseconds=kernels[place].milliseconds)
    return tuple(kernels)
