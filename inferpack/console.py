"""The only terminal output. Progress and notes go to stderr, a result to stdout."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def result(text: str) -> None:
    """The answer of a command: `$(./inv image …)` composes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    stderr.print(text, markup=False)


def warn(text: str) -> None:
    stderr.print(f"warning: {text}", style="yellow", markup=False)


def fail(text: str) -> None:
    stderr.print(f"error: {text}", style="bold red", markup=False)


@contextmanager
def step(text: str) -> Iterator[None]:
    """A named piece of work: shown while it runs, closed by a line with its elapsed time."""
    start = time.monotonic()
    try:
        if stderr.is_terminal:
            with stderr.status(text):
                yield
        else:
            yield
    except BaseException:
        note(f"  ✗ {text} ({time.monotonic() - start:.1f} s)")
        raise
    note(f"  ✓ {text} ({time.monotonic() - start:.1f} s)")


@contextmanager
def downloads(total: int) -> Iterator[Progress]:
    """A bar over `total` bytes; off a terminal the line of `step` must do."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        bar.add_task("download", total=total)
        yield bar


def table(
    header: tuple[str, ...], rows: list[tuple[str, ...]], *, right: tuple[str, ...] = ()
) -> None:
    """A plain table on stdout, as wide as its text needs."""
    shape = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        shape.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for row in rows:
        shape.add_row(*row)
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, highlight=False, width=width).print(shape)
