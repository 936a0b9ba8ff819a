"""What a checkout has on disk that can be made again: downloads, what was made of them, leftovers.

Only what inferpack has named itself counts, and nothing behind a link: what else lies there is
somebody's. Records, finished wheels, the index, reports and logs are no cache, and stay.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from inferpack.budget import Item, Needs, Part
from inferpack.shelves import (
    FOLDERS,
    NOTES,
    OF_BENCH,
    OF_LOCK,
    OF_WHEEL,
    RESULTS,
    SHELVES,
    TEMPORARY,
    Judge,
    Shelf,
    anything,
)
from inferpack.store import LOCK, disk

BLOCK = 512  # bytes; what st_blocks counts, and du
Make = Callable[[], Item | None]


def mounted() -> tuple[Path, ...]:
    """Where file systems are mounted: also a folder of somebody's, which its device does not show.

    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return tuple(
        Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), line.split()[4]))
        for line in lines
    )


def modified(path: Path) -> float:
    return path.stat().st_mtime


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """A checkout's files, and what of them is referred to."""

    root: Path
    needs: Needs
    mounts: tuple[Path, ...] = field(default_factory=mounted)

    def items(self) -> Iterator[Item]:
        for make in (*self.on_shelves(), *self.of_variants(), *self.left()):
            with suppress(FileNotFoundError):  # who works here may have taken it away just now
                if found := make():
                    yield found

    def entries(self, folder: str) -> list[Path]:
        """What is in a folder below the checkout; nothing where that is behind a link."""
        return sorted((self.root / folder).iterdir()) if self.is_here(folder) else []

    def is_here(self, folder: str) -> bool:
        path = self.root / folder
        within = (path, *path.parents[: len(Path(folder).parts) - 1])
        return path.is_dir() and not any(place.is_symlink() for place in within)

    def on_shelves(self) -> Iterator[Make]:
        for shelf in SHELVES:
            for path in self.entries(shelf.folder):
                yield partial(self.on, shelf, path)

    def on(self, shelf: Shelf, path: Path) -> Item | None:
        found = shelf.names.fullmatch(path.name)
        if not found or not self.holds(path, shelf.holds):
            return None
        beside = path.with_suffix(shelf.beside)
        return self.item(
            *([beside] if shelf.beside and beside.is_file() else []),
            path,
            kind=shelf.kind,
            used=shelf.used,
            needed=shelf.lasts or found[1] in self.needs.names,
            kept="" if shelf.taken else self.needs.kept.get(found[1], ""),
        )

    def locked(self) -> Iterator[Path]:
        """The folders in which one inferpack at a time works."""
        for room in (".cache", "build", "build/wheels"):
            for folder in self.entries(room):
                if not folder.is_symlink() and (folder / LOCK).is_file():
                    yield folder

    def folders(self) -> Iterator[Path]:
        """Those of images and wheels: who works in one locks it."""
        for folder in self.locked():
            if folder.parent.name != ".cache" and folder.name not in RESULTS:
                yield folder

    def of_variants(self) -> Iterator[Make]:
        """What lies beside records, and can be made from the cache."""
        for folder in self.folders():
            needed = folder.name in self.needs.names
            contexts = partial(self.made, kind="contexts", needed=needed, borrows=True)
            yield partial(contexts, folder / "context", {"Dockerfile", "layers"}.__eq__)
            yield partial(contexts, folder / "builder/context", {"Dockerfile", "layers"}.__eq__)
            raw = folder / "raw"
            yield partial(self.made, raw, {"raw.json"}.issubset, kind="raw wheels", needed=needed)

    def made(
        self, path: Path, judge: Judge, *, kind: str, needed: bool, borrows: bool = False
    ) -> Item | None:
        is_here = self.is_here(str(path.parent.relative_to(self.root)))
        if not is_here or not self.holds(path, judge):
            return None
        return self.item(path, kind=kind, needed=needed, borrows=borrows)

    def left(self) -> Iterator[Make]:
        """What killed runs have left, and what each run makes anew."""
        rooms = dict.fromkeys((*FOLDERS, "build", "build/logs", "build/wheels"), TEMPORARY)
        rooms |= {".cache": OF_LOCK}
        for folder in self.folders():
            place = str(folder.relative_to(self.root))
            is_wheel = folder.parent.name == "wheels"
            rooms |= {place: OF_WHEEL if is_wheel else TEMPORARY, f"{place}/builder": TEMPORARY}
        rooms |= {"build/bench": OF_BENCH}
        for room, names in rooms.items():
            for path in self.entries(room):
                if names.fullmatch(path.name):
                    yield partial(self.made, path, anything, kind="leftovers", needed=False)

    def item(
        self,
        *paths: Path,
        kind: str,
        needed: bool,
        used: Callable[[Path], float] = modified,
        kept: str = "",
        borrows: bool = False,
    ) -> Item:
        """The last path is the thing itself; others tell that it is whole."""
        with disk(paths[-1]):
            return Item(
                kind=kind,
                name=str(paths[-1].relative_to(self.root)),
                used=used(paths[-1]),
                needed=needed,
                kept=kept,
                borrows=borrows,
                parts=tuple(part for path in paths for part in parts(path)),
                free=partial(remove, *paths),
            )

    def holds(self, path: Path, judge: Judge) -> bool:
        """Whether it has in it what belongs there, as a folder, and no mount."""
        if path.is_symlink() or not path.exists():
            return False
        if any(place.is_relative_to(path.resolve()) for place in self.mounts):
            return False
        return judge({item.name for item in path.iterdir()} if path.is_dir() else set())

    def strangers(self) -> list[str]:
        """What lies in the cache and is not ours, and folders that are links to elsewhere."""
        found = []
        for folder in FOLDERS[:-1]:
            shelves = [shelf for shelf in SHELVES if shelf.folder == folder]
            for path in self.entries(folder):
                name = str(path.relative_to(self.root))
                is_room = name in FOLDERS and not path.is_symlink()
                is_note = path.name == LOCK or NOTES.fullmatch(path.name)
                is_item = any(
                    shelf.names.fullmatch(path.name) and self.holds(path, shelf.holds)
                    for shelf in shelves
                )
                is_left = OF_LOCK.fullmatch(path.name) and not path.is_symlink()
                if not (is_room or is_note or is_item or is_left):
                    found.append(name)
        return [name for name in (".cache", "build") if (self.root / name).is_symlink()] + found


def parts(path: Path) -> Iterator[Part]:
    """Every file and folder from here on down."""
    about = path.lstat()
    is_folder = stat.S_ISDIR(about.st_mode)
    names = 1 if is_folder else about.st_nlink  # a folder's are its own, and those in it
    yield Part((about.st_dev, about.st_ino), about.st_blocks * BLOCK, names)
    if is_folder:
        with os.scandir(path) as found:
            for entry in found:
                yield from parts(Path(entry.path))


def remove(*paths: Path) -> None:
    """A folder leaves its name first: what is half gone is a leftover, and no item."""
    for path in paths:
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
        elif TEMPORARY.fullmatch(path.name):
            shutil.rmtree(path)
        else:
            aside = Path(tempfile.mkdtemp(prefix=".tmp-", dir=path.parent))
            path.replace(aside)
            shutil.rmtree(aside)
