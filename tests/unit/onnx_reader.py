"""Reads what selftest.frameworks.onnx_format writes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}

Attribute = int | str | tuple[int, ...]

Fields = dict[int, list[int | bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Attribute]


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    tensors: dict[str, NDArray[np.generic]]

    def maker(self, name: str) -> Node:
        (made,) = (node for node in self.nodes if node.output == name)
        return made

    def reader(self, name: str) -> Node:
        (only,) = (node for node in self.nodes if name in node.inputs)
        return only

    def operators(self) -> list[str]:
        return [node.operator for node in self.nodes]


def read(file: bytes) -> Graph:
    graph = _fields(_raw(_fields(file)[7][0]))
    return Graph(
        nodes=tuple(_node(_fields(_raw(one))) for one in graph[1]),
        tensors=dict(_tensor(_fields(_raw(one))) for one in graph[5]),
    )


def _fields(message: bytes) -> Fields:
    fields: Fields = defaultdict(list)
    while message:
        tag, message = _varint(message)
        number, message = _varint(message)
        if tag & 7 == 2:
            content, message = message[:number], message[number:]
            fields[tag >> 3].append(content)
        else:
            fields[tag >> 3].append(number)
    return fields


def _varint(message: bytes) -> tuple[int, bytes]:
    length = next(place for place, byte in enumerate(message, 1) if byte < 0x80)
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(message[:length]))
    return number, message[length:]


def _node(fields: Fields) -> Node:
    return Node(
        operator=_text(fields[4][0]),
        inputs=tuple(map(_text, fields[1])),
        output=_text(fields[2][0]),
        attributes=dict(_attribute(_fields(_raw(one))) for one in fields[5]),
    )


def _attribute(fields: Fields) -> tuple[str, Attribute]:
    if fields[4]:
        return _text(fields[1][0]), _text(fields[4][0])
    integers = tuple(one for one in fields[3] or fields[8] if isinstance(one, int))
    return _text(fields[1][0]), integers[0] if fields[3] else integers


def _tensor(fields: Fields) -> tuple[str, NDArray[np.generic]]:
    shape = [one for one in fields[1] if isinstance(one, int)]
    (kind,) = (one for one in fields[2] if isinstance(one, int))
    return _text(fields[8][0]), np.frombuffer(_raw(fields[9][0]), DTYPES[kind]).reshape(shape)


def _raw(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def _text(value: int | bytes) -> str:
    return _raw(value).decode()
