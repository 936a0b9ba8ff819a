"""oneDNN for CPUs: the shared library, its headers, and whether INT8 is fast on this machine.

`python -m onednn` checks this machine; `python -m onednn verbose FILE` reads a log that
ONEDNN_VERBOSE=1 has left. The library is loaded when a function first needs it.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from onednn import _library
from onednn._library import OneDnnError

__all__ = ["OneDnnError", "Version", "cmake", "cpu_isa", "include", "library", "version"]

ISAS = {
    "x86_64": {
        0x1: "sse41",
        0x3: "avx",
        0x7: "avx2",
        0xF: "avx2_vnni",
        0x1F: "avx2_vnni_2",
        0x27: "avx512_core",
        0x67: "avx512_core_vnni",
        0xE7: "avx512_core_bf16",
        0x1EF: "avx10_1_512",  # also called avx512_core_fp16
        0xFEF: "avx10_1_512_amx",
        0x1FEF: "avx10_1_512_amx_fp16",
    },
    # The same numbers mean something else here: src/cpu/aarch64/cpu_isa_traits.hpp
    "aarch64": {0x1: "advanced_simd", 0x3: "sve_128", 0x7: "sve_256", 0x27: "sve_512"},
}
"""By machine and dnnl_cpu_isa_t: as in oneDNN's own log; of x86, what ONEDNN_MAX_CPU_ISA takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """Of the library: `threading` is its CPU runtime, such as OpenMP."""

    major: int
    minor: int
    patch: int
    threading: str

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def version() -> Version:
    """Raises OneDnnError where the library cannot be loaded."""
    loaded = _library.load()
    found = loaded.dnnl_version().contents
    return Version(
        major=found.major,
        minor=found.minor,
        patch=found.patch,
        threading=loaded.dnnl_runtime2str(found.cpu_runtime).decode(),
    )


def cpu_isa() -> str:
    """The instruction set that oneDNN writes code for: the CPU's, or what the environment allows.

    "default" is less than any that oneDNN has a name for. Raises OneDnnError like version().
    """
    return isa_name(_library.load().dnnl_get_effective_cpu_isa(), platform.machine())


def isa_name(value: int, machine: str) -> str:
    """The name of a dnnl_cpu_isa_t of that machine ("x86_64", "aarch64")."""
    return ISAS.get(machine, {}).get(value, "default" if value == 0 else f"{value:#x}")


def library() -> Path:
    """The shared library, for ctypes and linkers."""
    return _library.PATH


def include() -> Path:
    """The folder for -I."""
    return _library.HOME / "include"


def cmake() -> Path:
    """The folder for -DCMAKE_PREFIX_PATH, behind which find_package(dnnl) finds its files."""
    return _library.HOME
