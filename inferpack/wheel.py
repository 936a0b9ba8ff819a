"""The nouns of wheels built from source (wheels/*.toml): frozen, typed, derived facts in one place.

wheels/NAME.toml → WheelRecipe → WheelVariant → BuiltWheel, in build/wheels/<id>/wheel.json.
"""

from dataclasses import dataclass
from enum import StrEnum

from msgspec import field
from packaging.utils import canonicalize_name
from packaging.version import Version

from inferpack.model import GENERIC, NAMESPACE, Arch, Backend, File, Python
from inferpack.tables import Record, Table


class Kind(StrEnum):
    """Where a source comes from: pip's indexes, Debian's archive, or a release's own address."""

    SDIST = "sdist"
    DEBIAN = "debian"
    TARBALL = "tarball"


class BuildSystem(StrEnum):
    """What builds the source into a wheel, and so how it is told a cell's settings."""

    SETUPTOOLS = "setuptools"  # by its environment alone
    SCIKIT_BUILD_CORE = "scikit-build-core"  # as CMake's -D


class Source(Table, frozen=True):
    """A source and its archives; they unpack over each other, in this order.

    `name`: the project on pip's indexes, or Debian's source package; `version`: Debian's with its
    revision; `suite`: Debian's, `url`: a tarball's folder, and of no other kind. `into`: the folder
    that it unpacks to, where a wheel is made of several.
    """

    kind: Kind
    name: str
    version: str
    files: tuple[File, ...]
    suite: str = ""
    url: str = ""
    into: str = ""


class WheelCell(Table, frozen=True):
    """One backend on one architecture.

    `settings` go to the build system; `baseline` is the least CPU it must run on, by its name in
    recipes/cpus.toml (without it: the least of its architecture there). What is in the recipe too
    comes beside the recipe's.
    """

    backend: Backend
    arch: Arch
    target: str = GENERIC
    baseline: str = ""
    packages: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    dispatched: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


class WheelTest(Table, frozen=True):
    """`script`: in wheels/tests/; `base`: of bases.toml, where it runs; `data`: a folder of the
    repository, whose path there is the script's only argument; `requires`: the wheels that the
    finished one needs there, pinned.
    """

    script: str
    base: str
    data: str = ""
    requires: tuple[str, ...] = ()


class WheelRecipe(Table, frozen=True):
    """`version`: the project's own; `build`: counts our builds of it, from 1.

    `sources`: upstream's; what is in wheels/projects/NAME/ lies over them, where that exists.
    `requires`: the build backend's wheels, pinned; `packages`: Debian's, of the architecture that
    is built for; `glibc`: the newest that the finished wheel may ask for.
    """

    name: str
    title: str
    licenses: str
    homepage: str
    version: str
    build: int
    build_system: BuildSystem
    sources: tuple[Source, ...]
    builder: str
    glibc: str
    python: Python
    matrix: tuple[WheelCell, ...]
    test: WheelTest
    requires: tuple[str, ...] = ()
    compiled_in: tuple[str, ...] = ()  # projects of `requires` whose headers the wheel is made of
    packages: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()  # files of wheels/patches/NAME/
    settings: tuple[str, ...] = ()  # every cell's
    dispatched: tuple[str, ...] = ()  # files of the wheel, by globs, that choose code by the CPU
    environment: dict[str, str] = field(default_factory=dict)  # while building


def index_path(backend: Backend, target: str) -> str:
    """Of an index: there is one for each backend and CPU target."""
    return backend + ("" if target == GENERIC else f"-{target}")


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelVariant:
    """One cell of a wheel recipe's matrix."""

    recipe: WheelRecipe
    cell: WheelCell

    @property
    def id(self) -> str:
        return f"{self.recipe.name}-{self.path}-{self.arch}"

    @property
    def path(self) -> str:
        """The index that has it: one for each backend and CPU target."""
        return index_path(self.backend, self.cell.target)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every index that has it: one has what each architecture's users get by default."""
        default = (str(Backend.PLAIN),) if self.is_plain else ()
        return tuple(dict.fromkeys((self.path, *default)))

    @property
    def backend(self) -> Backend:
        return self.cell.backend

    @property
    def arch(self) -> Arch:
        return self.cell.arch

    @property
    def is_plain(self) -> bool:
        """Whether it is what its architecture's users get who ask for nothing special."""
        return self.cell == next(item for item in self.recipe.matrix if item.arch is self.arch)

    @property
    def version(self) -> str:
        """With our local label, in normal form; it tells apart files that else had one name."""
        label = f"{NAMESPACE}.{self.recipe.build}" + ("" if self.is_plain else f".{self.path}")
        return str(Version(f"{self.recipe.version}+{label}"))

    @property
    def platform(self) -> str:
        """The platform tag that asks for the newest glibc allowed; a finished one is not newer."""
        return f"manylinux_{self.recipe.glibc.replace('.', '_')}_{self.arch.machine}"

    @property
    def archives(self) -> tuple[File, ...]:
        return tuple(file for source in self.recipe.sources for file in source.files)

    @property
    def distribution(self) -> str:
        """The project's name as wheel file names begin."""
        return canonicalize_name(self.recipe.name).replace("-", "_")

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian's, of the architecture that is built for."""
        return (*self.recipe.packages, *self.cell.packages)

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.recipe.settings, *self.cell.settings)

    @property
    def dispatched(self) -> tuple[str, ...]:
        """Files that choose their code by the CPU, as globs."""
        return (*self.recipe.dispatched, *self.cell.dispatched)

    @property
    def environment(self) -> dict[str, str]:
        return {**self.recipe.environment, **self.cell.environment}


class Purpose(StrEnum):
    """Why a wheel recipe needs other wheels."""

    BUILD = "build"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """The wheels from pip's indexes that a recipe needs, on one architecture: what is locked."""

    recipe: WheelRecipe
    purpose: Purpose
    arch: Arch

    @property
    def id(self) -> str:
        return f"{self.recipe.name}-{self.purpose}-{self.arch}"

    @property
    def requires(self) -> tuple[str, ...]:
        build = self.purpose is Purpose.BUILD
        return self.recipe.requires if build else self.recipe.test.requires

    @property
    def without(self) -> tuple[str, ...]:
        return ()

    @property
    def python(self) -> Python:
        return self.recipe.python


class Tested(Record, frozen=True):
    """A run of the recipe's test; `model`: QEMU's CPU, and empty for this machine's own."""

    cpu: str
    model: str
    seconds: float


class BuiltWheel(Record, frozen=True):
    """build/wheels/<id>/wheel.json, beside the wheel itself: a finished wheel that passed.

    `key`: the digest of all it was made from, which `inputs` names; `tags`: as its WHEEL file has
    them; `glibc`: what it really asks for; `seconds`: of its compilation; `built`: seconds since
    1970; `project`: files of ours in the source.
    """

    key: str
    variant: str
    file: File
    version: str
    tags: tuple[str, ...]
    glibc: str
    seconds: float
    built: int
    source: tuple[File, ...]
    patches: tuple[File, ...]
    project: tuple[File, ...]
    checks: tuple[str, ...]
    tested: tuple[Tested, ...]
    inputs: dict[str, str] = field(default_factory=dict)
