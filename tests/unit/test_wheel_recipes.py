"""Recipes of wheels: what they say, what is derived from it, and each way of getting one wrong."""

import tomllib
from pathlib import Path

import pytest

from inferpack import wheel_recipes
from inferpack.errors import UsageError
from inferpack.model import File
from tests.unit.conftest import ROOT

SHA = "0123456789abcdef" * 4
RECIPE = f"""
name = "toy"
title = "Toy"
licenses = "MIT"
homepage = "https://example.org/toy"
version = "1.5"
build = 2
build-system = "setuptools"
builder = "builder"
glibc = "2.36"
python = "3.11"
requires = ["setuptools==80.0"]
patches = ["right.patch"]

[[sources]]
kind = "sdist"
name = "toy"
version = "1.5"
files = [{{ name = "toy-1.5.tar.gz", size = 3, sha256 = "{SHA}" }}]

[[matrix]]
backend = "ggml"
arch = "arm64"
target = "generic"
baseline = "Cortex-A72"

[test]
script = "toy.py"
base = "bookworm"
"""
PATCH = "Reason: it is wrong.\nUpstream: none\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "wheels"
    (place / "tests").mkdir(parents=True)
    (place / "tests/toy.py").touch()
    (place / "patches/toy").mkdir(parents=True)
    (place / "patches/toy/right.patch").write_text(PATCH)
    (place / "yanked.toml").write_text("")
    (place / "toy.toml").write_text(RECIPE)
    return place


def refused(folder: Path) -> str:
    with pytest.raises(UsageError) as err:
        wheel_recipes.load(folder, ROOT / "recipes")
    return str(err.value)


def broken(folder: Path, old: str, new: str) -> str:
    """The message of loading the toy recipe with `old` replaced."""
    assert old in RECIPE
    (folder / "toy.toml").write_text(RECIPE.replace(old, new, 1))
    return refused(folder).removeprefix("wheels/toy.toml: ")


def test_the_repositorys_own_recipes_load() -> None:
    found = wheel_recipes.variants(wheel_recipes.load(ROOT / "wheels", ROOT / "recipes"))
    assert {"fasttext-plain-amd64", "fasttext-plain-arm64"} <= {item.id for item in found}
    assert len({(item.arch, item.recipe.name, item.version) for item in found}) == len(found)


def test_a_recipe_loads(folder: Path) -> None:
    (recipe,) = wheel_recipes.load(folder, ROOT / "recipes")
    (found,) = wheel_recipes.variants([recipe])
    assert (found.id, found.version) == ("toy-ggml-arm64", "1.5+inferpack.2")
    assert found.platform == "manylinux_2_36_aarch64"
    assert recipe.sources[0].files == (File(name="toy-1.5.tar.gz", size=3, sha256=SHA),)


def test_an_unknown_key_names_the_nearest(folder: Path) -> None:
    assert broken(folder, "glibc =", "glib =") == "unknown key 'glib'; did you mean 'glibc'?"


def test_an_unknown_kind_names_the_nearest(folder: Path) -> None:
    assert broken(folder, '"sdist"', '"sdits"') == (
        "sources[0].kind: unknown value 'sdits'; did you mean 'sdist'?"
    )


FILES = next(line for line in RECIPE.splitlines() if line.startswith("files"))
SOURCE = RECIPE[RECIPE.index("[[sources]]") : RECIPE.index("[[matrix]]")]
MATRIX = RECIPE[RECIPE.index("[[sources]]") : RECIPE.index("[test]")]
WRONG = {
    'name = "toy"\ntitle': ('name = "tyo"\ntitle', "name is 'tyo'; the file's name says 'toy'"),
    'builder = "builder"': (
        'builder = "bilder"',
        "builder: there is no 'bilder'; did you mean 'builder'?",
    ),
    'base = "bookworm"': (
        'base = "bokworm"',
        "test.base: there is no 'bokworm'; did you mean 'bookworm'?",
    ),
    'version = "1.5"\nbuild': (
        'version = "one"\nbuild',
        "'one' is not a version; write it as in PEP 440, such as 1.2.3",
    ),
    'version = "1.5"\nbuild =': (
        'version = "1.5+cpu"\nbuild =',
        "version '1.5+cpu' has a local label; leave it away: ours is added",
    ),
    "build = 2": ("build = 0", "build is 0; count from 1"),
    '"2.36"': ('"2"', "glibc is '2'; write it as glibc does, such as 2.34"),
    "setuptools==80.0": (
        "setuptools",
        "'setuptools' is not pinned; write it as name==version",
    ),
    '"setuptools==80.0"': (
        '"setup tools"',
        "'setup tools' is not a requirement; write it as in PEP 508: name==version",
    ),
    'kind = "sdist"': (
        'kind = "debian"',
        "sources[0].suite is missing for kind 'debian'; add it",
    ),
    'version = "1.5"\nfiles': (
        'url = "https://example.org"\nversion = "1.5"\nfiles',
        "sources[0].url is not for kind 'sdist'; remove it",
    ),
    "toy-1.5.tar.gz": ("../toy", "sources[0].files: '../toy' is not a file's name"),
    SHA: (
        "abc",
        "sources[0].files: toy-1.5.tar.gz: 'abc' is not a sha256; restore the file from git",
    ),
    'patches = ["right.patch"]': (
        'patches = ["rihgt.patch"]',
        "patches: there is no 'rihgt.patch'; did you mean 'right.patch'?",
    ),
    '["right.patch"]': (
        "[]",
        "patches does not name patches/toy/right.patch; name it, or remove the file",
    ),
    'script = "toy.py"': (
        'script = "tyo.py"',
        "test.script: wheels/tests/tyo.py does not exist; "
        "write it: what it runs must be what users of it would",
    ),
    '"toy.py"': (
        '"../toy.toml"',
        "test.script: wheels/tests/../toy.toml does not exist; "
        "write it: what it runs must be what users of it would",
    ),
    FILES: ("files = []", "sources[0].files is empty; name at least one archive"),
    SOURCE: ("sources = []\n", "sources is empty; give it at least one"),
    "[[sources]]": (
        f"{SOURCE}into = 'one'\n[[sources]]",
        "sources.into: several sources, and folders 'one', ''; "
        "give each source a folder of its own",
    ),
    'name = "toy"\nversion = "1.5"\nfiles': (
        'name = "toy"\nversion = "1.5"\ninto = "../one"\nfiles',
        "sources[0].into: '../one' is not a folder's name",
    ),
    MATRIX: (
        f"matrix = []\n\n{SOURCE}",
        "matrix is empty; give it at least one entry",
    ),
    'backend = "ggml"': (
        'backend = "onednn"',
        "backend 'onednn' does not exist on arm64; it exists on amd64",
    ),
    '"generic"': (
        '"neoverse-v2"',
        "target: there is no 'neoverse-v2'; did you mean 'neoverse-v1'?",
    ),
    'target = "generic"': (
        'target = "x86-64-v3"',
        "target 'x86-64-v3' is no arm64 CPU; it is amd64's",
    ),
    '"Cortex-A72"': (
        '"Cortex-A73"',
        "baseline: there is no 'Cortex-A73'; did you mean 'Cortex-A72'?",
    ),
    'baseline = "Cortex-A72"': (
        'baseline = "x86-64-v2"',
        "baseline 'x86-64-v2' is no arm64 CPU; it is amd64's",
    ),
    "[[matrix]]": (
        '[[matrix]]\nbackend = "ggml"\narch = "arm64"\n\n[[matrix]]',
        "matrix has toy-ggml-arm64 twice; keep one of them",
    ),
}


@pytest.mark.parametrize("old", WRONG)
def test_what_cannot_be_is_refused(folder: Path, old: str) -> None:
    new, message = WRONG[old]
    assert broken(folder, old, new).removeprefix(": ") == message


@pytest.mark.parametrize("header", ["Reason:", "Upstream:"])
@pytest.mark.parametrize("instead", ["", "Why:", None])
def test_a_patch_says_why_and_what_upstream_says(
    folder: Path, header: str, instead: str | None
) -> None:
    empty = [line if not line.startswith(header) else header for line in PATCH.splitlines()]
    text = "\n".join(empty) if instead is None else PATCH.replace(header, instead)
    (folder / "patches/toy/right.patch").write_text(text)
    assert refused(folder) == (
        f"patches/toy/right.patch: has no line '{header} …' before its first file; add it"
    )


def test_a_header_below_the_first_file_does_not_count(folder: Path) -> None:
    text = PATCH.removeprefix("Reason: it is wrong.\n") + "\nReason: too late\n"
    (folder / "patches/toy/right.patch").write_text(text)
    assert "has no line 'Reason: …'" in refused(folder)


def test_a_project_of_ours_says_the_same_as_its_recipe() -> None:
    for recipe in wheel_recipes.load(ROOT / "wheels", ROOT / "recipes"):
        path = ROOT / "wheels/projects" / recipe.name / "pyproject.toml"
        if path.exists():
            said = tomllib.loads(path.read_text())
            project, urls = said["project"], said["project"]["urls"]
            assert (project["name"], project["version"]) == (recipe.name, recipe.version)
            assert (project["license"], list(urls.values())) == (recipe.licenses, [recipe.homepage])
            assert tuple(said["build-system"]["requires"]) == recipe.requires


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("toy/a.py~", "projects/toy: a.py~ would be a part of the wheel; remove it"),
        ("toy/b/.a.py.swp", "projects/toy: b/.a.py.swp would be a part of the wheel; remove it"),
        ("tyo/a.py", "projects/tyo: belongs to no recipe; name it as the recipe, or remove it"),
    ],
)
def test_what_lies_among_our_projects_by_accident_is_refused(
    folder: Path, name: str, wrong: str
) -> None:
    path = folder / "projects" / name
    path.parent.mkdir(parents=True)
    path.touch()
    assert refused(folder) == f"wheels/{wrong}"
