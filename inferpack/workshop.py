"""Where everything lies, and the doors to the outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from inferpack import archive, base, buildx, locks, matrix, recipes, tools, wheel_recipes
from inferpack.bases import Base
from inferpack.distribution import Tools
from inferpack.engine import Engine
from inferpack.indexes import Indexes
from inferpack.model import Arch, LockedWheel, Origin, Package, Variant
from inferpack.sysroot import Headers, headers
from inferpack.wheel import Needed, Purpose, WheelVariant


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A checkout and what is needed to work in it; the clock and git are handed in.

    `engine` does all but what is an image's of an architecture that has one in `engines`.
    """

    root: Path
    engine: Engine
    indexes: Callable[[], Indexes]
    origin: Callable[[], Origin]
    now: Callable[[], int]
    engines: Mapping[Arch, Engine] = field(default_factory=dict)

    def engine_for(self, arch: Arch) -> Engine:
        """Where an architecture's images are built, proven and pushed from."""
        return self.engines.get(arch, self.engine)

    def built_by(self, builder: str) -> "Workshop":
        """The same, but a builder that buildx knows builds the images; empty: each engine's own."""
        if not builder:
            return self
        buildx.check(builder, self.engine.logs)
        engines = {arch: replace(own, elsewhere=builder) for arch, own in self.engines.items()}
        return replace(self, engine=replace(self.engine, elsewhere=builder), engines=engines)

    @property
    def recipes(self) -> Path:
        return self.root / "recipes"

    @property
    def locks(self) -> Path:
        return self.recipes / "locks"

    @property
    def wheels(self) -> Path:
        return self.root / "wheels"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def selftest(self) -> Path:
        return self.root / "selftest"

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    @property
    def built_wheels(self) -> Path:
        return self.root / "build/wheels"

    @cached_property
    def bases(self) -> dict[str, Base]:
        """Every base by name; read once, for all variants ask."""
        return recipes.load_bases(self.recipes)

    def folder(self, variant: Variant) -> Path:
        return self.root / "build" / variant.id

    def variants(self, glob: str = "*") -> tuple[Variant, ...]:
        return matrix.select(matrix.variants(recipes.load(self.recipes)), glob)

    def places(self) -> Indexes:
        """Where an image's wheels come from: those that are built here, then pip's indexes."""
        built = sorted(self.built_wheels.glob("*/*.whl"))
        folders = dict.fromkeys(path.parent.absolute().as_uri() for path in built)
        known = self.indexes()
        return replace(known, find_links=(*folders, *known.find_links))

    def wheel_folder(self, variant: WheelVariant) -> Path:
        return self.built_wheels / variant.id

    def wheel_variants(self, glob: str = "*") -> tuple[WheelVariant, ...]:
        found = wheel_recipes.load(self.wheels, self.recipes)
        return matrix.select(wheel_recipes.variants(found), glob)

    def needed_path(self, needed: Needed) -> Path:
        return self.wheels / "locks" / f"pylock.{needed.id}.toml"

    def needed_glibc(self, needed: Needed) -> str:
        """That of the base in which the wheels are used."""
        build = needed.purpose is Purpose.BUILD
        name = needed.recipe.builder if build else needed.recipe.test.base
        return self.bases[name].glibc

    def needed(self, needed: Needed) -> tuple[LockedWheel, ...]:
        """The wheels locked for it."""
        path, glibc = self.needed_path(needed), self.needed_glibc(needed)
        return locks.load(path, needed, glibc, command=f"./inv lock {needed.recipe.name}").wheels

    def sysroot(self, variant: WheelVariant) -> Headers:
        """What a wheel is compiled against, of the suite and for the Python of its builder."""
        builder = self.bases[variant.recipe.builder]
        return headers(builder.suite, builder.python, variant.packages)

    def sysroot_path(self, variant: WheelVariant) -> Path:
        return self.wheels / "locks" / f"sysroot-{variant.id}.json"

    def sysroot_lock(self, variant: WheelVariant) -> tuple[Package, ...]:
        """The committed packages of the variant's sysroot."""
        path, source = self.sysroot_path(variant), f"wheels/{variant.recipe.name}.toml"
        command, asked = f"./inv lock {variant.recipe.name}", self.sysroot(variant)
        return archive.load(path, asked, variant.arch, command=command, source=source)

    def lock_path(self, variant: Variant) -> Path:
        return locks.path_of(variant, self.locks)

    def base(self, variant: Variant) -> tuple[str, Base]:
        """The recipe's base for this flavour.

        For a registry base it is ours of the same Python, whose tools build it.
        """
        name = variant.recipe.base + variant.suffix
        if name in self.bases:
            return name, self.bases[name]
        return next(item for item in self.bases.items() if item[1].python == variant.recipe.python)

    def base_lock_path(self, name: str, arch: Arch) -> Path:
        return self.locks / f"base-{name}-{arch}.json"

    def tool_lock_path(self, name: str, arch: Arch) -> Path:
        return self.locks / f"tool-{name}-{arch}.json"

    def tool(self, name: str, program: str = "") -> Path:
        """A program of recipes/tools.toml, which mostly has the tool's name; fetched once."""
        tool, host = recipes.load_tools(self.recipes)[name], base.native()
        path, source = self.tool_lock_path(name, host), "recipes/tools.toml"
        committed = archive.load(path, tool, host, command="./inv lock", source=source)
        return tools.ensure(tool, program or name, host, cache=self.cache, committed=committed)

    def tools(self) -> Tools:
        """The programs that publish."""
        logs = self.root / "build/logs"
        return Tools(oras=self.tool("oras"), cosign=self.tool("cosign"), logs=logs)

    def emulator(self, guest: Arch) -> Path:
        """A static program that runs `guest`'s programs on this machine."""
        return self.tool("qemu", f"qemu-{guest.machine}")

    def base_lock(self, variant: Variant, arch: Arch | None = None) -> tuple[Package, ...]:
        """The committed packages of the variant's base, or of the same base for another machine."""
        name, spec = self.base(variant)
        arch = arch or variant.arch
        path = self.base_lock_path(name, arch)
        return archive.load(path, spec, arch, command=f"./inv lock {variant.id}")
