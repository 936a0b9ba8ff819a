"""A model that reads as many weights as a large one, and answers like the small one it is made of.

Its feed-forward networks get more hidden units, copies of those that they have, of which nothing is
taken: their column in what comes next is zero. A file's bytes show both alike, in F32 and in Q8_0.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from selftest.errors import BrokenInstallation

MAGIC, VERSION = b"GGUF", 3
ALIGNMENT = 32
UINT32, STRING, ARRAY = 4, 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, UINT32: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""In bytes, of values of each type that have one size."""

HIDDEN = b"llama.feed_forward_length"
ROWS, COLUMNS = (b".ffn_gate.weight", b".ffn_up.weight"), b".ffn_down.weight"
"""Whose rows, and whose columns, are the hidden units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """`shape`: the length of a row first; `offset`: in the file's data."""

    name: bytes
    shape: tuple[int, ...]
    kind: int
    offset: int


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from(f"<{code}", self._data, self.place)
        self.place += struct.calcsize(f"<{code}")
        return int(value)

    def text(self) -> bytes:
        size = self.number("Q")
        self.place += size
        return self._data[self.place - size : self.place]

    def skip(self, kind: int) -> None:
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            of, count = self.number("I"), self.number("Q")
            for _ in range(count):
                self.skip(of)
        else:
            self.place += SIZES[kind]

    def tensor(self) -> Tensor:
        name, dimensions = self.text(), self.number("I")
        shape = tuple(self.number("Q") for _ in range(dimensions))
        return Tensor(name=name, shape=shape, kind=self.number("I"), offset=self.number("Q"))


def widened(path: Path, factor: int) -> int:
    """A file without a name, by its descriptor: the model with `factor` times the hidden units."""
    try:
        made = list(_widened(path.read_bytes(), factor))
    except (OSError, ValueError, KeyError, struct.error) as err:
        raise BrokenInstallation(
            f"{path}: missing or corrupt ({err}); pull the image again, or mount a good copy"
        ) from err
    file = os.memfd_create(path.name)
    with os.fdopen(os.dup(file), "wb") as out:
        out.writelines(made)
    return file


def _widened(data: bytes, factor: int) -> Iterator[bytes]:
    reader = Reader(data)
    if data[:4] != MAGIC:
        raise ValueError("no GGUF file")
    reader.place = 4
    if reader.number("I") != VERSION:
        raise ValueError(f"not GGUF {VERSION}")
    count, values = reader.number("Q"), reader.number("Q")
    head = bytearray(data)
    for _ in range(values):
        name, kind = reader.text(), reader.number("I")
        if name == HIDDEN and kind == UINT32:
            (hidden,) = struct.unpack_from("<I", data, reader.place)
            struct.pack_into("<I", head, reader.place, factor * hidden)
        reader.skip(kind)
    yield bytes(head[: reader.place])
    tensors = [reader.tensor() for _ in range(count)]
    start = _aligned(reader.place)
    ends = [*(tensor.offset for tensor in tensors[1:]), len(data) - start]
    written = [
        _wide(tensor, data[start + tensor.offset : start + end], factor)
        for tensor, end in zip(tensors, ends, strict=True)
    ]
    offset, infos = 0, b""
    for tensor, parts in written:
        infos += _described(replace(tensor, offset=offset))
        offset += sum(map(len, parts))
    place = reader.place - sum(len(_described(tensor)) for tensor in tensors) + len(infos)
    yield infos + bytes(_aligned(place) - place)
    for _, parts in written:
        yield from parts


def _wide(tensor: Tensor, data: bytes, factor: int) -> tuple[Tensor, list[bytes]]:
    """Rows are copied as they are, and a row is lengthened by zeros: those of any type of tensor
    are zero bytes. All sizes are multiples of ALIGNMENT.
    """
    length, *rest = tensor.shape
    if tensor.name.endswith(ROWS):
        return replace(tensor, shape=(length, factor * rest[0])), [data] * factor
    if tensor.name.endswith(COLUMNS):
        size = len(data) // rest[0]
        zeros = bytes(size * (factor - 1))
        rows = (data[at : at + size] for at in range(0, len(data), size))
        parts = [part for row in rows for part in (row, zeros)]
        return replace(tensor, shape=(factor * length, *rest)), parts
    return tensor, [data]


def _described(tensor: Tensor) -> bytes:
    name = struct.pack("<Q", len(tensor.name)) + tensor.name
    shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
    return name + shape + struct.pack("<IQ", tensor.kind, tensor.offset)


def _aligned(place: int) -> int:
    return -(-place // ALIGNMENT) * ALIGNMENT
