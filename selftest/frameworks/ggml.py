"""What ggml computes: the tensors of its graph, and the library of its CPU backend."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from llama_cpp._ggml import libggml

from selftest.evidence import Kernel, NoEvidence

LIBRARY = re.compile(r"/lib(ggml-cpu[\w.-]*)\.so$", re.MULTILINE)
"""Of the backend: one for each kind of CPU, and loaded is only the one that computes."""

PRODUCTS = {"MUL_MAT": "mul_mat", "FLASH_ATTN_EXT": "flash_attn"}
TYPES = {"q8_0": "s8*s8->f32"}
"""Of weights: what is multiplied. Blocks of 32 have a factor in common, and what a layer reads is
turned into the same blocks first."""

WEIGHTS = ".weight"


class Tensor(ctypes.Structure):
    """struct ggml_tensor, up to its name: ggml/include/ggml.h"""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("elements", ctypes.c_int64 * 4),
        ("strides", ctypes.c_size_t * 4),
        ("operation", ctypes.c_int),
        ("parameters", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("sources", ctypes.c_void_p * 10),
        ("viewed", ctypes.c_void_p),
        ("offset", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
    )


def _text(name: str, argument: type) -> Callable[[int], bytes]:
    function = libggml[name]
    function.argtypes, function.restype = [argument], ctypes.c_char_p
    return cast("Callable[[int], bytes]", function)


OPERATION = _text("ggml_op_name", ctypes.c_int)
TYPE = _text("ggml_type_name", ctypes.c_int)
NAME = _text("ggml_get_name", ctypes.c_void_p)


def variant(maps: str) -> str:
    """The CPU backend that this process has loaded, of what /proc/self/maps lists."""
    found = set(LIBRARY.findall(maps))
    if len(found) != 1:
        what = ", ".join(sorted(found)) or "none"
        raise NoEvidence(f"not one CPU backend of ggml's is loaded, but {what}")
    return str(found.pop())


def loaded() -> str:
    return variant(Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace"))


def kernel(address: int, library: str) -> Kernel | None:
    """The product that this tensor is the result of; None where it is of something else."""
    result = Tensor.from_address(address)
    if NAME(address) != result.name:
        raise NoEvidence("ggml's tensors have a format that we do not know")
    operation = OPERATION(result.operation).decode()
    if operation not in PRODUCTS:
        return None
    factor = Tensor.from_address(result.sources[0])
    kind = TYPE(factor.type).decode()
    layer = factor.name.decode(errors="replace").endswith(WEIGHTS)
    return Kernel(
        operator="linear" if layer else "attention",
        types=TYPES.get(kind, kind) if layer else kind,
        implementation=f"{library}/{PRODUCTS[operation]}",
    )
