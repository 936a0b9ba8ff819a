"""Whatever rates a vulnerability, its rating is one of six words."""

import pytest

from inferpack import severity
from inferpack.errors import UsageError
from inferpack.severity import Severity
from tests.unit.advisory_data import CRITICAL, HIGH, MEDIUM_2, MEDIUM_4


def test_they_have_one_order() -> None:
    words = ["unknown", "none", "low", "medium", "high", "critical"]
    assert [str(item) for item in sorted(Severity, reverse=True)] == words[::-1]


@pytest.mark.parametrize(
    ("score", "word"),
    [
        *((0.0, "none"), (0.1, "low"), (3.9, "low"), (4.0, "medium"), (6.9, "medium")),
        *((7.0, "high"), (8.9, "high"), (9.0, "critical"), (10.0, "critical")),
    ],
)
def test_a_score_is_in_the_band_that_first_has_for_it(score: float, word: str) -> None:
    assert str(severity.of_score(score)) == word


@pytest.mark.parametrize(
    ("kind", "vector", "word"),
    [
        ("CVSS_V3", CRITICAL, "critical"),
        ("CVSS_V3", HIGH, "high"),
        ("CVSS_V3", HIGH.replace("CVSS:3.1", "CVSS:3.0"), "high"),
        ("CVSS_V4", MEDIUM_4, "medium"),
        ("CVSS_V2", MEDIUM_2, "medium"),
        ("CVSS_V3", HIGH[:-4], "unknown"),
        ("CVSS_V3", "7.5", "unknown"),
        ("CVSS_V4", HIGH, "unknown"),
        ("CVSS_V3", "", "unknown"),
        ("Ubuntu", "high", "unknown"),
    ],
)
def test_a_vector_is_rated_by_its_base_score(kind: str, vector: str, word: str) -> None:
    assert str(severity.of_vector(kind, vector)) == word


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("MODERATE", "medium"),
        ("CRITICAL", "critical"),
        ("low", "low"),
        ("unimportant", "none"),
        ("not yet assigned", "unknown"),
        ("end-of-life", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_word_of_a_source_is_one_of_ours(said: str, word: str) -> None:
    assert str(severity.of_word(said)) == word


def test_a_gate_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        severity.parse("hihg")
    known = "unknown, none, low, medium, high, critical"
    assert str(caught.value) == f"--severity: unknown 'hihg'; known: {known}"
    assert severity.parse("critical") is Severity.CRITICAL
