"""What was measured, and how it reads beside the targets: no effects here."""

from collections.abc import Callable
from statistics import median

from inferpack.tables import Record

MB = 1_000_000
HEADER = ("variant", "what", "naive", "naive zstd", "ours", "of naive", "of zstd", "target", "")
RIGHT = HEADER[2:8]

BUILD_RATIO = 0.6  # a cold build beside the naive one
UNCHANGED = 1.5  # seconds: ./inv image with nothing changed
SELFTEST = 5.0  # seconds without the proof: only selftest changed
PROMPT = 0.5  # seconds: ./inv list and ./inv --help

LEGEND = """\
naive: Debian minbase, venv, pip install --no-cache-dir; gzip, as BuildKit does by itself
naive zstd: the same with the options of our own images
medians; no proof on either side of a cold build; wheels and bases there before it"""


class Build(Record, frozen=True):
    """One build. `load` is the machine's load average when it began; phases in seconds."""

    seconds: float
    load: float
    phases: dict[str, float]


class Side(Record, frozen=True):
    """One way to an image. Sizes in bytes; `imports` are seconds inside fresh containers."""

    compression: str
    builds: tuple[Build, ...]
    unpacked: int
    compressed: int
    imports: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return median(build.seconds for build in self.builds)


class Edit(Record, frozen=True):
    """Seconds after one byte of selftest changed: up to the image, and for its proof."""

    build: float
    proof: float


class Comparison(Record, frozen=True):
    variant: str
    budget_mb: int
    naive: Side
    naive_zstd: Side
    ours: Side
    unchanged: tuple[float, ...]
    edits: tuple[Edit, ...]


class Report(Record, frozen=True):
    """build/bench/naive.json: every raw value."""

    machine: str
    cpus: int
    engine: str
    naive_bases: dict[str, str]  # suite → digest of the imported tar
    comparisons: tuple[Comparison, ...]
    inv_list: tuple[float, ...]
    inv_help: tuple[float, ...]


Row = tuple[str, ...]


def verdict(value: float, limit: float) -> str:
    """
    >>> verdict(0.6, 0.6), verdict(1.51, 1.5)
    ('ok', 'MISSED')
    """
    return "ok" if value <= limit else "MISSED"


def ratio(ours: float, other: float) -> str:
    """
    >>> ratio(3, 4)
    '0.75'
    """
    return f"{ours / other:.2f}"


def rows(report: Report) -> list[Row]:
    """The table: what has a target ends with a verdict."""
    every = [row for item in report.comparisons for row in compared(item)]
    return [
        *every,
        prompt("", "./inv list, s", report.inv_list, PROMPT),
        prompt("", "./inv --help, s", report.inv_help, PROMPT),
    ]


def compared(item: Comparison) -> list[Row]:
    # A command with one thing to do costs what a command with nothing to do costs, and that.
    edit = median(item.unchanged) + median(edit.build for edit in item.edits)
    proof = median(edit.proof for edit in item.edits)
    return [
        beside(item, "cold build, s", seconds, 1, of_naive=BUILD_RATIO),
        beside(item, "unpacked, MB", unpacked, 1, limit=item.budget_mb),
        beside(item, "compressed, MB", compressed, 1),
        beside(item, "import, s", imported, 2),
        prompt(item.variant, "./inv image unchanged, s", item.unchanged, UNCHANGED),
        prompt(item.variant, "only selftest changed, s", (edit,), SELFTEST),
        (item.variant, "… and its proof, s", "", "", f"{proof:.1f}", "", "", "", ""),
    ]


def seconds(side: Side) -> float:
    return side.seconds


def unpacked(side: Side) -> float:
    return side.unpacked / MB


def compressed(side: Side) -> float:
    return side.compressed / MB


def imported(side: Side) -> float:
    return median(side.imports)


def beside(
    item: Comparison,
    what: str,
    value: Callable[[Side], float],
    digits: int,
    *,
    of_naive: float | None = None,
    limit: float | None = None,
) -> Row:
    """A row of all three sides; the target is a share of naive, a limit, or none."""
    naive, zstd, ours = (value(side) for side in (item.naive, item.naive_zstd, item.ours))
    target = judged = ""
    if of_naive is not None:
        target, judged = f"≤ {of_naive} of naive", verdict(ours / naive, of_naive)
    if limit is not None:
        target, judged = f"≤ {limit:g}", verdict(ours, limit)
    numbers = (f"{number:.{digits}f}" for number in (naive, zstd, ours))
    return (item.variant, what, *numbers, ratio(ours, naive), ratio(ours, zstd), target, judged)


def prompt(variant: str, what: str, values: tuple[float, ...], limit: float) -> Row:
    """A row of a command of ours, which has no naive counterpart."""
    value = median(values)
    target = f"≤ {limit:g}"
    return (variant, what, "", "", f"{value:.2f}", "", "", target, verdict(value, limit))
