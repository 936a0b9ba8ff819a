"""How a recipe and a record are parsed: strictly, and then never changed."""

from msgspec import Struct


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of a recipe: immutable, strict, its TOML keys in kebab-case."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage leaves behind as JSON: immutable and strict."""
