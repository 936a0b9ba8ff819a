"""recipes/allowed.toml: vulnerabilities that somebody has looked at, for a time."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from inferpack.tables import Table

Words = Annotated[str, Meta(min_length=1)]


class Allow(Table, frozen=True):
    """One vulnerability of one package: a Debian source package or a Python project.

    `id` is any name that it is known by; the day `until` still counts.
    """

    id: Words
    package: Words
    reason: Words
    until: date


class Allowed(Table, frozen=True):
    allow: tuple[Allow, ...] = ()
