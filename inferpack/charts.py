"""Bar and dot charts as geometry: numbers in, coordinates out. A template draws them as SVG.

Units are SVG's user units; a chart is WIDTH of them wide, which a phone shows one to one.
"""

from dataclasses import dataclass

WIDTH = 340.0
LABEL = 38.0  # where bars begin: right of "FP32"
GLYPH = 7.8  # the widest digit of common fonts, at the size of a bar's text
ROW, BAR, TITLE, GAP = 19.0, 13.0, 22.0, 13.0
DOT_ROW = 46.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar of a series, fp32 or int8; without a value only its text is shown."""

    series: str
    value: float | None
    text: str

    @property
    def label(self) -> str:
        return self.series.upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Bars that belong together, under a title; the note stands at the right.

    `tone` is how the note is meant: good, bad, or soft for what is missing.
    """

    title: str
    note: str
    bars: tuple[Bar, ...]
    tone: str = "good"

    @property
    def height(self) -> float:
        return TITLE + ROW * len(self.bars)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A bar where it is drawn: `y` is its top, `width` its length, `end` where its text begins.

    `track` is how long it could be at most, or 0 where nothing limits it.
    """

    bar: Bar
    y: float
    width: float
    end: float
    track: float

    @property
    def baseline(self) -> float:
        return round(self.y + BAR - 2.5, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedGroup:
    group: Group
    baseline: float
    bars: tuple[Placed, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Grouped horizontal bars from zero. `limit` is what the full width stands for, by default
    the largest value; `unit` says what the numbers are.
    """

    name: str
    title: str
    unit: str
    groups: tuple[Group, ...]
    limit: float | None = None

    @property
    def description(self) -> str:
        """The chart in words, for who cannot see it."""
        told = [
            f"{group.title}{f' ({group.note})' if group.note else ''}: "
            + ", ".join(f"{bar.label} {bar.text}" for bar in group.bars)
            for group in self.groups
        ]
        return f"{self.unit}. " + "; ".join(told)

    @property
    def bars(self) -> tuple[Bar, ...]:
        return tuple(bar for group in self.groups for bar in group.bars)

    @property
    def height(self) -> float:
        between = GAP * (len(self.groups) - 1)
        return sum(group.height for group in self.groups) + between

    def placed(self) -> tuple[PlacedGroup, ...]:
        """Every group and bar with its coordinates."""
        measured = [bar for bar in self.bars if bar.value is not None]
        room = max((len(bar.text) for bar in measured), default=0) * GLYPH + 8
        full = WIDTH - LABEL - room
        limit = self.limit or max((bar.value or 0.0 for bar in measured), default=0.0) or 1.0
        placed, top = [], 0.0
        for group in self.groups:
            bars = tuple(
                place(bar, top + TITLE + ROW * index, full, limit, limited=self.limit is not None)
                for index, bar in enumerate(group.bars)
            )
            placed.append(PlacedGroup(group=group, baseline=round(top + 14, 1), bars=bars))
            top += group.height + GAP
        return tuple(placed)


def place(bar: Bar, top: float, full: float, limit: float, *, limited: bool) -> Placed:
    width = 0.0 if bar.value is None else round(max(1.0, full * min(bar.value / limit, 1.0)), 1)
    track = round(full, 1) if limited else 0.0
    end = LABEL if bar.value is None else LABEL + max(width, track) + 6
    return Placed(bar=bar, y=round(top, 1), width=width, end=round(end, 1), track=track)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """FP32 and INT8 of one image, as shares of one."""

    title: str
    fp32: float
    int8: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Dots:
    """Pairs of shares on one line each, from `low` to 1; `required` is drawn as a line."""

    name: str
    title: str
    unit: str
    pairs: tuple[Pair, ...]
    low: float
    required: float

    @property
    def description(self) -> str:
        told = [f"{pair.title}: FP32 {pair.fp32:.2%}, INT8 {pair.int8:.2%}" for pair in self.pairs]
        return f"{self.unit}; required are {self.required:.0%}. " + "; ".join(told)

    @property
    def height(self) -> float:
        return DOT_ROW * len(self.pairs) + 22

    def x(self, share: float) -> float:
        """Where a share stands; what is lower than the axis stands at its beginning."""
        margin = 15.0  # half of what stands below a tick
        reach = (max(share, self.low) - self.low) / (1 - self.low)
        return round(margin + (WIDTH - 2 * margin) * reach, 1)

    def y(self, index: int) -> float:
        """The line of dots of one pair; its title stands above."""
        return DOT_ROW * index + 29

    @property
    def ticks(self) -> tuple[float, ...]:
        """Whole percents from `low` to 100, as shares."""
        return tuple(percent / 100 for percent in range(round(self.low * 100), 101))
