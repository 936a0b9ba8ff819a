"""build/<id>/history.jsonl: what became of a variant, a line for each night that did something."""

import fcntl
from pathlib import Path
from statistics import median

import msgspec
from msgspec import field

from inferpack.store import disk
from inferpack.tables import Record

FILE = "history.jsonl"
LATELY = 5  # nights


class Entry(Record, frozen=True):
    """A night in which the variant was not unchanged; sizes in bytes, times in seconds.

    `at`: when its work ended, since 1970; `error`: the line that says what failed, empty where
    nothing did; `digest`: the image's, or a wheel's sha256; `compressed`: of a wheel its size;
    `machine`: what the proof holds for; `seconds`: how long each stage took; `speedups`: INT8 over
    FP32 of each task; `kernels`: of INT8, 'task operator' to 'implementation: class; …'.
    """

    at: int
    revision: str
    error: str = ""
    version: str = ""
    digest: str = ""
    unpacked: int = 0
    compressed: int = 0
    machine: str = ""
    emulated: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    speedups: dict[str, float] = field(default_factory=dict)
    kernels: dict[str, str] = field(default_factory=dict)


def read(folder: Path) -> tuple[Entry, ...]:
    """Oldest first, without lines that a killed run has cut or another inferpack wrote."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    return tuple(entry for line in lines if (entry := _parsed(line)))


def _parsed(line: bytes) -> Entry | None:
    try:
        return msgspec.json.decode(line, type=Entry)
    except msgspec.MsgspecError:
        return None


def usual_seconds(entries: tuple[Entry, ...], stage: str) -> float | None:
    """How long a stage took in the median of its last nights; None where it never ran."""
    known = [entry.seconds[stage] for entry in entries if stage in entry.seconds]
    return median(known[-LATELY:]) if known else None


def append(folder: Path, entry: Entry) -> None:
    """Adds a line, on a line of its own whatever stands there: two processes may do so at once."""
    path = folder / FILE
    with disk(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.tell()
            file.seek(max(0, size - 1))
            is_cut = size > 0 and file.read(1) != b"\n"
            file.write(b"\n" * is_cut + msgspec.json.encode(entry) + b"\n")
