"""A variant's nights as geometry: a small line for each number, and a bar for how each ended.

Units are those of `charts`. Every night has the same width, and the newest stands at the right.
"""

from dataclasses import dataclass

from inferpack.charts import GAP, TITLE, WIDTH

LINE, BAR, DATES = 34.0, 12.0, 16.0
INSET = 4.0  # so that dots stay inside
HEIGHTS = {"good": BAR, "bad": BAR / 2, "failed": 3.0}  # told apart without colours too


@dataclass(frozen=True, kw_only=True, slots=True)
class Spark:
    """A number for each night that has one; without any only title and note are shown.

    `elsewhere`: those that the line leaves out; `limit` is drawn as a line of its own.
    """

    title: str
    note: str
    series: str = "soft"
    tone: str = ""
    values: tuple[float | None, ...] = ()
    elsewhere: tuple[float | None, ...] = ()
    limit: float | None = None

    @property
    def height(self) -> float:
        return TITLE + LINE if any(value is not None for value in self.values) else TITLE

    def y(self, value: float) -> float:
        """Below the spark's top; the axis holds all that is drawn on it."""
        known = (*self.values, *self.elsewhere, self.limit)
        drawn = [one for one in known if one is not None]
        low, high = min(drawn), max(drawn)
        reach = (value - low) / (high - low) if high > low else 0.5
        return round(TITLE + INSET + (LINE - 2 * INSET) * (1 - reach), 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A spark where it is drawn: everything in the chart's coordinates but `y`, its own top."""

    spark: Spark
    y: float
    line: tuple[Dot, ...]
    others: tuple[Dot, ...]
    limit: float | None

    @property
    def points(self) -> str:
        """The line as SVG has it."""
        return " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    tone: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Nights:
    """Sparks above each other, and a bar for each of `tones`: good, bad or failed."""

    name: str
    title: str
    unit: str
    place: str
    sparks: tuple[Spark, ...]
    note: str
    tone: str
    tones: tuple[str, ...]
    dates: tuple[str, ...]

    @property
    def description(self) -> str:
        return f"{' to '.join(self.dates)}: {self.note}. {self.newest}"

    @property
    def newest(self) -> str:
        return "; ".join(f"{spark.title} {spark.note}" for spark in self.sparks)

    @property
    def pitch(self) -> float:
        return WIDTH / len(self.tones)

    @property
    def bar_width(self) -> float:
        return round(min(BAR, self.pitch * 0.75), 1)

    @property
    def strip(self) -> float:
        """Where the bars' title begins."""
        return sum(spark.height + GAP for spark in self.sparks)

    @property
    def height(self) -> float:
        return self.strip + TITLE + BAR + DATES

    def x(self, night: int) -> float:
        """The middle of a night; 0 is the oldest."""
        return round(self.pitch * (night + 0.5), 1)

    def dots(self, spark: Spark, values: tuple[float | None, ...], top: float) -> tuple[Dot, ...]:
        return tuple(
            Dot(x=self.x(night), y=round(top + spark.y(value), 1))
            for night, value in enumerate(values)
            if value is not None
        )

    def placed(self) -> tuple[Placed, ...]:
        found, top = [], 0.0
        for spark in self.sparks:
            limit = None if spark.limit is None else round(top + spark.y(spark.limit), 1)
            line, others = (
                self.dots(spark, values, top) for values in (spark.values, spark.elsewhere)
            )
            found.append(Placed(spark=spark, y=top, line=line, others=others, limit=limit))
            top += spark.height + GAP
        return tuple(found)

    def bars(self) -> tuple[Bar, ...]:
        bottom = self.strip + TITLE + BAR
        return tuple(
            Bar(
                tone="bad" if tone == "failed" else tone,
                x=round(self.x(night) - self.bar_width / 2, 1),
                y=bottom - HEIGHTS[tone],
                height=HEIGHTS[tone],
            )
            for night, tone in enumerate(self.tones)
        )
