"""What is computed: sizes, layouts and the right answer, in plain Python.

Tensors are flat sequences. Images are channels last, as are the kernels of a convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import mul

Layout = tuple[tuple[int, ...], tuple[int, ...]]
"""Lengths in oneDNN's order of the dimensions, and the stride of each in elements."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matmul:
    """rows x inner times inner x columns, all row by row."""

    rows: int
    inner: int
    columns: int

    @property
    def name(self) -> str:
        return "matmul"

    @property
    def source(self) -> Layout:
        return (self.rows, self.inner), (self.inner, 1)

    @property
    def weights(self) -> Layout:
        return (self.inner, self.columns), (self.columns, 1)

    @property
    def result(self) -> Layout:
        return (self.rows, self.columns), (self.columns, 1)

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns

    def answer(self, source: Sequence[int], weights: Sequence[int]) -> list[int]:
        """rows x columns sums."""
        rows = [source[at : at + self.inner] for at in range(0, len(source), self.inner)]
        return _products(rows, [weights[at :: self.columns] for at in range(self.columns)])

    def uniform(self, product: int) -> list[int]:
        """The answer where every product of two elements is the same."""
        return [product * self.inner] * (self.rows * self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolution:
    """Of one square image with square kernels; zeros around it keep its size. Stride 1."""

    size: int
    """Pixels on a side."""
    inputs: int
    outputs: int
    kernel: int
    """Pixels on a side: odd."""

    @property
    def name(self) -> str:
        return f"convolution {self.kernel}x{self.kernel}"

    @property
    def padding(self) -> int:
        return self.kernel // 2

    @property
    def source(self) -> Layout:
        return self._image(self.inputs)

    @property
    def weights(self) -> Layout:
        side, inputs = self.kernel, self.inputs
        return (
            (self.outputs, inputs, side, side),
            (side * side * inputs, 1, side * inputs, inputs),
        )

    @property
    def result(self) -> Layout:
        return self._image(self.outputs)

    @property
    def operations(self) -> int:
        """Multiplications and additions, those with the zeros around the image included."""
        return 2 * self.size**2 * self.kernel**2 * self.inputs * self.outputs

    def answer(self, source: Sequence[int], weights: Sequence[int]) -> list[int]:
        """size x size x outputs sums."""
        length = self.kernel**2 * self.inputs
        kernels = [weights[at : at + length] for at in range(0, len(weights), length)]
        places = ((row, column) for row in range(self.size) for column in range(self.size))
        return _products([self._window(source, *place) for place in places], kernels)

    def uniform(self, product: int) -> list[int]:
        """The answer where every product of two elements is the same."""
        last = self.size - 1
        seen = [
            min(place, self.padding) + 1 + min(last - place, self.padding)
            for place in range(self.size)
        ]
        return [
            product * down * on * self.inputs
            for down in seen
            for on in seen
            for _ in range(self.outputs)
        ]

    def _image(self, channels: int) -> Layout:
        row = self.size * channels
        return (1, channels, self.size, self.size), (self.size * row, 1, row, channels)

    def _window(self, source: Sequence[int], row: int, column: int) -> list[int]:
        """What the kernel sees around a pixel: kernel x kernel x inputs."""
        around = range(-self.padding, self.padding + 1)
        pixels = (self._pixel(source, row + down, column + on) for down in around for on in around)
        return list(chain.from_iterable(pixels))

    def _pixel(self, source: Sequence[int], row: int, column: int) -> Sequence[int]:
        if not (0 <= row < self.size and 0 <= column < self.size):
            return [0] * self.inputs
        start = (row * self.size + column) * self.inputs
        return source[start : start + self.inputs]


Problem = Matmul | Convolution


def elements(layout: Layout) -> int:
    total = 1
    for length in layout[0]:
        total *= length
    return total


def _products(rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]) -> list[int]:
    """The sum of products of each row with each column, row by row."""
    return [sum(map(mul, row, column)) for row in rows for column in columns]
