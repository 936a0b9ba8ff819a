"""What decides what a stage makes, by name: an image or a wheel is made again where one changed.

All of it is read from this checkout's files: nothing is built or fetched to know it, so a machine
that has none of the caches can tell what another would do. It is the same on every machine: what
works on one of either architecture counts for both.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from inferpack import (
    archive,
    base,
    building,
    emulation,
    layers,
    locks,
    program,
    recipes,
    render,
    sources,
    unpack,
    wheel_recipes,
    wheel_tools,
)
from inferpack.locks import Lock
from inferpack.model import Arch, Flavour, Origin, Package, Variant
from inferpack.store import digest, file_digest, files_digest
from inferpack.store import sources as files_of
from inferpack.wheel import Needed, Purpose, WheelVariant
from inferpack.workshop import Workshop

PACKAGE = Path(__file__).parent
# The modules whose code decides an image's bytes; the base's and each layer's stand beside them.
MAKERS = ("buildx", "layers", "pipeline", "program", "render", "store", "tree", "unpack")
COMPILERS = ("backends", "builder", "building", "job", "sources", "source_files", "sysroot")
FINISHERS = (
    *("finish", "floor", "wheel_archive", "wheel_checks", "wheel_elf", "wheel_tests"),
    *("wheel_tools", "wheels"),
)
JUDGES = ("emulation", "proof", "translation")
T = TypeVar("T")


class Input(StrEnum):
    """What something is made from, in the words that tell a user why it is made again."""

    RECIPE = "recipe"
    LOCK = "lock"
    BASE = "base"
    SELFTEST = "selftest"
    TEMPLATE = "template"
    CODE = "inferpack's code"
    TOOLS = "tools"
    STRIP = "strip"
    SOURCE = "source"
    TEST = "test"


Inputs = Mapping[str, str]
"""A digest for each Input, by its name."""


def key(inputs: Inputs) -> str:
    """sha256 (hex) of all of them."""
    return digest(sorted(inputs.items()))


def changed(before: Inputs, now: Inputs) -> tuple[str, ...]:
    """The names of those that differ; of what was made by an inferpack that named none, that."""
    if not before:
        return ("made by an older inferpack",)
    return tuple(name for name in now if before.get(name) != now[name])


def code(*modules: str) -> str:
    """sha256 (hex) over modules of this package."""
    return files_digest(PACKAGE, [PACKAGE / f"{name}.py" for name in modules])


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """Reads each file once, however many variants it decides: for one command, not for longer."""

    shop: Workshop
    known: dict[Hashable, Any] = field(default_factory=dict)

    def image(self, variant: Variant) -> dict[str, str]:
        """As this checkout's files decide it; UsageError where a lock is missing or stale."""
        shop = self.shop
        name, spec = shop.base(variant)
        lock = self.lock(variant)
        root = render.root_of(
            variant, name, spec, self.base(variant), self.packages(variant, variant.arch)
        )
        labels = render.labels(variant, root, "", Origin(revision="", created=0))
        own = replace(variant, flavour=Flavour.RUNTIME)  # its Python compiles every flavour's files
        return {
            Input.RECIPE: digest(
                render.environment(variant, root),
                {name: text for name, text in labels.items() if ".base." not in name},
                [recipes.prune_of(variant, wheel.name) for wheel in lock.wheels],
                program.expectations(variant).decode(),
                program.image_module(variant),
            ),
            # the whole file: what is published names it so, as the image's commit has it
            Input.LOCK: file_digest(shop.lock_path(variant)),
            Input.BASE: digest(
                *(root.image, root.digest),
                [base.python_digest(self.packages(own, arch)) for arch in Arch],
            ),
            Input.SELFTEST: self.selftest(variant),
            Input.TEMPLATE: self.template(),
            Input.CODE: digest(self.code(MAKERS), unpack.INSTALLER),
        }

    def here(self, variant: Variant) -> dict[str, str]:
        """The same, and the programs by which this machine and its engine would make it."""
        tools = digest(self.strip(variant.arch))
        own = self.shop.engine_for(variant.arch)
        engine = self.once(("engine", variant.arch), own.version)
        return {**self.image(variant), Input.TOOLS: digest(tools, engine)}

    def judge(self, variant: Variant) -> str:
        """What decides whether an emulated run is a proof, beside the image's own verdict."""
        known = self.once("cpus", lambda: recipes.load_cpus(self.shop.recipes))
        return digest(self.code(JUDGES), emulation.smoke(known, variant))

    def wheel(self, variant: WheelVariant) -> dict[str, str]:
        """UsageError where a lock is missing or stale."""
        shop, recipe = self.shop, variant.recipe
        backends = [shop.needed(Needed(recipe=recipe, purpose=Purpose.BUILD, arch=a)) for a in Arch]
        needed = shop.needed(Needed(recipe=recipe, purpose=Purpose.TEST, arch=variant.arch))
        templates = files_of(shop.templates / "wheel")
        return {
            Input.RECIPE: digest(recipe, variant.cell, building.command(variant)),
            Input.LOCK: digest(backends, shop.sysroot_lock(variant)),
            Input.BASE: digest(self.tools(recipe.builder), self.tools(recipe.test.base)),
            Input.SOURCE: sources.key(recipe, shop.wheels),
            Input.TEMPLATE: files_digest(shop.templates, templates),
            Input.CODE: self.code((*COMPILERS, *FINISHERS)),
            Input.TOOLS: digest(wheel_tools.versions()),
            Input.TEST: digest(self.tested_with(variant), needed),
        }

    def wheel_here(self, variant: WheelVariant) -> dict[str, str]:
        """The same, and the program that strips it on this machine."""
        return {**self.wheel(variant), Input.STRIP: digest(self.strip(variant.arch))}

    def strip(self, arch: Arch) -> str:
        program, log = layers.STRIP[arch], self.shop.cache / "logs/strip.log"
        return self.once(program, lambda: layers.version(program, log))

    def tested_with(self, variant: WheelVariant) -> str:
        """What the recipe's test is, and the least CPU that it must pass on."""
        shop, test = self.shop, variant.recipe.test
        data = shop.root / test.data
        files = [shop.wheels / wheel_recipes.TESTS / test.script]
        files += files_of(data) if test.data and data.is_dir() else []
        least = wheel_recipes.baseline(variant.cell, recipes.load_cpus(shop.recipes))
        return digest(files_digest(shop.root, files), least)

    def tools(self, name: str) -> str:
        """The base `name`, in which this machine or another works."""
        shop, spec = self.shop, self.shop.bases[name]

        def key(arch: Arch) -> str:
            path = shop.base_lock_path(name, arch)
            return base.key(spec, arch, archive.load(path, spec, arch, command="./inv lock"))

        return digest([key(arch) for arch in Arch])

    def lock(self, variant: Variant) -> Lock:
        """Flavours share it."""
        shop = self.shop
        path, glibc = shop.lock_path(variant), shop.base(variant)[1].glibc
        return self.once(path, lambda: locks.load(path, variant, glibc))

    def base(self, variant: Variant) -> str:
        name, spec = self.shop.base(variant)
        arch = variant.arch
        packages = self.packages(variant, arch)
        return self.once(("base", name, arch), lambda: base.key(spec, arch, packages))

    def packages(self, variant: Variant, arch: Arch) -> tuple[Package, ...]:
        """The committed packages of the variant's base."""
        name = self.shop.base(variant)[0]
        return self.once(("packages", name, arch), lambda: self.shop.base_lock(variant, arch))

    def selftest(self, variant: Variant) -> str:
        """The program's files, and what the backend adds to the framework."""
        source, name = self.shop.selftest, variant.recipe.name
        code = self.once("program", lambda: program.digests(program.code(source)))
        data = self.once(("data", name), lambda: program.digests(program.data(variant, source)))
        added = self.once(
            ("plugin", name, variant.backend),
            lambda: program.digests(program.plugin(variant, source)),
        )
        return digest(code, data, added)

    def template(self) -> str:
        return self.once("template", lambda: file_digest(self.shop.templates / render.TEMPLATE))

    def code(self, modules: tuple[str, ...]) -> str:
        return self.once(modules, lambda: code(*modules))

    def revision(self) -> str:
        return self.once("revision", lambda: self.shop.origin().revision)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        if name not in self.known:
            self.known[name] = make()
        made: T = self.known[name]
        return made
