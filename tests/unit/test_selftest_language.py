"""The words that the small Llama reads and writes."""

import numpy as np

from selftest import language, numbers
from selftest.language import END, VOCABULARY
from tests.unit.test_selftest_numbers import TEST_SET

DATA = TEST_SET.parents[1] / "llama-cpp"


def spelled(tokens: list[int]) -> str:
    return "".join(VOCABULARY[token] for token in tokens)


def test_a_prompt_is_a_number_that_asks_for_its_words() -> None:
    prompts = language.prompts(numbers.sentences([407, 12]))
    assert [spelled(prompt) for prompt in prompts] == ["407=", "12="]


def test_what_the_model_writes_is_read_as_words() -> None:
    written = [VOCABULARY.index(f" {word}") for word in numbers.words(407)]
    found = language.answers([written])
    assert np.array_equal(found, numbers.translations([407]))


def test_what_is_no_word_is_wrong() -> None:
    found = language.answers([[language.ASK, language.FIRST_WORD]])
    assert found[0, :2].tolist() == [numbers.UNKNOWN, 0]


def test_an_answer_is_nine_words_at_most() -> None:
    assert language.answers([[language.FIRST_WORD] * 12]).shape == (1, numbers.MOST_WORDS)


def test_the_task_counts_what_the_model_reads() -> None:
    task = language.task(DATA / "numbers.txt")
    assert task.operators == {"linear": language.LINEARS * 10}
    assert (task.counted, task.unit) == ("tokens", "sentences")
    assert 8 < task.per_input < 17


def test_both_frameworks_are_asked_the_same() -> None:
    assert (DATA / "numbers.txt").read_bytes() == TEST_SET.read_bytes()


def test_the_special_tokens_come_first() -> None:
    assert VOCABULARY[END] == "</s>"
    assert len(set(VOCABULARY)) == len(VOCABULARY) == 45
