"""The translation task: its rule, how sentences are compared, and what the repository holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selftest import numbers
from selftest.errors import BrokenInstallation
from selftest.numbers import PAD, UNKNOWN, linears, packed, sentences, translations, words

TEST_SET = Path(__file__).resolve().parents[2] / "selftest" / "data" / "ctranslate2" / "numbers.txt"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (700, "seven hundred"),
        (1001, "one thousand one"),
        (20000, "twenty thousand"),
        (516000, "five hundred sixteen thousand"),
        (
            777777,
            "seven hundred seventy seven thousand seven hundred seventy seven",
        ),
    ],
)
def test_a_number_in_words(number: int, text: str) -> None:
    assert " ".join(words(number)) == text


def test_sentences_and_translations_are_padded_behind() -> None:
    assert sentences([407]).tolist() == [[4, 0, 7, PAD, PAD, PAD]]
    assert translations([20]).tolist() == [[20, *[PAD] * 8]]


def test_translations_are_equal_only_in_every_word() -> None:
    right = translations([777777, 407, 20])
    assert (packed(right) == packed(right.copy())).all()
    for column in range(numbers.MOST_WORDS):
        for other in (PAD, 0, UNKNOWN):
            changed = right.copy()
            changed[0, column] = other
            assert (packed(changed) == packed(right)).tolist() == [False, True, True]


def test_no_two_numbers_have_one_translation() -> None:
    assert len(set(packed(translations(range(0, 1_000_000, 97))).tolist())) == len(
        range(0, 1_000_000, 97)
    )


@pytest.mark.parametrize(("number", "expected"), [(777777, 5 + 7 * 9), (407, 5 + 7 * 4)])
def test_layers_multiply_for_each_word_and_for_the_end_of_shorter_sentences(
    number: int, expected: int
) -> None:
    assert linears(translations([number, 1])) == expected


def test_the_task_of_the_repository() -> None:
    task = numbers.task(TEST_SET)
    assert (task.name, task.unit, task.operators) == ("numbers", "sentences", {"linear": 68})
    assert task.inputs.shape == (256, numbers.MOST_DIGITS)
    assert len(set(task.labels.tolist())) == 256
    assert linears(translations(numbers.load(TEST_SET)[:1])) == 68  # so has every batch
    right = translations(numbers.load(TEST_SET))
    assert (task.answers(right) == task.labels).all()


@pytest.mark.parametrize("text", ["", "12\nx7\n", "1000000\n", "-1\n", "\ufeff12\n"])
def test_other_files_are_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BrokenInstallation, match=r"numbers\.txt: corrupt .*; pull the image again"):
        numbers.load(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BrokenInstallation, match=r"numbers\.txt: missing or corrupt"):
        numbers.load(tmp_path / "numbers.txt")


def test_unknown_words_do_not_shorten_a_sentence() -> None:
    one = np.array([[1, *[PAD] * 8], [1, UNKNOWN, *[PAD] * 7]])
    assert len(set(packed(one).tolist())) == 2
