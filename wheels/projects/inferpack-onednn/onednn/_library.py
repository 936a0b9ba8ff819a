"""libdnnl.so.3 of this package, with the types of the C functions that are used here.

Nothing is loaded before the first call. https://uxlfoundation.github.io/oneDNN/group_dnnl_api.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_size_t, c_uint
from ctypes import c_void_p as handle
from functools import cache
from pathlib import Path

HOME = Path(__file__).resolve().parent
PATH = HOME / "lib" / "libdnnl.so.3"

DIMENSIONS = 12
"""DNNL_MAX_NDIMS: C reads a dnnl_dims_t of this length, however few of them count."""

Dims = c_int64 * DIMENSIONS


class OneDnnError(RuntimeError):
    """The library cannot be loaded, or one of its functions did not succeed."""


class CVersion(Structure):
    _fields_ = (
        ("major", c_int),
        ("minor", c_int),
        ("patch", c_int),
        ("hash", c_char_p),
        ("cpu_runtime", c_uint),
        ("gpu_runtime", c_uint),
    )


class Argument(Structure):
    """dnnl_exec_arg_t"""

    _fields_ = (("arg", c_int), ("memory", handle))


created = POINTER(handle)
dims = POINTER(c_int64)

WITH_STATUS: dict[str, tuple[type, ...]] = {
    "dnnl_engine_create": (created, c_int, c_size_t),
    "dnnl_engine_destroy": (handle,),
    "dnnl_stream_create": (created, handle, c_uint),
    "dnnl_stream_wait": (handle,),
    "dnnl_stream_destroy": (handle,),
    "dnnl_memory_desc_create_with_strides": (created, c_int, dims, c_int, dims),
    "dnnl_memory_desc_create_with_tag": (created, c_int, dims, c_int, c_int),
    "dnnl_memory_desc_destroy": (handle,),
    "dnnl_memory_create": (created, handle, handle, handle),
    "dnnl_memory_get_data_handle": (handle, created),
    "dnnl_memory_destroy": (handle,),
    "dnnl_matmul_primitive_desc_create": (created, *[handle] * 6),
    "dnnl_convolution_forward_primitive_desc_create": (
        *(created, handle, c_int, c_int, handle, handle, handle, handle),
        *(dims, dims, dims, dims, handle),
    ),
    "dnnl_reorder_primitive_desc_create": (created, *[handle] * 5),
    "dnnl_primitive_desc_query": (handle, c_int, c_int, handle),
    "dnnl_primitive_desc_destroy": (handle,),
    "dnnl_primitive_create": (created, handle),
    "dnnl_primitive_execute": (handle, handle, c_int, POINTER(Argument)),
    "dnnl_primitive_destroy": (handle,),
}
DESTROYED_BY = {
    "dnnl_engine_create": "dnnl_engine_destroy",
    "dnnl_stream_create": "dnnl_stream_destroy",
    "dnnl_memory_desc_create_with_strides": "dnnl_memory_desc_destroy",
    "dnnl_memory_desc_create_with_tag": "dnnl_memory_desc_destroy",
    "dnnl_memory_create": "dnnl_memory_destroy",
    "dnnl_matmul_primitive_desc_create": "dnnl_primitive_desc_destroy",
    "dnnl_convolution_forward_primitive_desc_create": "dnnl_primitive_desc_destroy",
    "dnnl_reorder_primitive_desc_create": "dnnl_primitive_desc_destroy",
    "dnnl_primitive_create": "dnnl_primitive_destroy",
}
WITH_RESULT: dict[str, tuple[type, tuple[type, ...]]] = {
    "dnnl_version": (POINTER(CVersion), ()),
    "dnnl_get_effective_cpu_isa": (c_int, ()),
    "dnnl_status2str": (c_char_p, (c_int,)),
    "dnnl_runtime2str": (c_char_p, (c_uint,)),
    "dnnl_primitive_desc_query_md": (handle, (handle, c_int, c_int)),
    "dnnl_memory_desc_get_size": (c_size_t, (handle,)),
}


@cache
def load() -> CDLL:
    """Raises OneDnnError where the library is missing or is not for this machine."""
    try:
        library = CDLL(str(PATH))
    except OSError as err:
        raise OneDnnError(f"cannot load oneDNN: {err}") from err
    prototypes = {name: (c_int, arguments) for name, arguments in WITH_STATUS.items()}
    for name, (result, arguments) in {**prototypes, **WITH_RESULT}.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def call(name: str, *arguments: object) -> None:
    """Calls a function that returns a dnnl_status_t; OneDnnError where that is not success."""
    library = load()
    status = getattr(library, name)(*arguments)
    if status:
        raise OneDnnError(f"{name}: {library.dnnl_status2str(status).decode()}")


@contextmanager
def owned(create: str, *arguments: object) -> Iterator[handle]:
    """A C object that `create` makes out of the arguments, destroyed in the end."""
    made = handle()
    call(create, byref(made), *arguments)
    try:
        yield made
    finally:
        call(DESTROYED_BY[create], made)


def threads() -> int:
    """How many oneDNN uses, as its OpenMP says."""
    count = load().omp_get_max_threads  # looked up in its dependencies as well
    count.restype, count.argtypes = c_int, ()
    return int(count())
