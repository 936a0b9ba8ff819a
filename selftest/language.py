"""The language of the small model that llama.cpp runs: a number's digits, '=', and its words.

A prompt is a number's digits and '=', one token each; the model goes on with the words, and ends
with END. Padding behind both is numbers.PAD, and no token.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from selftest import numbers
from selftest.numbers import DIGITS, MOST_DIGITS, MOST_WORDS, PAD, UNKNOWN, WORDS, padded
from selftest.tasks import Array, Task

UNKNOWN_TOKEN, START, END = range(3)
EQUALS, LINE = "=", "<0x0A>"  # and what such vocabularies must have
VOCABULARY = (
    *("<unk>", "<s>", "</s>", *DIGITS, EQUALS),
    *(f" {word}" for word in WORDS),
    LINE,
)
FIRST_DIGIT = VOCABULARY.index("0")
ASK = VOCABULARY.index(EQUALS)
FIRST_WORD = ASK + 1

FEW = 8  # sentences, where each is written on its own

MOST_TOKENS = MOST_DIGITS + 1 + MOST_WORDS + 1
"""Of a prompt, its longest answer and END."""

LINEARS = 15
"""Each time that the model reads: seven in each of two layers (query, key, value, output; gate, up,
down), and the one that chooses."""


def prompts(sentences: Array) -> list[list[int]]:
    """(n, 6) digits, padded, as numbers.sentences makes them, to the tokens of each prompt."""
    rows = (sentences + FIRST_DIGIT).tolist()
    pad = PAD + FIRST_DIGIT
    return [[*(token for token in row if token != pad), ASK] for row in rows]


def answers(tokens: list[list[int]]) -> Array:
    """What the model wrote, to (n, 9) indices into WORDS; what is no word is UNKNOWN."""
    found = [[word_of(token) for token in row[:MOST_WORDS]] for row in tokens]
    return padded(found, MOST_WORDS)


def word_of(token: int) -> int:
    return token - FIRST_WORD if FIRST_WORD <= token < FIRST_WORD + UNKNOWN else UNKNOWN


def generation(path: Path) -> Task:
    """One sentence at a time, as when a model answers one person: each token takes all weights."""
    whole = task(path)
    tokens = whole.operators["linear"] // LINEARS - 1 + MOST_DIGITS + 1
    return replace(
        whole,
        name="generation",
        inputs=whole.inputs[:FEW],
        labels=whole.labels[:FEW],
        per_input=float(tokens),
        batch=1,
    )


def task(path: Path) -> Task:
    """Many sentences at a time, of which the first is one of the longest. The model reads a prompt
    at once, and then each word that it has written.
    """
    asked = numbers.load(path)
    sentences, right = numbers.sentences(asked), numbers.translations(asked)
    words = (right != PAD).sum(1)
    read = (sentences != PAD).sum(1) + 1 + words
    return Task(
        name="numbers",
        unit="sentences",
        counted="tokens",
        per_input=float(read.mean()),
        operators={"linear": LINEARS * (1 + int(words[0]))},
        inputs=sentences,
        labels=numbers.packed(right),
        calibration=numbers.sentences(()),
        answers=numbers.packed,
    )
