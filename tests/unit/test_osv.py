"""What a record of OSV's tells: of which packages, how bad, in which versions."""

import json
from typing import Any

import pytest

from inferpack import advisory_files, osv
from inferpack.advisories import Ecosystem, Event, Family, Told
from inferpack.severity import Severity
from tests.unit import advisory_data
from tests.unit.advisory_data import (
    BOOKWORM,
    COMES,
    CRITICAL,
    HIGH,
    MEDIUM_4,
    PYPI,
    cvss,
    rating,
    told,
)


def read(**other: Any) -> list[Told]:
    document = advisory_data.osv("DSA-1", "openssl", {"introduced": "0"}, **other)
    return list(osv.read(advisory_files.decoded("x", json.dumps(document).encode(), osv.Document)))


def test_a_withdrawn_record_tells_nothing() -> None:
    assert read(withdrawn="2026-02-01T00:00:00Z") == []


def test_an_advisory_of_several_vulnerabilities_is_one_of_each() -> None:
    found = read(ecosystem="Debian:12", upstream=["CVE-2024-2", "CVE-2024-1", "GHSA-9"])
    assert found == [
        rating("CVE-2024-1", "DSA-1"),
        told("CVE-2024-1", (COMES,), names="DSA-1"),
        rating("CVE-2024-2", "DSA-1"),
        told("CVE-2024-2", (COMES,), names="DSA-1"),
    ]


@pytest.mark.parametrize(
    ("ecosystem", "family"),
    [
        ("Debian:12", BOOKWORM),
        ("Debian", Family(ecosystem=Ecosystem.DEBIAN)),
        ("PyPI", PYPI),
        ("npm", None),
        ("Alpine:v3.20", None),
    ],
)
def test_only_our_ecosystems_count_and_the_rating_of_any(
    ecosystem: str, family: Family | None
) -> None:
    found = read(ecosystem=ecosystem, severity=cvss(HIGH))
    expected = [rating("DSA-1", severity=Severity.HIGH)]
    if family:
        expected.append(told("DSA-1", (COMES,), family=family, severity=Severity.HIGH))
    assert found == expected


@pytest.mark.parametrize(
    ("record", "affected", "expected"),
    [
        ({}, {}, Severity.UNKNOWN),
        ({"severity": cvss(HIGH)}, {"severity": cvss(MEDIUM_4, "CVSS_V4")}, Severity.HIGH),
        ({"severity": None}, {"severity": cvss(MEDIUM_4, "CVSS_V4")}, Severity.MEDIUM),
        ({"severity": cvss("nonsense")}, {}, Severity.UNKNOWN),
        ({"database_specific": {"severity": "MODERATE"}}, {}, Severity.MEDIUM),
        ({"database_specific": {"severity": ["HIGH"]}}, {}, Severity.UNKNOWN),
        ({}, {"database_specific": {"severity": "LOW"}}, Severity.LOW),
        ({}, {"ecosystem_specific": {"urgency": "not yet assigned"}}, Severity.UNKNOWN),
        # Debian's word on its own package, not a score of what upstream ships
        ({"severity": cvss(HIGH)}, {"ecosystem_specific": {"urgency": "low"}}, Severity.HIGH),
        (
            {"severity": cvss(HIGH)},
            {"ecosystem_specific": {"urgency": "unimportant"}},
            Severity.NONE,
        ),
    ],
)
def test_the_worst_rating_of_a_record_counts(
    record: dict[str, Any], affected: dict[str, Any], expected: Severity
) -> None:
    found = read(ecosystem="Debian:12", affected=affected, **record)
    assert found[1].advisory.severity is expected


@pytest.mark.parametrize("names", [{"id": "MAL-2025-1"}, {"aliases": ["GHSA-9", "MAL-2025-1"]}])
def test_what_is_harmful_on_purpose_is_as_bad_as_can_be(names: dict[str, Any]) -> None:
    """Nobody rates such a record, and no version fixes it."""
    document = {"affected": [], "modified": "", "id": "X-1", **names}
    decoded = advisory_files.decoded("x", json.dumps(document).encode(), osv.Document)
    assert [item.advisory.severity for item in osv.read(decoded)] == [Severity.CRITICAL]


def test_versions_of_another_kind_are_no_span() -> None:
    ranges = [
        {"type": "GIT", "repo": "https://example.org/", "events": [{"introduced": "0"}]},
        {"type": "SEMVER", "events": [{"introduced": "0"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "2"}]},
    ]
    found = read(ecosystem="Debian:12", affected={"ranges": ranges, "versions": None})
    assert found[1] == told("DSA-1", (Event(introduced="1"), Event(last_affected="2")))


def test_a_record_without_packages_only_rates() -> None:
    document = {"id": "CVE-2024-1", "modified": "", "affected": None, "severity": cvss(CRITICAL)}
    decoded = advisory_files.decoded("x", json.dumps(document).encode(), osv.Document)
    assert list(osv.read(decoded)) == [rating("CVE-2024-1", severity=Severity.CRITICAL)]
