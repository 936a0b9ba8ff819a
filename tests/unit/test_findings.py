"""An SBOM, advisories, a list of what is allowed and a day: what is found, and what it stops."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inferpack import advisory_files, findings
from inferpack.advisories import Component
from inferpack.allowed import Allow
from inferpack.errors import InferpackError
from inferpack.findings import Finding, Findings
from inferpack.severity import Severity
from tests.unit import advisory_data
from tests.unit.advisory_data import (
    BOOKWORM,
    CRITICAL,
    HIGH,
    OPENSSL,
    PYPI,
    TORCH,
    TZDATA,
    ZLIB,
    cvss,
    osv,
    release,
    tracker,
)

TODAY = date(2026, 11, 20)
IMAGE = (OPENSSL, OPENSSL.replace("libssl3", "libcrypto3-udeb"), ZLIB, TZDATA, TORCH)
TRACKED = tracker(
    "openssl",
    CVE_2023_5363=release("resolved", "medium", fixed_version="3.0.11-1~deb12u3"),
    CVE_2024_2=release("resolved", "high", fixed_version="3.0.11-1~deb12u2"),  # ours
    CVE_2024_3=release("open", "not yet assigned"),
) | tracker(
    "zlib",
    CVE_2023_45853=release("open", "unimportant"),
    CVE_2024_4=release("resolved", fixed_version="1:1.2.13.dfsg-1"),  # ours, compiled again
)
PYPI_RECORDS = [
    osv(
        "GHSA-53q9-r3pm-6pq6",
        "torch",
        {"introduced": "0"},
        {"fixed": "2.6.0"},
        aliases=["CVE-2025-32434"],
        severity=cvss(CRITICAL),
    ),
    osv(
        "PYSEC-2025-41",
        "torch",
        {"introduced": "0"},
        {"fixed": "2.6.0rc1"},
        aliases=["GHSA-53q9-r3pm-6pq6"],
    ),
    osv("GHSA-887c-mr87-cxwp", "torch", {"introduced": "0"}, {"fixed": "2.5.1"}),  # ours is +cpu
    osv("GHSA-unrated", "torch", {"introduced": "2.5.0"}, {"fixed": "2.8.0"}),
    # Of another package, but a rating of the same vulnerability
    osv("CVE-2024-3", "openssl", ecosystem="ConanCenter", severity=cvss(HIGH)),
]


def judged(
    folder: Path,
    *allowed: Allow,
    gate: Severity = Severity.HIGH,
    purls: tuple[str, ...] = IMAGE,
    files: tuple[Any, ...] = (TRACKED, PYPI_RECORDS),
) -> Findings:
    paths = [folder / str(number) for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_text(json.dumps(content))
    known = advisory_files.read(paths)
    sbom = advisory_data.sbom(*purls)
    return findings.judge(sbom, known, allowed, today=TODAY, gate=gate)


def allow(name: str, package: str, until: date = TODAY) -> Allow:
    return Allow(id=name, package=package, reason="not reachable", until=until)


SSL = Component(family=BOOKWORM, name="openssl", version="3.0.11-1~deb12u2")
ZLIB1 = Component(family=BOOKWORM, name="zlib", version="1:1.2.13.dfsg-1")
PYTORCH = Component(family=PYPI, name="torch", version="2.5.1+cpu")


def finding(
    component: Component, names: str, severity: Severity, *fixed: str, allow: Allow | None = None
) -> Finding:
    return Finding(
        component=component,
        id=names.split(maxsplit=1)[0],
        names=frozenset(names.split()),
        severity=severity,
        fixed=fixed,
        allow=allow,
    )


EXPECTED = (
    finding(
        PYTORCH,
        "CVE-2025-32434 GHSA-53q9-r3pm-6pq6 PYSEC-2025-41",
        Severity.CRITICAL,
        *("2.6.0", "2.6.0rc1"),
    ),
    finding(SSL, "CVE-2024-3", Severity.HIGH),
    finding(SSL, "CVE-2023-5363", Severity.MEDIUM, "3.0.11-1~deb12u3"),
    finding(ZLIB1, "CVE-2023-45853", Severity.NONE),
    finding(PYTORCH, "GHSA-unrated", Severity.UNKNOWN, "2.8.0"),
)


def test_each_vulnerability_of_each_source_is_found_once_the_worst_first(tmp_path: Path) -> None:
    assert judged(tmp_path) == Findings(
        families=(BOOKWORM, PYPI), unheard=(), found=EXPECTED, today=TODAY, gate=Severity.HIGH
    )


def test_an_sbom_of_other_versions_has_none_of_them(tmp_path: Path) -> None:
    fixed = (OPENSSL.replace("deb12u2", "deb12u3"), "pkg:pypi/torch@2.8.0%2Bcpu")
    found = judged(tmp_path, purls=fixed).found
    assert [(item.component.version, item.id) for item in found] == [
        ("3.0.11-1~deb12u3", "CVE-2024-3")
    ]


@pytest.mark.parametrize(
    ("gate", "stopping"),
    [
        (Severity.CRITICAL, ["CVE-2025-32434", "GHSA-unrated"]),
        (Severity.HIGH, ["CVE-2025-32434", "CVE-2024-3", "GHSA-unrated"]),
        (Severity.MEDIUM, ["CVE-2025-32434", "CVE-2024-3", "CVE-2023-5363", "GHSA-unrated"]),
        (Severity.UNKNOWN, [item.id for item in EXPECTED]),
    ],
)
def test_the_gate_stops_what_is_as_bad_and_what_is_unrated_and_can_be_fixed(
    tmp_path: Path, gate: Severity, stopping: list[str]
) -> None:
    assert [item.id for item in judged(tmp_path, gate=gate).stopping] == stopping


def test_what_is_unrated_and_cannot_be_fixed_stops_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, files=(TRACKED,), purls=(OPENSSL,))
    assert [(item.id, item.severity, item.fixed) for item in found.found] == [
        ("CVE-2023-5363", Severity.MEDIUM, ("3.0.11-1~deb12u3",)),
        ("CVE-2024-3", Severity.UNKNOWN, ()),
    ]
    assert found.stopping == ()


@pytest.mark.parametrize(
    ("entry", "stops"),
    [
        (allow("CVE-2025-32434", "torch"), False),
        (allow("PYSEC-2025-41", "torch"), False),  # another name of it
        (allow("CVE-2025-32434", "torch", date(2026, 11, 19)), True),  # ended yesterday
        (allow("CVE-2025-32434", "openssl"), True),
        (allow("CVE-2025-32435", "torch"), True),
    ],
)
def test_an_entry_allows_one_vulnerability_of_one_package_for_its_time(
    tmp_path: Path, entry: Allow, stops: bool
) -> None:
    found = judged(tmp_path, entry, gate=Severity.CRITICAL)
    assert ("CVE-2025-32434" in [item.id for item in found.stopping]) is stops


def test_of_two_entries_the_one_that_lasts_longer_counts(tmp_path: Path) -> None:
    ended = allow("PYSEC-2025-41", "torch", date(2026, 1, 1))
    lasting = allow("CVE-2025-32434", "torch", date(2027, 1, 1))
    assert judged(tmp_path, lasting, ended).found[0].allow == lasting


def test_entries_that_nothing_goes_by_are_leftovers(tmp_path: Path) -> None:
    used, ended = allow("PYSEC-2025-41", "torch"), allow("CVE-2024-3", "openssl", date(2026, 1, 1))
    left, fixed = allow("CVE-2024-3", "zlib"), allow("CVE-2024-2", "openssl")
    entries = (used, ended, left, fixed)
    both = [judged(tmp_path, purls=(purl,)) for purl in (OPENSSL, TORCH)]
    assert findings.unmet(entries, both) == (left, fixed)
    assert findings.unmet(entries, ()) == entries


def test_a_table_shows_what_an_engineer_asks_first(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        allow("CVE-2024-3", "openssl", date(2027, 1, 31)),
        allow("CVE-2023-5363", "openssl", date(2026, 1, 31)),
    )
    ours, cpu = "3.0.11-1~deb12u2", "2.5.1+cpu"
    assert [findings.HEADER, *findings.rows(found)] == [
        ("package", "version", "vulnerability", "severity", "fixed in", "allowed"),
        ("torch", cpu, "CVE-2025-32434", "critical", "2.6.0 or 2.6.0rc1", ""),
        ("openssl", ours, "CVE-2024-3", "high", "", "until 2027-01-31: not reachable"),
        (
            *("openssl", ours, "CVE-2023-5363", "medium", "3.0.11-1~deb12u3"),
            "no more since 2026-01-31: not reachable",
        ),
        ("zlib", "1:1.2.13.dfsg-1", "CVE-2023-45853", "none", "", ""),
        ("torch", cpu, "GHSA-unrated", "unknown", "2.8.0", ""),
    ]


def test_what_is_stopped_is_one_line(tmp_path: Path) -> None:
    ended = allow("CVE-2025-32434", "torch", date(2026, 1, 31))
    with pytest.raises(InferpackError) as caught:
        findings.insist("image", judged(tmp_path, ended), "do that")
    assert (str(caught.value), caught.value.exit_code) == (
        "image: vulnerable, and not allowed at --severity high: "
        "CVE-2025-32434 of torch (critical, allowed until 2026-01-31), "
        "CVE-2024-3 of openssl (high), GHSA-unrated of torch (unknown); do that",
        1,
    )


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    many = {f"CVE_2024_{number}": release("open", "high") for number in range(8)}
    with pytest.raises(InferpackError) as caught:
        findings.insist("x", judged(tmp_path, files=(tracker("zlib", **many),)), "")
    assert str(caught.value).endswith("CVE-2024-4 of zlib (high) and 3 more")


def test_nothing_to_stop_is_no_error(tmp_path: Path) -> None:
    findings.insist("x", judged(tmp_path, purls=(TZDATA,)), "")


@pytest.mark.parametrize(
    ("files", "unheard"),
    [((TRACKED,), (PYPI,)), ((PYPI_RECORDS,), (BOOKWORM,)), ((TRACKED, PYPI_RECORDS), ())],
)
def test_packages_that_no_advisory_speaks_of_are_told(
    tmp_path: Path, files: tuple[Any, ...], unheard: tuple[object, ...]
) -> None:
    assert judged(tmp_path, files=files).unheard == unheard
