"""Where a checkout keeps what can be made again, and how inferpack has named it there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Judge = Callable[[set[str]], bool]  # of the names in a folder; a file has none
DIGEST = re.compile(r"([0-9a-f]{64})")


def anything(_: set[str]) -> bool:
    return True


def one_file(names: set[str]) -> bool:
    return len(names) == 1


def rootfs(name: str) -> Judge:
    whole = {f"{name}.tar", f"{name}.json", "root"}
    return lambda names: bool(names) and names <= whole


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """A folder below the checkout; the group of `names` is what others know an item by.

    `holds`: whether what has these names in it can be one; `beside`: ends the name of a file that
    belongs to each; `marks`: what is touched when an item is used, in it or (.suffix) beside it;
    `lasts`: needed, though nothing refers to it; `taken`: out of a file that stays.
    """

    kind: str
    folder: str
    names: re.Pattern[str] = DIGEST
    holds: Judge = anything
    beside: str = ""
    marks: str = ""
    lasts: bool = False
    taken: bool = False

    def used(self, path: Path) -> float:
        """When an item was used last, in seconds since 1970."""
        is_beside = self.marks.startswith(".")
        found = [path.with_suffix(self.marks)] if is_beside else path.glob(self.marks or "*")
        times = [mark.stat().st_mtime for mark in found if self.marks and mark.is_file()]
        return max(times or [path.stat().st_mtime])


TAR = re.compile(rf"{DIGEST.pattern}\.tar")
DEB = re.compile(rf"{DIGEST.pattern}\.deb")
MINBASE = re.compile(r"(minbase-.+)\.tar")
SHELVES = (
    Shelf(kind="layers", folder=".cache/layers", names=TAR, beside=".sha256", marks=".sha256"),
    Shelf(kind="bases", folder=".cache/base", holds=rootfs("base"), marks="base.json"),
    Shelf(kind="bases", folder=".cache/sysroot", holds=rootfs("sysroot"), marks="sysroot.json"),
    Shelf(kind="wheels", folder=".cache/wheels", holds=one_file),
    Shelf(kind="downloads begun", folder=".cache/partial"),
    Shelf(kind="Debian packages", folder=".cache/debs", names=DEB, lasts=True),
    Shelf(kind="sources", folder=".cache/sources", beside=".json", marks=".json"),
    Shelf(kind="sources", folder=".cache/sources/archives", holds=one_file),
    Shelf(kind="tools", folder=".cache/tools", marks="*.sha256", taken=True),
    Shelf(kind="uv's cache", folder=".cache", names=re.compile("(uv)"), lasts=True),
    Shelf(kind="bench", folder=".cache/bench", names=MINBASE, lasts=True),
    Shelf(kind="bench", folder=".cache/bench/wheels", lasts=True),
)
LOGS = ".cache/logs"
FOLDERS = (*dict.fromkeys(shelf.folder for shelf in SHELVES), LOGS)
NOTES = re.compile(rf"{DIGEST.pattern}\.(json|sha256)")  # of tools and layers, some hundred bytes
RESULTS = ("index", "registry", "report")  # of build/: no temporary files but their owners'
TEMPORARY = re.compile(r"\.tmp-.*")
OF_LOCK, OF_BENCH = re.compile(r"\.tmp-.*|resolve-.*"), re.compile(r"\.tmp-.*|run-.*")
OF_WHEEL = re.compile(r"\.tmp-.*|finished|test")  # these are made anew each time
