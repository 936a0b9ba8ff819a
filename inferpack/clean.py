"""`./inv clean`: frees what can be made again, of this checkout alone, the longest unused first."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from inferpack import console, needs, owned, store
from inferpack.budget import Item, Needs, Stock, by_kind, size_of, to_free, told
from inferpack.cached import Disk
from inferpack.errors import InferpackError
from inferpack.store import DAY
from inferpack.workshop import Workshop

HEADER = ("kind", "go", "freed", "stay", "held")
NUMBERS = HEADER[1:]
BUSY = "another inferpack works here, which may need it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """What went, and what stays: `stuck` though it should have gone."""

    gone: tuple[Item, ...]
    left: tuple[Item, ...]
    stuck: tuple[Item, ...] = ()
    keep: int | None = None

    @property
    def freed(self) -> int:
        """Bytes that nothing keeps on a disk any more."""
        stock = Stock.of((*self.gone, *self.left))
        return sum(stock.take(item) for item in self.gone)

    @property
    def held(self) -> int:
        return Stock.of(self.left).size


def clean(shop: Workshop, keep: int | None, *, dry: bool) -> Cleaned:
    """Frees what nothing refers to and, down to `keep` bytes, the rest; `dry`: frees nothing."""
    with neighbours(shop) as busy:
        known = needs.of(shop)
        disk = Disk(root=shop.root, needs=known)
        items = [may_go(item, busy, shop.now()) for item in disk.items()]
        for item in owned.items(shop, known, tuple(disk.folders())):
            items.append(replace(item, kept=item.kept or BUSY) if busy else item)
        for name in disk.strangers():
            console.note(f"  left alone: {name} is not inferpack's, or leads elsewhere")
        return freed(items, keep, dry=dry)


@contextmanager
def neighbours(shop: Workshop) -> Iterator[tuple[str, ...]]:
    """The folders in which somebody works now; in none of the others anybody begins meanwhile."""
    busy, disk = list[str](), Disk(root=shop.root, needs=Needs(names=frozenset(), kept={}))
    with ExitStack() as stack:
        for folder in (shop.cache, *disk.locked()):
            if handle := store.alone(folder):
                stack.enter_context(handle)
            else:
                busy.append(f"{folder.relative_to(shop.root)}/")
        yield tuple(busy)


def may_go(item: Item, busy: Collection[str], now: float) -> Item:
    """A file, kept if somebody works here now and could come to need it."""
    rooms = tuple(place for place in busy if place != ".cache/")
    if busy and (item.needed or now - item.used < DAY or item.name.startswith(rooms)):
        return replace(item, kept=item.kept or BUSY)
    return item


def freed(items: Iterable[Item], keep: int | None, *, dry: bool) -> Cleaned:
    """Where one cannot go, others go in its place."""
    left = {(item.kind, item.name): item for item in items}
    gone, wanted = list[Item](), list(to_free(map(unkept, left.values()), keep))
    while plan := list(to_free(left.values(), keep)):
        for item in plan:
            try:
                if not dry:
                    item.free()
            except (OSError, InferpackError) as err:
                left[item.kind, item.name] = replace(item, kept=str(err))
            else:
                gone.append(left.pop((item.kind, item.name)))
    stuck = (left.get((item.kind, item.name)) for item in wanted)
    return Cleaned(
        gone=tuple(gone),
        left=tuple(left.values()),
        stuck=tuple(item for item in stuck if item),
        keep=keep,
    )


def unkept(item: Item) -> Item:
    return replace(item, kept="")


def show(done: Cleaned, *, dry: bool) -> str:
    """Shows what went and what stays, and why; gives the bytes that are free now."""
    console.table(HEADER, rows(done), right=NUMBERS)
    for (kind, reason), count in Counter((item.kind, item.kept) for item in done.stuck).items():
        names = [item.name for item in done.stuck if (item.kind, item.kept) == (kind, reason)]
        console.note(f"  stay: {names[0] if count == 1 else f'{count} {kind}'}: {reason}")
    if dry:
        console.note("  nothing was freed: this is what would be, without --dry-run")
    return str(done.freed)


def rows(done: Cleaned) -> list[tuple[str, ...]]:
    """A line for each kind, the largest first, and one for all."""
    stock, freed = Stock.of((*done.gone, *done.left)), Counter[str]()
    for item in done.gone:
        freed[item.kind] += stock.take(item)
    held = by_kind(done.left)
    go, stay = Counter(item.kind for item in done.gone), Counter(item.kind for item in done.left)
    kinds = sorted(go | stay, key=lambda kind: (-freed[kind] - held[kind], kind))
    return [
        *(
            (kind, f"{go[kind]}", told(freed[kind]), f"{stay[kind]}", told(held[kind]))
            for kind in kinds
        ),
        ("all", f"{go.total()}", told(done.freed), f"{stay.total()}", told(done.held)),
    ]


def insist(done: Cleaned) -> None:
    """InferpackError where more stays than may, and some of that only for now."""
    passing = [item for item in done.stuck if item.kept not in needs.FOR_GOOD]
    if done.keep is not None and done.held > done.keep and passing:
        wrong = f"{told(done.held)} stay"
        hint = "run it again when what stands above is over"
        raise InferpackError(f"--keep {told(done.keep)}", wrong, hint)


def most(keep: str) -> int | None:
    """Bytes that may stay, as --keep says; None where it says nothing."""
    return size_of(keep, "--keep") if keep else None
