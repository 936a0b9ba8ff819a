"""recipes/{targets,ladder,cpus,tools}.toml: CPUs to build for, limited, emulated, and by what."""

from msgspec import field

from inferpack.expectation import Feature
from inferpack.model import Arch, Need
from inferpack.tables import Table


class Target(Table, frozen=True):
    """A CPU that an image or a wheel is made for."""

    arch: Arch
    needs: tuple[Need, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


class Masked(Table, frozen=True):
    """A level that libraries' own switches limit this CPU to; `cpu` is what remains of it."""

    name: str
    cpu: tuple[Feature, ...]
    environment: dict[str, str]


class Emulated(Table, frozen=True):
    """A level that QEMU shows a program, by its CPU model; `refused`: no image runs there."""

    name: str
    model: str
    refused: bool = False


class Rungs(Table, frozen=True):
    """Both from the best level to the least."""

    masked: tuple[Masked, ...]
    emulated: tuple[Emulated, ...]


class CpuModel(Table, frozen=True):
    """A CPU that QEMU emulates as `model`; `features` are all that selftest must see of it."""

    name: str
    arch: Arch
    model: str
    features: tuple[Feature, ...]
    smoke: bool = False


class CpuModels(Table, frozen=True):
    """From the least to the best of each architecture."""

    cpu: tuple[CpuModel, ...]


class Tool(Table, frozen=True):
    """A program that inferpack itself runs, out of a Debian package that needs no other; `folder`
    is where the package has it.
    """

    suite: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    folder: str = "usr/bin"
