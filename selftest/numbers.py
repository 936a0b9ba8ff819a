"""The translation that the proof runs: whole numbers below a million into English words.

A sentence is a number's digits, one token each: (n, 6) digits, padded with PAD behind. A
translation is (n, 9) indices into WORDS, padded with PAD behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from selftest.digits import present
from selftest.errors import BrokenInstallation
from selftest.tasks import Array, Task

DIGITS = tuple("0123456789")
SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = (*SMALL, *TENS, "hundred", "thousand")

MOST_DIGITS, MOST_WORDS = 6, 9
PAD = -1
UNKNOWN = len(WORDS)  # a word of no number

ENCODER_LINEARS = 4
"""Of its one layer: query, key and value together; out; two of the feed-forward network."""

DECODER_LINEARS_ONCE, DECODER_LINEARS_PER_WORD = 1, 7
"""Once, what the encoder wrote. For each word, the same four, two for the attention to what the
encoder wrote, and the one that chooses the word."""


def words(number: int) -> tuple[str, ...]:
    """In American English: no 'and'."""
    thousands, rest = divmod(number, 1000)
    if thousands:
        return (*words(thousands), "thousand", *(words(rest) if rest else ()))
    hundreds, rest = divmod(number, 100)
    if hundreds:
        return (SMALL[hundreds], "hundred", *(words(rest) if rest else ()))
    if number < len(SMALL):
        return (SMALL[number],)
    tens, ones = divmod(number, 10)
    return (TENS[tens - 2], *((SMALL[ones],) if ones else ()))


def sentences(numbers: Iterable[int]) -> Array:
    return padded(([int(digit) for digit in str(number)] for number in numbers), MOST_DIGITS)


def translations(numbers: Iterable[int]) -> Array:
    return padded(([WORDS.index(word) for word in words(number)] for number in numbers), MOST_WORDS)


def padded(rows: Iterable[list[int]], width: int) -> Array:
    return np.array([row + [PAD] * (width - len(row)) for row in rows], np.int64)


def packed(translated: Array) -> Array:
    """(n, 9) to (n,): sentences that are equal in every word, and no others, are one number."""
    return (translated - PAD) @ (UNKNOWN - PAD + 1) ** np.arange(MOST_WORDS)


def linears(translated: Array) -> int:
    """How often layers multiply by their weights in one translation of all these sentences: as long
    as one of them goes on, then once more to end it, but where it has as many words as may be.
    """
    longest = int((translated != PAD).sum(1).max())
    steps = min(longest + 1, MOST_WORDS)
    return ENCODER_LINEARS + DECODER_LINEARS_ONCE + DECODER_LINEARS_PER_WORD * steps


def load(path: Path) -> tuple[int, ...]:
    """The numbers of the test set, which the model never saw in training."""
    lines = present(path).read_text(encoding="ascii", errors="replace").split()
    wrong = [line for line in lines if not (line.isdecimal() and len(line) <= MOST_DIGITS)]
    if wrong or not lines:
        saw = f"'{wrong[0]}'" if wrong else "nothing"
        raise BrokenInstallation(
            f"{path}: corrupt ({saw} instead of numbers below a million); "
            "pull the image again, or mount a good copy"
        )
    return tuple(int(line) for line in lines)


def task(path: Path) -> Task:
    """Its first sentence is one of the longest: so every batch has one."""
    numbers = load(path)
    right = translations(numbers)
    return Task(
        name="numbers",
        unit="sentences",
        operators={"linear": linears(right)},
        inputs=sentences(numbers),
        labels=packed(right),
        calibration=sentences(()),
        answers=packed,
    )
