"""Files of advisories are known by what is in them, and a broken one is one clear line."""

import json
from pathlib import Path

import pytest

from inferpack import advisory_files, debian_tracker
from inferpack.advisories import Event, Told
from inferpack.errors import UsageError
from inferpack.severity import Severity
from tests.unit import advisory_data
from tests.unit.advisory_data import (
    BOOKWORM,
    COMES,
    CRITICAL,
    PYPI,
    cvss,
    rating,
    release,
    told,
    tracker,
    zipped,
)

CVE = "CVE-2025-32434"
GHSA = advisory_data.osv(
    "GHSA-53q9-r3pm-6pq6",
    "Torch",
    {"introduced": "0"},
    {"fixed": "2.6.0"},
    aliases=[CVE, "PYSEC-2025-41"],
    severity=cvss(CRITICAL),
    database_specific={"severity": "CRITICAL", "cwe_ids": ["CWE-502"]},
    affected={"versions": ["2.5.1"], "database_specific": {"source": "https://example.org/"}},
)


TORCH = [
    rating(CVE, "GHSA-53q9-r3pm-6pq6 PYSEC-2025-41", Severity.CRITICAL),
    told(
        CVE,
        (COMES, Event(fixed="2.6.0")),
        family=PYPI,
        package="torch",
        names="GHSA-53q9-r3pm-6pq6 PYSEC-2025-41",
        severity=Severity.CRITICAL,
        versions=("2.5.1",),
    ),
]
OPENSSL = tracker(
    "openssl",
    CVE_2023_5363=release("resolved", "high**", fixed_version="3.0.11-1~deb12u2"),
    CVE_2024_1=release("open"),
    CVE_2024_2=release("resolved", fixed_version="0"),
    CVE_2024_3=release("undetermined"),
    CVE_2024_4=release("open", "unimportant", nodsa="Minor issue", nodsa_reason=""),
    CVE_2024_5=release("open", "end-of-life"),
    TEMP_0000000_ABC123=release("resolved", "low", fixed_version="1:1.0-1"),
)
OPENSSL["linux"] = {"CVE-2024-6": {"releases": {"sid": release("open")}}}
TRACKED = [
    told("CVE-2023-5363", (COMES, Event(fixed="3.0.11-1~deb12u2")), severity=Severity.HIGH),
    told("CVE-2024-1", (COMES,)),
    told("CVE-2024-3", (COMES,)),
    told("CVE-2024-4", (COMES,), severity=Severity.NONE),
    told("CVE-2024-5", (COMES,)),
    told("TEMP-0000000-ABC123", (COMES, Event(fixed="1:1.0-1")), severity=Severity.LOW),
]


def written(folder: Path, content: object) -> Path:
    path = folder / "advisories.dat"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (OPENSSL, TRACKED),
        (GHSA, TORCH),
        ([GHSA], TORCH),
        (b"\n " + json.dumps([GHSA]).encode(), TORCH),
        (zipped(GHSA), TORCH),
        (zipped(OPENSSL, names="json.json"), TRACKED),
    ],
    ids=["tracker", "osv", "osv-array", "osv-indented", "osv-zip", "tracker-zip"],
)
def test_what_a_file_is_shows_in_its_content(
    tmp_path: Path, content: object, expected: list[Told]
) -> None:
    assert list(advisory_files.load(written(tmp_path, content))) == expected


BOMB = {"id": "CVE-2024-1", "modified": "", "details": "0" * (advisory_files.LARGEST + 1)}
JSON = json.dumps(GHSA).encode()
PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", ": is empty"),
        (b" \n", ": is empty"),
        (PAGE, ": is a web page, not JSON"),
        (JSON[:200], ": is not JSON (Input data was truncated)"),
        (JSON[:-1] + b",", ": is not JSON (Input data was truncated)"),
        (b"\x1f\x8b\x08\x00", ": is not JSON (JSON is malformed: invalid character (byte 0))"),
        (
            b'{"id": "\xff"}',
            ": is not JSON ('utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte)",
        ),
        ({}, ": tells of no vulnerability"),
        ([], ": tells of no vulnerability"),
        (zipped(), ": tells of no vulnerability"),
        (zipped(GHSA, names="{id}.txt"), ": tells of no vulnerability"),
        ({"id": "CVE-2024-1"}, ": is not OSV (Object missing required field 'modified')"),
        (
            [GHSA | {"affected": "all"}],
            ": is not OSV (Expected 'array | null', got 'str' - at '$[0].affected')",
        ),
        (
            {"vulns": [GHSA]},
            ": is not OSV nor Debian's tracker (Expected 'object', got 'array' - at '$[...]')",
        ),
        (
            {"openssl": {"CVE-2024-1": {}}},
            ": is not OSV nor Debian's tracker "
            "(Object missing required field 'releases' - at '$[...][...]')",
        ),
        (b'"openssl"', ": is not OSV nor Debian's tracker (Expected 'object', got 'str')"),
        (
            zipped(GHSA, {"id": "b"}),
            ": b.json: is not OSV (Object missing required field 'modified')",
        ),
        (zipped(BOMB), ": CVE-2024-1.json: is larger than 32 MB, which no advisory is"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: object, wrong: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        advisory_files.read([path])
    assert caught.value.exit_code == 2
    assert str(caught.value) == f"{path}{wrong}; {advisory_files.HINT}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(GHSA)[:-30], "File is not a zip file"),
        (
            zipped(GHSA, method=0).replace(b"2.6.0", b"2.6.1"),
            "Bad CRC-32 for file 'GHSA-53q9-r3pm-6pq6.json'",
        ),
        (
            zipped(GHSA).replace(b"\0\x08\0", b"\0\x63\0"),
            "That compression method is not supported",
        ),
    ],
)
def test_a_broken_zip_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        advisory_files.read([path])
    assert str(caught.value) == f"{path}: is a broken zip ({reason}); fetch it again"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path, wrong in (
        (tmp_path / "x", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(UsageError) as caught:
            advisory_files.read([path])
        assert str(caught.value) == f"{path}: cannot be read: {wrong}; {advisory_files.HINT}"


def test_several_files_are_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(zipped(GHSA))
    (tmp_path / "b").write_text(json.dumps(OPENSSL))
    known = advisory_files.read([tmp_path / "a", tmp_path / "b"])
    assert {key: len(found) for key, found in known.known.items()} == {
        (PYPI, "torch"): 1,
        (BOOKWORM, "openssl"): 6,
    }


def test_the_tracker_is_read_for_the_releases_of_our_bases() -> None:
    document = {"linux": {"CVE-2024-6": debian_tracker.Vulnerability(releases={})}}
    assert list(debian_tracker.read(document)) == []
