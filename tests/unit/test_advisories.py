"""Whether a version is one that an advisory speaks of: orders of versions, spans, joined names."""

import pytest

from inferpack import advisories
from inferpack.advisories import Advisory, Component, Ecosystem, Event, Family, Span, Told
from inferpack.severity import Severity

PYPI = Family(ecosystem=Ecosystem.PYPI)
DEBIAN = Family(ecosystem=Ecosystem.DEBIAN, release="12")


def spoken(name: str, *spans: Span, versions: tuple[str, ...] = (), **other: object) -> Advisory:
    names = frozenset({name, *str(other.get("names", name)).split()})
    rating = other.get("severity", Severity.UNKNOWN)
    assert isinstance(rating, Severity)
    return Advisory(id=name, names=names, severity=rating, spans=spans, versions=versions)


def came(version: str) -> Event:
    return Event(introduced=version)


def went(version: str) -> Event:
    return Event(fixed=version)


def last(version: str) -> Event:
    return Event(last_affected=version)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("3.0.11-1~deb12u2", "3.0.11-1"),
        ("3.0.11-1~deb12u2", "3.0.11-1~deb12u10"),
        ("2.36-9+deb12u4", "2.36-9+deb12u14"),
        ("2.36-9", "2.36-9+deb12u1"),
        ("1.2.13.dfsg-1", "1:1.2.11.dfsg-1"),
        ("1.0~rc1-1", "1.0-1"),
        ("0~20230101-1", "0"),
    ],
)
def test_debian_versions_are_in_dpkgs_order(older: str, newer: str) -> None:
    assert advisories.order(Ecosystem.DEBIAN, older, newer) < 0
    assert advisories.order(Ecosystem.DEBIAN, newer, older) > 0
    assert advisories.order(Ecosystem.DEBIAN, newer, newer) == 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("2.9.0", "2.10.0", -1),
        ("2.6.0rc1", "2.6.0", -1),
        ("2.6.0.post1", "2.6.0", 1),
        ("2.6.0+cpu", "2.6.0", 0),
        ("1.31.1+inferpack.1", "1.31.1", 0),
        ("1.0", "1.0.0", 0),
    ],
)
def test_python_versions_are_in_pep_440s_order_and_builds_of_one_are_the_same(
    one: str, other: str, expected: int
) -> None:
    assert advisories.order(Ecosystem.PYPI, one, other) == expected


TWO = (came("0"), went("1.2"), came("2.0"), went("2.3"))


@pytest.mark.parametrize(
    ("span", "version", "inside", "fixed"),
    [
        ((came("0"),), "0.1", True, []),
        ((came("0"), went("1.2")), "1.1", True, ["1.2"]),
        ((came("0"), went("1.2")), "1.2", False, []),
        ((came("1.0"), went("1.2")), "0.9", False, ["1.2"]),
        ((came("1.0"), went("1.2")), "1.0", True, ["1.2"]),
        ((came("0"), last("1.2")), "1.2", True, []),
        ((came("0"), last("1.2")), "1.2+cpu", True, []),
        ((came("0"), last("1.2")), "1.2.post1", False, []),
        ((came("0"), went("0")), "1.0", False, []),
        (TWO, "1.0", True, ["1.2"]),
        (TWO, "1.5", False, ["2.3"]),
        (TWO, "2.0", True, ["2.3"]),
        (TWO, "2.3", False, []),
        (TWO[::-1], "2.2", True, ["2.3"]),  # in no order
        ((came("0"), Event(), went("1.2")), "1.1", True, ["1.2"]),  # a `limit` is no version
        ((came("0"), went("1.2-SNAPSHOT")), "9.0", True, []),  # no Python version: it may be
        ((), "1.0", False, []),
    ],
)
def test_a_span_is_read_as_osv_says(
    span: Span, version: str, inside: bool, fixed: list[str]
) -> None:
    component = Component(family=PYPI, name="torch", version=version)
    advisory = spoken("CVE-2024-1", span)
    assert advisories.affects(advisory, component) is inside
    assert list(advisories.fixes(advisory, component)) == fixed


def test_the_start_of_a_span_is_before_any_version() -> None:
    advisory = spoken("CVE-2024-1", (came("0"), went("0~20230101-1")))
    assert [
        advisories.affects(advisory, Component(family=DEBIAN, name="x", version=version))
        for version in ("0~20220101-1", "0~20230101-1", "1.0-1")
    ] == [True, False, False]


def test_any_of_several_spans_is_enough() -> None:
    advisory = spoken("CVE-2024-1", (came("0"), went("1.2")), (came("2.0"), went("2.3")))
    versions = ("1.1", "1.2", "2.1", "2.3")
    assert [
        advisories.affects(advisory, Component(family=PYPI, name="torch", version=version))
        for version in versions
    ] == [True, False, True, False]


@pytest.mark.parametrize(
    ("family", "version", "listed"),
    [
        (PYPI, "2.5.1+cpu", True),
        (PYPI, "2.5.10", False),
        (PYPI, "2004.0", False),
        (DEBIAN, "2.5.1", True),
        (DEBIAN, "1:2.5.1", False),
    ],
)
def test_versions_are_listed_one_by_one(family: Family, version: str, listed: bool) -> None:
    advisory = spoken("CVE-2024-1", versions=("2004d", "2.5.1"))
    component = Component(family=family, name="torch", version=version)
    assert advisories.affects(advisory, component) is listed


def test_sources_that_know_each_other_are_joined_under_the_cve() -> None:
    told = [
        Told(
            advisory=spoken("CVE-2024-1", names="CVE-2024-1 GHSA-1", severity=Severity.HIGH),
            family=PYPI,
            package="torch",
        ),
        Told(advisory=spoken("PYSEC-1", names="GHSA-1"), family=PYPI, package="torch"),
        Told(advisory=spoken("PYSEC-2", names="GHSA-2"), family=PYPI, package="torch"),
        Told(advisory=spoken("GHSA-2", names="PYSEC-2"), family=PYPI, package="torch"),
        # Two vulnerabilities in one advisory of Debian's are not the same
        Told(advisory=spoken("CVE-2024-2", names="DSA-1"), family=DEBIAN, package="openssl"),
        Told(advisory=spoken("CVE-2024-3", names="DSA-1"), family=DEBIAN, package="openssl"),
        Told(advisory=spoken("DSA-1"), family=DEBIAN, package="openssl"),
        Told(advisory=spoken("CVE-2024-2", severity=Severity.LOW)),
    ]
    known = advisories.gather(told)
    assert {key: [item.id for item in found] for key, found in known.known.items()} == {
        (PYPI, "torch"): ["CVE-2024-1", "CVE-2024-1", "GHSA-2", "GHSA-2"],
        (DEBIAN, "openssl"): ["CVE-2024-2", "CVE-2024-3", "DSA-1"],
    }
    assert known.severities == {
        "CVE-2024-1": Severity.HIGH,
        "CVE-2024-2": Severity.LOW,
        "CVE-2024-3": Severity.UNKNOWN,
        "DSA-1": Severity.UNKNOWN,
        "GHSA-2": Severity.UNKNOWN,
    }


def test_advisories_of_any_release_hold_for_each() -> None:
    anywhere = Family(ecosystem=Ecosystem.DEBIAN)
    known = advisories.gather(
        Told(advisory=spoken(f"CVE-2024-{number}"), family=family, package="openssl")
        for number, family in enumerate((DEBIAN, anywhere))
    )
    found = {
        release: [
            item.id
            for item in known.of(
                Component(
                    family=Family(ecosystem=Ecosystem.DEBIAN, release=release),
                    name="openssl",
                    version="1.0",
                )
            )
        ]
        for release in ("12", "13")
    }
    assert found == {"12": ["CVE-2024-0", "CVE-2024-1"], "13": ["CVE-2024-1"]}
    assert [known.speak_of(family) for family in (DEBIAN, anywhere, PYPI)] == [True, True, False]
