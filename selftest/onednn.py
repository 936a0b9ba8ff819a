"""oneDNN's verbose log: implementation and data types of every primitive.

https://uxlfoundation.github.io/oneDNN/dev_guide_verbose.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from selftest.evidence import Kernel, NoEvidence, types

OPERATORS = {
    "convolution": "convolution",
    "inner_product": "linear",
    "matmul": "linear",
    "binary": "add",
    "sum": "add",
    "pooling": "pool",
    "reduction": "pool",
}
EXECUTED = "exec"
CREATED = "create:cache"
"""How the log names a primitive that ran, and one that was made to run (hit or miss alike)."""

NEEDED = ("operation", "primitive", "implementation", "memory_descriptors", "exec_time")
TEMPLATE = re.compile(r"(?P<prefix>onednn_verbose,.*?)info,(?:prim_)?template:(?P<fields>\S+)")
DESCRIPTOR = re.compile(r"(?:^|\s)(src|wei|dst)\w*[:_]([a-z0-9]+):")

SETTINGS = (
    "ONEDNN_VERBOSE",
    "DNNL_VERBOSE",
    "ONEDNN_VERBOSE_TIMESTAMP",
    "DNNL_VERBOSE_TIMESTAMP",
)
"""Environment variables that change when and how the log is written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The log's own description of its lines; it is printed once per process."""

    prefix: str
    fields: tuple[str, ...]


def find_header(log: str) -> Header | None:
    for line in log.splitlines():
        found = TEMPLATE.match(line)
        fields = tuple(found["fields"].split(",")) if found else ()
        if found and set(NEEDED) <= set(fields):
            return Header(prefix=found["prefix"], fields=fields)
    return None


def parse(log: str, header: Header | None, operation: str) -> tuple[Kernel, ...]:
    """One kernel per primitive that the log shows being executed (or created), in order.

    Raises NoEvidence without a header, without a primitive, or when a line does not have the
    fields that the header promises.
    """
    kernels = tuple(kernel(record) for record in records(log, header, operation))
    if not kernels:
        raise NoEvidence("oneDNN's verbose log shows no primitive")
    return kernels


def records(log: str, header: Header | None, operation: str) -> Iterable[Mapping[str, str]]:
    """The fields of each line about this operation, by the header's names."""
    if header is None:
        raise NoEvidence("oneDNN's verbose log has no header we know; was its format changed?")
    for line in log.splitlines():
        if not line.startswith(f"{header.prefix}{operation}"):
            continue
        values = line.removeprefix(header.prefix).split(",")
        if len(values) != len(header.fields):
            raise NoEvidence(f"oneDNN's verbose log does not follow its own header: {line[:80]}")
        yield dict(zip(header.fields, values, strict=True))


def kernel(record: Mapping[str, str]) -> Kernel:
    descriptors: dict[str, str] = dict(reversed(DESCRIPTOR.findall(record["memory_descriptors"])))
    source = descriptors.get("src", "?")
    try:
        milliseconds = float(record["exec_time"])
    except ValueError as err:
        raise NoEvidence(f"oneDNN's verbose log has no time where it promises one: {err}") from err
    kind = OPERATORS.get(record["primitive"], record["primitive"])
    return Kernel(
        operator="attention" if kind == "linear" and _is_batched(record) else kind,
        types=types(source, descriptors.get("wei"), descriptors.get("dst", source)),
        implementation=record["implementation"],
        milliseconds=milliseconds,
    )


def _is_batched(record: Mapping[str, str]) -> bool:
    """Whether each of a batch has its own second factor, as in 128x4x8x32:128x4x32x8: no weights,
    which all of it share. https://uxlfoundation.github.io/oneDNN/dev_guide_matmul.html
    """
    factors = record.get("problem_desc", "").split(":")
    batch = factors[1].split("x")[:-2] if len(factors) > 1 else []
    return any(length != "1" for length in batch)
