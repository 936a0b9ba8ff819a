"""The pages of a package index: PEP 503's HTML and PEP 691's JSON, from the same nouns.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from msgspec import Struct
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from inferpack.model import File

if TYPE_CHECKING:
    from jinja2 import Environment

HTML, JSON = "index.html", "index.json"
FILES = "files"  # the folder of wheels, beside those of the indexes
METADATA = ".metadata"  # what is added to a wheel's name for its METADATA (PEP 658)


class Page(Struct, frozen=True, kw_only=True, rename="kebab", omit_defaults=True):
    """A part of a page; keys in the standard's spelling, what is empty is left out."""


class Meta(Page, frozen=True):
    """1.1 has versions and sizes (PEP 700). Upload times are left out: a build has none."""

    api_version: str


class Listed(Page, frozen=True):
    """A file of a project; `url` is relative to the page, `yanked` the reason why it was."""

    filename: str
    url: str
    hashes: dict[str, str]
    size: int
    core_metadata: dict[str, str]
    requires_python: str = ""
    yanked: str = ""


class Project(Page, frozen=True):
    """A project's own page."""

    meta: Meta
    name: str
    versions: tuple[str, ...]
    files: tuple[Listed, ...]


class Name(Page, frozen=True):
    name: str


class Projects(Page, frozen=True):
    """An index's first page."""

    meta: Meta
    projects: tuple[Name, ...]


META = Meta(api_version="1.1")


def listed(file: File, *, metadata: str, requires_python: str = "", yanked: str = "") -> Listed:
    """`metadata`: sha256 of its METADATA."""
    return Listed(
        filename=file.name,
        url=f"../../{FILES}/{quote(file.name)}",  # object stores read a bare + as a space
        hashes={"sha256": file.sha256},
        size=file.size,
        core_metadata={"sha256": metadata},
        requires_python=requires_python,
        yanked=yanked,
    )


def project(name: str, files: tuple[Listed, ...]) -> Project:
    """Sorted by version, then by file name."""
    found = sorted(files, key=lambda file: (version(file), file.filename))
    versions = tuple(dict.fromkeys(str(version(file)) for file in found))
    return Project(meta=META, name=name, versions=versions, files=tuple(found))


def projects(names: tuple[str, ...]) -> Projects:
    return Projects(meta=META, projects=tuple(Name(name=name) for name in sorted(names)))


def version(file: Listed) -> Version:
    return parse_wheel_filename(file.filename)[1]


def write(folder: Path, page: Project | Projects, *, templates: Path) -> None:
    """Both forms of a page into its folder, which must exist."""
    kind = "project" if isinstance(page, Project) else "projects"
    template = environment(templates).get_template(f"{kind}.html.j2")
    (folder / HTML).write_text(template.render(page=page, name=folder.name))
    encoded = msgspec.json.encode(page)
    (folder / JSON).write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")


def write_contents(folder: Path, indexes: dict[str, tuple[str, ...]], *, templates: Path) -> None:
    """A page for people: which indexes there are, and their projects."""
    template = environment(templates).get_template("contents.html.j2")
    (folder / HTML).write_text(template.render(indexes=indexes))


def read(path: Path) -> Project:
    """A project's page in its JSON form; msgspec.MsgspecError for anything else."""
    return msgspec.json.decode(path.read_bytes(), type=Project)


def environment(templates: Path) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(templates / "index"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
