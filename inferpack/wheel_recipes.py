"""Recipes of wheels: wheels/*.toml in, typed nouns out, and what types cannot say checked."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from inferpack import parsing, recipe_checks, recipes, store
from inferpack.errors import UsageError
from inferpack.model import GENERIC, Arch
from inferpack.rungs import CpuModel
from inferpack.store import check_sha256
from inferpack.wheel import Kind, Source, WheelCell, WheelRecipe, WheelVariant

PATCHES, PROJECTS, TESTS = "patches", "projects", "tests"
YANKED = "yanked.toml"  # releases not to be installed any more: no recipe
HEADERS = ("Reason:", "Upstream:")  # lines that every patch begins with
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*")
# Of each kind of source: what it must say, and what it must not
TELLS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.SDIST: ((), ("suite", "url")),
    Kind.DEBIAN: (("suite",), ("url",)),
    Kind.TARBALL: (("url",), ("suite",)),
}


def load(folder: Path, known: Path) -> tuple[WheelRecipe, ...]:
    """Every wheel recipe of the folder, sorted by name; `known` is the folder with the bases, CPUs
    and targets that they name.
    """
    paths = sorted(path for path in folder.glob("*.toml") if path.name != YANKED)
    check_projects(folder, {path.stem for path in paths})
    return tuple(check(path, parsing.parse(path, WheelRecipe), known) for path in paths)


def variants(found: Iterable[WheelRecipe]) -> tuple[WheelVariant, ...]:
    return tuple(
        WheelVariant(recipe=recipe, cell=cell) for recipe in found for cell in recipe.matrix
    )


def check(path: Path, recipe: WheelRecipe, known: Path) -> WheelRecipe:
    """The recipe, where all its names exist; else UsageError."""
    where = f"{path.parent.name}/{path.name}"
    if recipe.name != path.stem:
        raise UsageError(where, f"name is '{recipe.name}'", f"the file's name says '{path.stem}'")
    bases = recipes.load_bases(known)
    for key, name in (("builder", recipe.builder), ("test.base", recipe.test.base)):
        check_known(where, key, name, bases)
    check_numbers(where, recipe)
    check_requires(where, (*recipe.requires, *recipe.test.requires))
    check_sources(where, recipe.sources)
    check_patches(where, recipe, path.parent / PATCHES / recipe.name)
    script = path.parent / TESTS / recipe.test.script
    if not FILE_NAME.fullmatch(recipe.test.script) or not script.is_file():
        wrong = f"test.script: {path.parent.name}/{TESTS}/{recipe.test.script} does not exist"
        raise UsageError(where, wrong, "write it: what it runs must be what users of it would")
    check_matrix(where, recipe, known)
    return recipe


def check_known(where: str, key: str, name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
        raise UsageError(where, f"{key}: there is no '{name}'", hint)


def check_numbers(where: str, recipe: WheelRecipe) -> None:
    try:
        version = Version(recipe.version)
    except InvalidVersion as err:
        hint = "write it as in PEP 440, such as 1.2.3"
        raise UsageError(where, f"'{recipe.version}' is not a version", hint) from err
    if version.local:
        wrong = f"version '{recipe.version}' has a local label"
        raise UsageError(where, wrong, "leave it away: ours is added")
    if recipe.build < 1:
        raise UsageError(where, f"build is {recipe.build}", "count from 1")
    if not re.fullmatch(r"2\.\d+", recipe.glibc):
        raise UsageError(
            where, f"glibc is '{recipe.glibc}'", "write it as glibc does, such as 2.34"
        )


def check_requires(where: str, texts: Iterable[str]) -> None:
    for text in texts:
        try:
            Requirement(text)
        except InvalidRequirement as err:
            hint = "write it as in PEP 508: name==version"
            raise UsageError(where, f"'{text}' is not a requirement", hint) from err
        if not recipe_checks.PINNED.search(text):
            raise UsageError(where, f"'{text}' is not pinned", "write it as name==version")


def check_sources(where: str, sources: tuple[Source, ...]) -> None:
    """Each is whole; several have a folder each."""
    if not sources:
        raise UsageError(where, "sources is empty", "give it at least one")
    for number, source in enumerate(sources):
        check_source(where, f"sources[{number}]", source)
    folders = [source.into for source in sources]
    if len(folders) > 1 and (len(set(folders)) < len(folders) or "" in folders):
        wrong = f"sources.into: several sources, and folders {', '.join(map(repr, folders))}"
        raise UsageError(where, wrong, "give each source a folder of its own")


def check_source(where: str, key: str, source: Source) -> None:
    must, must_not = TELLS[source.kind]
    for name in must:
        if not getattr(source, name):
            raise UsageError(where, f"{key}.{name} is missing for kind '{source.kind}'", "add it")
    for name in must_not:
        if getattr(source, name):
            raise UsageError(where, f"{key}.{name} is not for kind '{source.kind}'", "remove it")
    if source.into and not FILE_NAME.fullmatch(source.into):
        raise UsageError(where, f"{key}.into: '{source.into}' is not a folder's name")
    if not source.files:
        raise UsageError(where, f"{key}.files is empty", "name at least one archive")
    for file in source.files:
        if not FILE_NAME.fullmatch(file.name):
            raise UsageError(where, f"{key}.files: '{file.name}' is not a file's name")
        check_sha256(f"{where}: {key}.files: {file.name}", file.sha256)


def check_patches(where: str, recipe: WheelRecipe, folder: Path) -> None:
    """Each patch exists and says why; none lies there unused."""
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for name in recipe.patches:
        check_known(where, "patches", name, found)
        path = folder / name
        lines = path.read_text(errors="replace").partition("\n--- ")[0].splitlines()
        for header in HEADERS:
            if not any(line.startswith(header) and line[len(header) :].strip() for line in lines):
                wrong = f"has no line '{header} …' before its first file"
                raise UsageError(f"{folder.parent.name}/{folder.name}/{name}", wrong, "add it")
    if unused := sorted(found - set(recipe.patches)):
        wrong = f"patches does not name {PATCHES}/{recipe.name}/{unused[0]}"
        raise UsageError(where, wrong, "name it, or remove the file")


def check_projects(folder: Path, names: set[str]) -> None:
    """Each of our projects belongs to a recipe, and has no file that an editor has left."""
    for project in sorted(folder.glob(f"{PROJECTS}/*")):
        where = f"{folder.name}/{PROJECTS}/{project.name}"
        if project.name not in names:
            raise UsageError(where, "belongs to no recipe", "name it as the recipe, or remove it")
        for path in store.sources(project):
            if path.name.startswith(".") or path.name.endswith(("~", ".orig", ".rej")):
                wrong = f"{path.relative_to(project)} would be a part of the wheel"
                raise UsageError(where, wrong, "remove it")


def check_matrix(where: str, recipe: WheelRecipe, known: Path) -> None:
    targets, cpus = recipes.load_targets(known), recipes.load_cpus(known)
    if not recipe.matrix:
        raise UsageError(where, "matrix is empty", "give it at least one entry")
    for cell in recipe.matrix:
        if cell.arch not in cell.backend.archs:
            wrong = f"backend '{cell.backend}' does not exist on {cell.arch}"
            raise UsageError(where, wrong, f"it exists on {', '.join(cell.backend.archs)}")
        if cell.target != GENERIC:
            check_known(where, "target", cell.target, targets)
            check_arch(where, f"target '{cell.target}'", targets[cell.target].arch, cell)
        if cell.baseline:
            check_known(where, "baseline", cell.baseline, [cpu.name for cpu in cpus])
            check_arch(where, f"baseline '{cell.baseline}'", baseline(cell, cpus).arch, cell)
    ids = [variant.id for variant in variants([recipe])]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise UsageError(where, f"matrix has {twice[0]} twice", "keep one of them")


def check_arch(where: str, what: str, arch: Arch, cell: WheelCell) -> None:
    if arch is not cell.arch:
        raise UsageError(where, f"{what} is no {cell.arch} CPU", f"it is {arch}'s")


def baseline(cell: WheelCell, known: tuple[CpuModel, ...]) -> CpuModel:
    """The least CPU that the cell's wheel must run on; `known` begins with the least."""
    fitting = [cpu for cpu in known if cpu.arch is cell.arch]
    return next((cpu for cpu in known if cpu.name == cell.baseline), fitting[0])
