"""What goes: first what nothing refers to, then what was not used for the longest."""

import pytest

from inferpack.budget import Item, Part, Stock, by_kind, size_of, to_free
from inferpack.errors import UsageError


def item(name: str, *parts: Part, used: float = 0, **other: object) -> Item:
    made = {"kind": "layers", "needed": True, "parts": parts, "free": lambda: None} | other
    return Item(name=name, used=used, **made)  # type: ignore[arg-type]


OLD = item("old", Part("a", 10), used=1)
NEW = item("new", Part("b", 20), used=2)
IDLE = item("idle", Part("c", 40), used=3, needed=False)
ALL = (NEW, IDLE, OLD)


@pytest.mark.parametrize(
    ("keep", "gone"),
    [
        (None, ["idle"]),
        (1_000, ["idle"]),
        (30, ["idle"]),
        (29, ["idle", "old"]),
        (19, ["idle", "old", "new"]),
        (0, ["idle", "old", "new"]),
    ],
)
def test_the_longest_unused_goes_until_no_more_stays_than_may(
    keep: int | None, gone: list[str]
) -> None:
    assert [found.name for found in to_free(ALL, keep)] == gone


def test_what_must_stay_counts_and_others_go_for_it() -> None:
    kept = item("kept", Part("d", 30), kept="nobody else has it")
    assert [found.name for found in to_free((kept, OLD, NEW), 50)] == ["old"]
    assert [found.name for found in to_free((kept,), 0)] == []


def test_bytes_are_free_when_their_last_name_is_gone() -> None:
    layer, context = item("layer", Part("a", 10, 2)), item("context", Part("a", 10, 2))
    stock = Stock.of((layer, context))
    assert (stock.size, stock.take(context), stock.size) == (10, 0, 10)
    assert (stock.take(layer), stock.size) == (10, 0)


def test_bytes_that_somebody_else_names_too_are_not_freed() -> None:
    stock = Stock.of((item("layer", Part("a", 10, 3)), item("context", Part("a", 10, 3))))
    assert stock.size == 10
    assert stock.take(item("layer", Part("a", 10, 3))) == 0
    assert stock.take(item("context", Part("a", 10, 3))) == 0
    assert stock.size == 0


def test_what_is_borrowed_was_used_when_its_borrower_was_and_goes_after_it() -> None:
    lent, own = Part("a", 10, 2), Part("b", 10)
    context = item("context", lent, used=5, kind="contexts", borrows=True)
    layer, other = item("layer", lent, used=1), item("other", own, used=4)
    assert [found.name for found in to_free((layer, context, other), 0)] == [
        "other",
        "context",
        "layer",
    ]
    assert by_kind((context, layer, other)) == {"layers": 20, "contexts": 0}


@pytest.mark.parametrize("text", ["20", "20 gigs", "-1GB", "1,5GB", "GB", "1e3MB", "nanGB", "∞GB"])
def test_a_text_that_is_no_size_is_one_line_that_shows_some(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        size_of(text, "--keep")
    assert str(caught.value) == (
        f"--keep: '{text}' is no size; write a number and its unit, such as 20GB, 500MB or 1.5GiB"
    )


def test_units_are_those_of_tables_of_disks() -> None:
    found = [size_of(text, "--keep") for text in ("1kB", "2 MB", "3gb", "1TiB", "0.5MiB", "7B")]
    assert found == [1_000, 2_000_000, 3_000_000_000, 1 << 40, 1 << 19, 7]
