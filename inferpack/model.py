"""The nouns: frozen, typed, with every derived fact in one place."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from msgspec import field
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from inferpack.expectation import Expectation
from inferpack.prune import Prune
from inferpack.tables import NotNegative, Positive, Record, Several, Table

NAMESPACE = "inferpack"  # of local image names
SITE = "usr/local/lib/python3.11/dist-packages"  # where Debian's Python finds local packages
GENERIC = "generic"  # the target of an image that any CPU of its architecture may run


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
    PLAIN = "plain"  # no library: C++ of the package's own

    @property
    def archs(self) -> tuple[Arch, ...]:
        """Where this backend exists at all; a recipe that asks for another is refused."""
        match self:
            case Backend.ONEDNN:
                return (Arch.AMD64,)
            case Backend.ONEDNN_ACL | Backend.EIGEN:
                return (Arch.ARM64,)
            case Backend.OPENBLAS | Backend.MLAS | Backend.GGML | Backend.PLAIN:
                return (Arch.AMD64, Arch.ARM64)


class Need(StrEnum):
    """What a CPU must have to run an image at all; selftest/cpuid.py knows how to ask for it."""

    X86_64_V2 = "x86-64-v2"
    X86_64_V3 = "x86-64-v3"
    X86_64_V4 = "x86-64-v4"
    AVX = "avx"
    ARMV8_2_A = "armv8.2-a"
    DOTPROD = "dotprod"
    I8MM = "i8mm"
    SVE = "sve"

    @property
    def arch(self) -> Arch:
        return Arch.AMD64 if self.startswith(("x86-64", "avx")) else Arch.ARM64


class Flavour(StrEnum):
    """What an image is for: to run models, or to build and compile beside them too."""

    RUNTIME = "runtime"
    DEV = "dev"


class Python(StrEnum):
    PY311 = "3.11"

    @property
    def tag(self) -> str:
        return "py" + self.replace(".", "")

    @property
    def wheel_tag(self) -> str:
        return "cp" + self.replace(".", "")


class Cell(Table, frozen=True):
    """One backend on one architecture, and its wheels: the framework's first, pinned."""

    backend: Backend
    arch: Arch
    requires: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    held: str = ""  # why this version and not the newest
    without: tuple[str, ...] = ()  # beside the recipe's
    target: str = GENERIC
    flavours: Several[Flavour] = (Flavour.RUNTIME,)
    environment: dict[str, str] = field(default_factory=dict)  # beside the recipe's

    @property
    def framework(self) -> str:
        """The framework's wheel, by its normalised name."""
        return canonicalize_name(Requirement(self.requires[0]).name)

    @property
    def version(self) -> str:
        """The framework's full version, such as 2.13.0+cpu."""
        (pin,) = Requirement(self.requires[0]).specifier
        return pin.version


class Recipe(Table, frozen=True):
    name: str
    title: str
    licenses: str
    source: str
    base: str
    python: Python
    budget_mb: Positive
    matrix: Several[Cell]
    proof: Expectation
    dev_budget_mb: NotNegative = 0  # of the dev flavour
    without: tuple[str, ...] = ()  # packages the wheels ask for and a runtime never imports
    environment: dict[str, str] = field(default_factory=dict)
    threads: tuple[str, ...] = ()  # environment variables that set how many threads compute
    pinned: bool = False  # no variable does: keep the program to as many CPUs as its quota pays for
    switches: tuple[str, ...] = ()  # environment variables by which ladder.toml masks the CPU
    prune: dict[str, Prune] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One cell of a recipe's matrix, in one flavour."""

    recipe: Recipe
    cell: Cell
    flavour: Flavour = Flavour.RUNTIME
    namespace: str = NAMESPACE

    @property
    def id(self) -> str:
        return "-".join((self.recipe.name, *self._kind, self.arch)) + self.suffix

    @property
    def _kind(self) -> tuple[str, ...]:
        """What tells apart images of one framework: backend, CPU target, Python."""
        target = () if self.cell.target == GENERIC else (self.cell.target,)
        return (self.backend, *target, self.recipe.python.tag)

    @property
    def generic(self) -> str:
        """Of an image for one CPU target: the image for any, as it can be pulled."""
        if self.cell.target == GENERIC:
            return ""
        return f"{self.namespace}/{self.recipe.name}:{self.version}-{self.backend}{self.suffix}"

    @property
    def suffix(self) -> str:
        """The end of names of an image that is no runtime."""
        return "" if self.flavour is Flavour.RUNTIME else f"-{self.flavour}"

    @property
    def budget_mb(self) -> int:
        dev = self.flavour is Flavour.DEV
        return self.recipe.dev_budget_mb if dev else self.recipe.budget_mb

    @property
    def without(self) -> tuple[str, ...]:
        return tuple(sorted({*self.recipe.without, *self.cell.without}))

    @property
    def requires(self) -> tuple[str, ...]:
        return self.cell.requires

    @property
    def python(self) -> Python:
        return self.recipe.python

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
        tag = "-".join((self.version, *self._kind))
        return f"{self.namespace}/{self.recipe.name}:{tag}{self.suffix}-{self.arch}"


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
