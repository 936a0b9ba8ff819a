"""Verified wheels in a content-addressed cache: cache/wheels/<sha256>/<file name>."""

import errno
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferpack import console, store
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes, Link, is_local, links, local_path
from inferpack.model import NAMESPACE, File, LockedWheel
from inferpack.process import redact

if TYPE_CHECKING:
    from inferpack.fetch import Session

THREADS = 4
CHUNK = 1 << 20


def path_of(wheel: LockedWheel, cache: Path) -> Path:
    return cache / "wheels" / wheel.file.sha256 / wheel.file.name


def missing(wheels: Iterable[LockedWheel], cache: Path) -> tuple[LockedWheel, ...]:
    """The wheels still to be fetched. What has its final name was verified when it got it."""
    return tuple(wheel for wheel in wheels if size(path_of(wheel, cache)) != wheel.file.size)


def ensure(
    wheels: tuple[LockedWheel, ...], indexes: Callable[[], Indexes], *, cache: Path
) -> dict[LockedWheel, Path]:
    """Every wheel's verified file; `indexes` is asked only when one has to be fetched.

    Raises InferpackError where a wheel cannot be had, is not the locked one, or the disk is full.
    """
    if missing(wheels, cache):
        with store.locked(cache / "partial"), store.disk(cache / "partial"):
            fetch_all(missing(wheels, cache), indexes, cache)
    found = {wheel: path_of(wheel, cache) for wheel in wheels}
    for path in found.values():
        store.touch(path.parent)
    return found


def fetch_all(todo: tuple[LockedWheel, ...], indexes: Callable[[], Indexes], cache: Path) -> None:
    """Fetches in parallel; the first failure ends it, and what is partial stays to be continued."""
    if not todo:
        return  # another process has fetched them while this one waited
    total = sum(wheel.file.size for wheel in todo)
    stop = threading.Event()
    with console.step(title(todo, total)), console.downloads(total) as bar:

        def advance(size: int) -> None:
            if stop.is_set():
                raise InterruptedError("another download failed")
            bar.advance(bar.task_ids[0], size)

        errand = Errand(indexes=indexes(), cache=cache, advance=advance)
        # Its threads are daemons: Ctrl-C need not wait for a server that has gone silent.
        pool = ThreadPool(min(THREADS, len(todo)))
        try:
            for _ in pool.imap_unordered(errand.fetch, todo):
                pass
        finally:
            stop.set()
            pool.terminate()


def title(wheels: tuple[LockedWheel, ...], total: int) -> str:
    amount = f"{len(wheels)} wheels" if len(wheels) > 1 else wheels[0].file.name
    return f"fetch {amount}, {total / 1e6:.1f} MB"


@dataclass(kw_only=True, slots=True)
class Errand:
    """One round of fetching: each page is asked once, a server that failed never again."""

    indexes: Indexes
    cache: Path
    advance: Callable[[int], None]
    session: "Session" = field(init=False)
    pages: dict[str, tuple[Link, ...]] = field(default_factory=dict)
    down: dict[str, InferpackError] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.session = self.indexes.session()

    def fetch(self, wheel: LockedWheel) -> None:
        """Takes the file from the first page that has it; tells what was wrong with others."""
        problems: list[InferpackError] = []
        for page in self.indexes.pages(wheel.name):
            try:
                if self.fetch_from(page, wheel):
                    return self.tell(problems)
            except InferpackError as err:
                problems.append(err)
        if not problems:
            raise vanished(wheel, self.indexes)
        self.tell(problems[:-1])
        raise problems[-1]

    def fetch_from(self, page: str, wheel: LockedWheel) -> bool:
        """Whether the page had the file; raises where it has another file of that name only."""
        named = [link for link in self.links(page) if link.name == wheel.file.name]
        for link in named:
            if link.sha256 in (None, wheel.file.sha256):
                self.take(link, wheel, page)
                return True
        if named:
            raise unlike(wheel.file, str(named[0].sha256), page)
        return False

    def links(self, page: str) -> tuple[Link, ...]:
        server = urlsplit(page).netloc
        if server in self.down:
            raise self.down[server]
        if page not in self.pages:
            try:
                self.pages[page] = links(page, self.session)
            except InferpackError as err:
                self.down[server] = err
                raise
        return self.pages[page]

    def tell(self, problems: list[InferpackError]) -> None:
        for text in map(str, problems):
            if text not in self.told:
                self.told.add(text)
                console.warn(text)

    def take(self, link: Link, wheel: LockedWheel, page: str) -> None:
        """The link's bytes under their final name, once they are the locked ones."""
        partial = self.cache / "partial" / wheel.file.sha256
        begun = size(partial) or 0
        self.advance(begun)
        self.bring(link, wheel.file, partial)
        got = store.file_digest(partial)
        if got == wheel.file.sha256:
            final = path_of(wheel, self.cache)
            final.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(final)
            return
        self.advance(-(size(partial) or 0))
        partial.unlink()
        if not begun:
            raise unlike(wheel.file, got, page)
        # Its beginning may have come from another server: once more, from the start.
        self.take(link, wheel, page)

    def bring(self, link: Link, file: File, partial: Path) -> None:
        try:
            if is_local(link.url):
                self.copy(local_path(link.url), partial)
            else:
                self.session.download(link.url, file=file, partial=partial, advance=self.advance)
        except OSError as err:
            if err.errno in (errno.ENOSPC, errno.EDQUOT):
                partial.unlink(missing_ok=True)  # what the user needs now is space
            raise

    def copy(self, source: Path, partial: Path) -> None:
        self.advance(-(size(partial) or 0))
        try:
            data = source.open("rb")
        except OSError as err:
            raise InferpackError(str(source), f"cannot be read: {err.strerror}") from err
        with data, partial.open("wb") as out:
            while chunk := data.read(CHUNK):
                self.advance(len(chunk))
                out.write(chunk)


def size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def unlike(file: File, got: str, page: str) -> InferpackError:
    return InferpackError(
        file.name,
        f"expected sha256 {file.sha256}, got {got} from {redact(page)}",
        "the index, or a proxy on the way, serves another file under this name; "
        "if that is meant, ./inv lock --upgrade accepts it",
    )


def is_ours(wheel: LockedWheel) -> bool:
    """Whether ./inv wheel makes it, and no index of everybody has it."""
    return f"+{NAMESPACE}." in wheel.version


def vanished(wheel: LockedWheel, indexes: Indexes) -> InferpackError:
    asked = ", ".join(map(redact, (*indexes.find_links, *indexes.simple))) or "none is configured"
    if is_ours(wheel):
        hint = f"./inv wheel {wheel.name} builds it"
        wrong = f"is neither in build/wheels nor in pip's indexes ({asked})"
        return InferpackError(wheel.file.name, wrong, hint)
    hint = (
        "add the CPU wheel index of the PyTorch project to pip's extra-index-url "
        "(see 'Get started' on pytorch.org)"
        if wheel.version.endswith("+cpu")
        else "./inv lock --upgrade picks what the indexes have now"
    )
    return InferpackError(wheel.file.name, f"is in none of pip's indexes ({asked})", hint)
