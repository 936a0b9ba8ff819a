"""oneDNN computes a problem: by which implementation, with which result, how fast."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ctypes import byref, c_char_p, c_void_p, memmove, string_at
from enum import Enum

from onednn import _library
from onednn._library import Argument, Dims, call, owned
from onednn.problems import Convolution, Layout, Problem

# Values of the enumerations in oneapi/dnnl/dnnl_types.h and dnnl_common_types.h
CPU = 1
IN_ORDER = 1
ANY_LAYOUT = 1
FORWARD_INFERENCE = 96
DIRECT = 1
QUERY_NAME = 8
QUERY_WEIGHTS = 131
SOURCE, RESULT, WEIGHTS = 1, 17, 33
ALLOCATE = c_void_p(-1)
"""DNNL_MEMORY_ALLOCATE: oneDNN allocates, aligned as it likes, and frees."""


class Type(Enum):
    """dnnl_data_type_t."""

    F32 = 3
    S8 = 5
    U8 = 6

    def __str__(self) -> str:
        return self.name.lower()

    def array(self, values: Sequence[int] = ()) -> array[float] | array[int]:
        match self:
            case Type.F32:
                return array("f", values)
            case Type.S8:
                return array("b", values)
            case Type.U8:
                return array("B", values)


Types = tuple[Type, Type, Type]
"""Of the source, the weights and the result."""


class Primitive:
    """One problem, made by `prepared`. Whatever oneDNN refuses is an OneDnnError."""

    def __init__(self, stack: ExitStack, problem: Problem, types: Types) -> None:
        self._stack, self._problem, self._types = stack, problem, types
        self._engine = self._own("dnnl_engine_create", CPU, 0)
        self._stream = self._own("dnnl_stream_create", self._engine, IN_ORDER)
        self._source = self._layout(problem.source, types[0])
        self._weights = self._layout(problem.weights, types[1])
        self._result = self._layout(problem.result, types[2])
        self._description = self._describe()

    @property
    def implementation(self) -> str:
        """As in ONEDNN_VERBOSE, such as "brg_matmul:avx512_core_vnni"."""
        name = c_char_p()
        call("dnnl_primitive_desc_query", self._description, QUERY_NAME, 0, byref(name))
        return (name.value or b"").decode()

    def load(self, source: Sequence[int], weights: Sequence[int]) -> None:
        """Needed once, before it runs: values that the types can hold, laid out as the problem's.

        The weights are brought into the layout that the implementation wants. ValueError where
        there are more or fewer than the problem has.
        """
        library = _library.load()
        plain = self._memory(self._weights, self._types[1].array(weights))
        layout = library.dnnl_primitive_desc_query_md(self._description, QUERY_WEIGHTS, 0)
        packed = self._memory(layout)
        self._reorder(plain, self._weights, packed, layout)
        self._written = self._memory(self._result)
        self._arguments = (
            (SOURCE, self._memory(self._source, self._types[0].array(source))),
            (WEIGHTS, packed),
            (RESULT, self._written),
        )
        self._primitive = self._own("dnnl_primitive_create", self._description)

    def run(self) -> float:
        """How many seconds it took."""
        before = time.perf_counter()
        self._execute(self._primitive, *self._arguments)
        return time.perf_counter() - before

    def result(self) -> list[float] | list[int]:
        """What `run` has written, in the problem's layout."""
        values = self._types[2].array()
        values.frombytes(string_at(*self._bytes(self._written, self._result)))
        return values.tolist()

    def _describe(self) -> c_void_p:
        lengths = self._problem.weights[0]
        weights = self._own(
            "dnnl_memory_desc_create_with_tag",
            *(len(lengths), Dims(*lengths), self._types[1].value, ANY_LAYOUT),
        )
        tensors = (self._source, weights, None, self._result)
        if not isinstance(self._problem, Convolution):
            create = "dnnl_matmul_primitive_desc_create"
            return self._own(create, self._engine, *tensors, None)
        padding = Dims(*[self._problem.padding] * 2)
        return self._own(
            "dnnl_convolution_forward_primitive_desc_create",
            *(self._engine, FORWARD_INFERENCE, DIRECT, *tensors),
            *(Dims(1, 1), Dims(0, 0), padding, padding, None),
        )

    def _layout(self, layout: Layout, type_: Type) -> c_void_p:
        lengths, strides = layout
        return self._own(
            "dnnl_memory_desc_create_with_strides",
            *(len(lengths), Dims(*lengths), type_.value, Dims(*strides)),
        )

    def _memory(
        self, layout: c_void_p | int, values: array[float] | array[int] | None = None
    ) -> c_void_p:
        memory = self._own("dnnl_memory_create", layout, self._engine, ALLOCATE)
        address, size = self._bytes(memory, layout)
        if values is not None:
            data = values.tobytes()
            if len(data) != size:
                raise ValueError(f"{len(data)} bytes for a tensor of {size}")
            memmove(address, data, size)
        return memory

    def _bytes(self, memory: c_void_p, layout: c_void_p | int) -> tuple[c_void_p, int]:
        """Where they are, and how many."""
        address = c_void_p()
        call("dnnl_memory_get_data_handle", memory, byref(address))
        return address, _library.load().dnnl_memory_desc_get_size(layout)

    def _reorder(
        self, source: c_void_p, layout: c_void_p, result: c_void_p, wanted: c_void_p | int
    ) -> None:
        description = self._own(
            "dnnl_reorder_primitive_desc_create",
            *(layout, self._engine, wanted, self._engine, None),
        )
        reorder = self._own("dnnl_primitive_create", description)
        self._execute(reorder, (SOURCE, source), (RESULT, result))

    def _execute(self, primitive: c_void_p, *arguments: tuple[int, c_void_p]) -> None:
        packed = (Argument * len(arguments))(*(Argument(*each) for each in arguments))
        call("dnnl_primitive_execute", primitive, self._stream, len(arguments), packed)
        call("dnnl_stream_wait", self._stream)

    def _own(self, create: str, *arguments: object) -> c_void_p:
        return self._stack.enter_context(owned(create, *arguments))


@contextmanager
def prepared(problem: Problem, types: Types) -> Iterator[Primitive]:
    """Chosen by oneDNN but not yet written; all of it is freed in the end."""
    with ExitStack() as stack:
        yield Primitive(stack, problem, types)
