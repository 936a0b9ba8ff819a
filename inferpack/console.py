"""The only terminal output. Progress and notes go to stderr, a result to stdout."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

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

EVERY = 30  # seconds between two lines of progress where there is no terminal
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
    with watching(text):
        yield


@contextmanager
def watching(text: str, every: float = EVERY) -> Iterator[Callable[[str], None]]:
    """A step that tells how far it is, by the function it yields (an empty text says nothing new).

    On a terminal beside its name, else by a line, `every` so many seconds at most.
    """
    start = told = time.monotonic()
    with ExitStack() as stack:
        status = stack.enter_context(stderr.status(text)) if stderr.is_terminal else None

        def shown(state: str) -> None:
            nonlocal told
            if state and status:
                status.update(f"{text}: {state}")
            elif state and time.monotonic() - told >= every:
                told = time.monotonic()
                note(f"  … {text}: {state} ({told - start:.0f} s)")

        try:
            yield shown
        except BaseException:
            stack.close()
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
    width = None if sys.stdout.isatty() else 1000  # nothing is cut off
    Console(file=sys.stdout, highlight=False, width=width).print(shape)
