"""What each level of a ladder is worth against the next lower one, and all of them side by side."""

from inferpack import ladder
from inferpack.ladder import Level, Rung
from inferpack.wording import number, title_of

HEADER = (
    *(
        "level",
        "how",
        f"{title_of(ladder.NETWORK)} FP32",
        f"{title_of(ladder.NETWORK)} INT8",
        "INT8/FP32",
    ),
    *("INT8 gain", "INT8 kernels", "verdict"),
)
NUMBERS = HEADER[2:6]


def gains(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> dict[str, tuple[str, float]]:
    """By level: the next level that has less, and how much faster INT8 is than there."""
    pairs = [pair for pair in zip(tried, levels, strict=True) if pair[1].int8]
    found = {}
    for place, (rung, level) in enumerate(pairs):
        lower = next((pair for pair in pairs[place + 1 :] if pair[0].cpu < rung.cpu), None)
        if lower and level.int8 and lower[1].int8:
            found[rung.name] = lower[0].name, level.int8 / lower[1].int8
    return found


def worth(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> tuple[str, ...]:
    return tuple(
        f"{name} is worth {times:.2f} x in {title_of(ladder.NETWORK)} INT8 here, against {lower}"
        for name, (lower, times) in gains(tried, levels).items()
    )


def table(tried: tuple[Rung, ...], levels: tuple[Level, ...]) -> list[tuple[str, ...]]:
    """A row of HEADER for each level."""
    gained = {name: f"{times:.2f} x" for name, (_, times) in gains(tried, levels).items()}
    return [
        (
            level.name,
            level.how.partition(" ")[0] if "=" in level.how else level.how,
            *speeds(level),
            gained.get(level.name, ""),
            ", ".join(dict.fromkeys(short(name) for name in level.kernels)),
            ladder.verdict(level),
        )
        for level in levels
    ]


def speeds(level: Level) -> tuple[str, str, str]:
    if level.fp32 is None or level.int8 is None or level.speedup is None:
        text = "emulated" if level.emulated and level.kernels else ""
        return text, text, ""
    fp32, int8 = (f"{number(rate)} images/s" for rate in (level.fp32, level.int8))
    return fp32, int8, f"{level.speedup:.2f} x"


def short(implementation: str) -> str:
    """The instruction set that a kernel's name ends in, where it does.

    >>> short("brgconv_1x1:avx512_core_vnni"), short("gemm:jit"), short("CPU/QGemm")
    ('avx512_core_vnni', 'gemm:jit', 'QGemm')
    """
    last = implementation.rpartition(":")[2]
    names_isa = ":" in implementation and any(map(str.isdigit, last))
    return last if names_isa else implementation.rpartition("/")[2]
