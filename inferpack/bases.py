"""Bases as recipes/bases.toml names them."""

from collections.abc import Mapping

import msgspec
from msgspec import field

from inferpack.model import Flavour, Python
from inferpack.tables import Table

RELEASES = {"bookworm": "12"}  # Debian's number of a suite: scanners and advisories go by it


class Development(Table, frozen=True):
    """What the dev flavour's base has beside the runtime's packages, and what it loses."""

    packages: tuple[str, ...]
    remove: tuple[str, ...] = ()


class Base(Table, frozen=True):
    """A root file system made from Debian packages."""

    suite: str
    glibc: str
    python: Python
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


class Described(Base, frozen=True):
    """A base, and in `dev` what its dev flavour's is."""

    dev: Development | None = None

    @property
    def runtime(self) -> Base:
        """Without the dev table: what is made from a base changes only with what it needs."""
        return Base(
            suite=self.suite,
            glibc=self.glibc,
            python=self.python,
            packages=self.packages,
            without=self.without,
            remove=self.remove,
            environment=self.environment,
        )


def expanded(tables: Mapping[str, Described]) -> dict[str, Base]:
    """Every base by name; the dev flavour's is NAME-dev, and leaves out no package."""
    found: dict[str, Base] = {}
    for name, table in tables.items():
        found[name] = table.runtime
        if dev := table.dev:
            found[f"{name}-{Flavour.DEV}"] = msgspec.structs.replace(
                table.runtime,
                packages=tuple(dict.fromkeys((*table.packages, *dev.packages))),
                without=(),
                remove=dev.remove,
            )
    return found
