"""How a recipe and a record are parsed: strictly, and then never changed."""

from typing import Annotated, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")
Several = Annotated[tuple[T, ...], Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Ratio = Annotated[float, Meta(gt=0)]
Positive = Annotated[int, Meta(gt=0)]
NotNegative = Annotated[int, Meta(ge=0)]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of a recipe: immutable, strict, its TOML keys in kebab-case."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage leaves behind as JSON: immutable and strict."""
