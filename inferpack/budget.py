"""What is kept of things that can be made again, and what goes: by need, by age, by size."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inferpack.errors import UsageError

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Part(NamedTuple):
    """Bytes that lie on a disk once, and how many names keep them there: a file's, by its inode."""

    key: Hashable
    size: int
    names: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """Something of ours that goes as a whole; `used` last, in seconds since 1970.

    `needed`: something that is there now refers to it; `kept`: why it stays whatever the budget is.
    What `borrows` from others has nothing of its own to lose, and goes before what it borrows.
    `free` raises OSError or InferpackError where it cannot go.
    """

    kind: str
    name: str
    used: float
    needed: bool
    parts: tuple[Part, ...]
    free: Callable[[], None]
    kept: str = ""
    borrows: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What recipes, locks and records refer to: digests, and ids of variants; and why some of it
    could not be had again.
    """

    names: frozenset[str]
    kept: Mapping[str, str]


@dataclass(slots=True)
class Stock:
    """What is left of the items, as they go."""

    names: Counter[Hashable] = field(default_factory=Counter)
    others: dict[Hashable, int] = field(default_factory=dict)
    sizes: dict[Hashable, int] = field(default_factory=dict)
    size: int = 0

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Stock":
        made = cls()
        for part in (part for item in items for part in item.parts):
            if part.key not in made.sizes:
                made.sizes[part.key] = part.size
                made.others[part.key] = part.names
                made.size += part.size
            made.names[part.key] += 1
        for key, count in made.names.items():
            made.others[key] -= count  # names that are not of these items
        return made

    def take(self, item: Item) -> int:
        """The bytes that are free once this item is gone too."""
        freed = 0
        for part in item.parts:
            self.names[part.key] -= 1
            if not self.names[part.key]:
                self.size -= self.sizes[part.key]
                freed += self.sizes[part.key] if self.others[part.key] <= 0 else 0
        return freed


def to_free(items: Iterable[Item], keep: int | None) -> Iterator[Item]:
    """What nothing refers to and, where `keep` bytes are all that may stay, the rest until that is
    so; the longest unused first.
    """
    found = tuple(items)
    stock = Stock.of(found)
    free = [item for item in in_order(found) if not item.kept]
    for item in free:
        if not item.needed:
            stock.take(item)
            yield item
    for item in free:
        if item.needed and keep is not None and stock.size > keep:
            stock.take(item)
            yield item


def by_kind(items: Iterable[Item]) -> Counter[str]:
    """Bytes; what several hold counts for the one that lends it."""
    found, seen = Counter[str](), set[Hashable]()
    for item in sorted(items, key=lambda item: item.borrows):
        for part in item.parts:
            found[item.kind] += 0 if part.key in seen else part.size
            seen.add(part.key)
    return found


def in_order(items: Iterable[Item]) -> list[Item]:
    """By when they were last used. What others borrow was used when they were."""
    found = tuple(items)
    lent: dict[Hashable, float] = {}
    for item in found:
        if item.borrows:
            lent |= {part.key: max(item.used, lent.get(part.key, 0)) for part in item.parts}

    def place(item: Item) -> tuple[float, bool, str, str]:
        used = item.used if item.borrows else max([item.used, *lent_to(item)])
        return used, not item.borrows, item.kind, item.name

    def lent_to(item: Item) -> Iterator[float]:
        return (lent[part.key] for part in item.parts if part.key in lent)

    return sorted(found, key=place)


def size_of(text: str, flag: str) -> int:
    """Bytes; UsageError where the text names no size.

    >>> size_of("20GB", "--keep"), size_of("1.5GiB", "--keep"), size_of("0", "--keep")
    (20000000000, 1610612736, 0)
    """
    found = SIZE.fullmatch(text.strip() if text.strip() != "0" else "0B")
    if found is None:
        hint = "write a number and its unit, such as 20GB, 500MB or 1.5GiB"
        raise UsageError(flag, f"'{text}' is no size", hint)
    unit = (found[2] or "").lower()
    return int(float(found[1]) * (1024 if "i" in unit else 1000) ** POWERS[unit.rstrip("i")])


def told(size: int) -> str:
    """
    >>> told(0), told(999_999), told(12_340_000), told(20_000_000_000)
    ('0 MB', '1.0 MB', '12.3 MB', '20.0 GB')
    """
    if size >= 10_000_000_000:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size else "0 MB"
