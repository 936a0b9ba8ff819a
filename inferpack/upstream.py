"""What pip's indexes have of projects, and what of that a Python on a platform can use."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from inferpack import console, indexes
from inferpack.errors import InferpackError
from inferpack.fetch import Unreachable
from inferpack.indexes import Indexes, Link
from inferpack.model import Python

if TYPE_CHECKING:
    from inferpack.fetch import Session

THREADS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A file of a project, as its name tells; `tags`: of a wheel, and none of a source."""

    link: Link
    version: Version
    tags: frozenset[Tag]


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What all indexes list of it; `whole`: every page of theirs could be read."""

    files: tuple[Release, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a file shall be used; `tags`: those of wheels for it, none where sources are built."""

    python: Python
    tags: frozenset[Tag] = frozenset()

    def takes(self, release: Release) -> bool:
        """Whether pip would: a yanked file only where it is pinned."""
        fits = not self.tags.isdisjoint(release.tags) if self.tags else not release.tags
        return fits and release.link.yanked is None and self.runs(release.link.requires_python)

    def runs(self, requires: str) -> bool:
        """What is no specifier asks for nothing, as with pip."""
        try:
            return SpecifierSet(requires).contains(f"{self.python}.0")
        except InvalidSpecifier:
            return True


def newer(project: Project, than: str, place: Place) -> tuple[Release, ...]:
    """Later releases of the same kind of build that can be used there, oldest first.

    A local label (1.0+cpu) tells apart builds of one release. Pre-releases count where this
    version is one.
    """
    old = Version(than)
    found = [
        release
        for release in project.files
        if release.version > old
        and release.version.local == old.local
        and (old.is_prerelease or not release.version.is_prerelease)
        and place.takes(release)
    ]
    return tuple(sorted(found, key=lambda release: release.version))


def ask(
    names: Iterable[str], known: Indexes
) -> tuple[dict[str, Project], tuple[InferpackError, ...]]:
    """Every project, and why pages could not be read: each is asked once, several at a time."""
    pages = {name: known.pages(name) for name in sorted(set(names))}
    asked = tuple(dict.fromkeys(page for several in pages.values() for page in several))
    inquiry = Inquiry(session=known.session())
    title = f"ask pip's indexes for {len(pages)} projects"
    # Its threads are daemons: Ctrl-C need not wait for a server that has gone silent.
    with console.step(title), ThreadPool(THREADS) as pool:
        answers = dict(zip(asked, pool.imap(inquiry.ask, asked), strict=True))
    failed = {page: said for page, said in answers.items() if isinstance(said, InferpackError)}
    listed = {page: said for page, said in answers.items() if isinstance(said, tuple)}
    projects = {
        name: Project(
            files=tuple(files(name, [listed[page] for page in several if page in listed])),
            whole=failed.keys().isdisjoint(several),
        )
        for name, several in pages.items()
    }
    return projects, tuple(distinct(failed))


@dataclass(kw_only=True, slots=True)
class Inquiry:
    """One round of asking; a server that cannot be reached is not asked again."""

    session: "Session"
    down: dict[str, Unreachable] = field(default_factory=dict)

    def ask(self, page: str) -> tuple[Link, ...] | InferpackError:
        server = urlsplit(page).netloc
        if server in self.down:
            return self.down[server]
        try:
            return indexes.links(page, self.session)
        except Unreachable as err:
            self.down[server] = err
            return err
        except InferpackError as err:
            return err


def files(project: str, pages: Iterable[tuple[Link, ...]]) -> Iterator[Release]:
    """Those of the project: a page of find-links may list anything."""
    for link in (link for page in pages for link in page):
        try:
            name, version, tags = parsed(link.name)
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if name == project:
            yield Release(link=link, version=version, tags=tags)


def parsed(name: str) -> tuple[str, Version, frozenset[Tag]]:
    """The project, version and tags of a file; ValueError where pip would not look at it."""
    if name.endswith(".whl"):
        project, version, _, tags = parse_wheel_filename(name)
        return project, version, tags
    return *parse_sdist_filename(name), frozenset()


def distinct(failed: dict[str, InferpackError]) -> Iterator[InferpackError]:
    """The first of each kind that a server has given, and how many there are."""
    kinds: dict[tuple[str, str], list[InferpackError]] = defaultdict(list)
    for page, err in failed.items():
        kinds[urlsplit(page).netloc, err.wrong].append(err)
    for first, *others in kinds.values():
        more = f" (and {len(others)} other pages of it)" if others else ""
        yield InferpackError(first.where, first.wrong + more, first.hint)
