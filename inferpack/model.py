"""The nouns: frozen, typed, with every derived fact in one place."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from packaging.version import Version


class Arch(StrEnum):
    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def machine(self) -> str:
        return {Arch.AMD64: "x86_64", Arch.ARM64: "aarch64"}[self]

    @property
    def multiarch(self) -> str:
        """Debian's library folder for this architecture."""
        return f"{self.machine}-linux-gnu"


class Backend(StrEnum):
    ONEDNN = "onednn"
    ONEDNN_ACL = "onednn-acl"
    OPENBLAS = "openblas"
    EIGEN = "eigen"
    MLAS = "mlas"
    GGML = "ggml"

    @property
    def archs(self) -> tuple[Arch, ...]:
        """Where this backend exists at all; a recipe that asks for another is refused."""
        match self:
            case Backend.ONEDNN:
                return (Arch.AMD64,)
            case Backend.ONEDNN_ACL | Backend.EIGEN:
                return (Arch.ARM64,)
            case Backend.OPENBLAS | Backend.MLAS | Backend.GGML:
                return (Arch.AMD64, Arch.ARM64)


class Python(StrEnum):
    PY311 = "3.11"

    @property
    def tag(self) -> str:
        return "py" + self.replace(".", "")

    @property
    def wheel_tag(self) -> str:
        return "cp" + self.replace(".", "")


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of a recipe: immutable, strict, its TOML keys in kebab-case."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage leaves behind as JSON: immutable and strict."""


class Base(Table, frozen=True):
    """A root file system made from Debian packages (recipes/bases.toml)."""

    suite: str
    glibc: str
    python: Python
    packages: tuple[str, ...]
    without: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    environment: dict[str, str] = {}


class Row(Table, frozen=True):
    """INT8 kernels a CPU with these features must run, and how much faster than FP32."""

    cpu: tuple[str, ...]
    kernels: dict[str, str]
    speedup: float


class Accuracy(Table, frozen=True):
    fp32_min: float
    drop_max: float
    agreement_min: float


class Expectation(Table, frozen=True):
    """What counts as proof; rows run from the strictest to the loosest."""

    accuracy: Accuracy
    rows: tuple[Row, ...]


class Prune(Table, frozen=True):
    """Globs below site-packages, or of scripts as bin/NAME; * also matches /.

    `remove`: files a runtime never needs. `strip`: libraries that lose their symbols. `uncompiled`:
    modules so seldom imported that their bytecode is not worth its space.
    """

    remove: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    uncompiled: tuple[str, ...] = ()


class Cell(Table, frozen=True):
    """One backend on one architecture, with the wheels it asks for."""

    backend: Backend
    arch: Arch
    version: str
    requires: tuple[str, ...]
    held: str = ""


class Recipe(Table, frozen=True):
    name: str
    title: str
    licenses: str
    source: str
    base: str
    python: Python
    budget_mb: int
    matrix: tuple[Cell, ...]
    proof: Expectation
    without: tuple[str, ...] = ()  # packages the wheels ask for and a runtime never imports
    environment: dict[str, str] = {}
    prune: dict[str, Prune] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One cell of a recipe's matrix."""

    recipe: Recipe
    cell: Cell

    @property
    def id(self) -> str:
        return f"{self.recipe.name}-{self.backend}-{self.recipe.python.tag}-{self.arch}"

    @property
    def backend(self) -> Backend:
        return self.cell.backend

    @property
    def arch(self) -> Arch:
        return self.cell.arch

    @property
    def version(self) -> str:
        """The framework's public version: a local label such as +cpu is not legal in a tag."""
        return Version(self.cell.version).public

    @property
    def reference(self) -> str:
        """The local image name."""
        python = self.recipe.python.tag
        return f"inferpack/{self.recipe.name}:{self.version}-{self.backend}-{python}-{self.arch}"


class File(Record, frozen=True):
    """A file from outside, known by name, size in bytes and sha256."""

    name: str
    size: int
    sha256: str


class LockedWheel(Record, frozen=True):
    """A wheel a lock pins: the project's normalized name, its full version, the exact file."""

    name: str
    version: str
    file: File


class Package(Record, frozen=True):
    """A Debian package in a base."""

    name: str
    version: str
    arch: str
    file: File


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A tar whose entries are relative to the image's root."""

    name: str
    tar: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiler:
    """The base's own Python, as a command of the build machine; `digest` names that base."""

    command: tuple[str, ...]
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a build comes from: the commit, and its time in seconds since 1970."""

    revision: str
    created: int
