"""Small advisories and SBOMs in the formats of their makers."""

import io
import json
import zipfile
from typing import Any

from inferpack.advisories import Advisory, Ecosystem, Event, Family, Told
from inferpack.severity import Severity

PYPI = Family(ecosystem=Ecosystem.PYPI)
BOOKWORM = Family(ecosystem=Ecosystem.DEBIAN, release="12")
COMES = Event(introduced="0")
HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"  # 7.5
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"  # 9.8
MEDIUM_4 = "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"  # 4.8
MEDIUM_2 = "AV:N/AC:M/Au:N/C:N/I:P/A:N"  # 4.3
OPENSSL = "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl"
ZLIB = (
    "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1%2Bb1?arch=amd64&distro=debian-12"
    "&upstream=zlib%401:1.2.13.dfsg-1"
)
TZDATA = "pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1%2Bb2?arch=all&distro=debian-12"
TORCH = "pkg:pypi/torch@2.5.1%2Bcpu"


def release(status: str, urgency: str = "not yet assigned", **other: str) -> dict[str, Any]:
    """As the tracker has one; `fixed_version` only where it is resolved."""
    repositories = {"bookworm": "3.0.11-1~deb12u2", "bookworm-security": "3.0.11-1~deb12u2"}
    return {"status": status, "repositories": repositories, "urgency": urgency, **other}


def tracker(package: str = "openssl", **releases: dict[str, Any]) -> dict[str, Any]:
    """One CVE of one source package, as Debian's tracker tells it; CVE_2024_1=… names it."""
    return {
        package: {
            name.replace("_", "-"): {
                "description": "A flaw.",
                "scope": "remote",
                "releases": {"bookworm": item, "sid": release("open", "high")},
            }
            for name, item in releases.items()
        }
    }


def osv(
    name: str, package: str, *events: dict[str, str], ecosystem: str = "PyPI", **other: Any
) -> dict[str, Any]:
    """A record with one range, as osv.dev exports it."""
    affected: dict[str, Any] = {"package": {"name": package, "ecosystem": ecosystem}}
    affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    more = other.pop("affected", {})
    return {
        "schema_version": "1.7.3",
        "id": name,
        "modified": "2026-01-31T00:00:00Z",
        "summary": "A flaw.",
        "affected": [affected | more],
        "references": [{"type": "WEB", "url": "https://example.org/"}],
    } | other


def cvss(vector: str, kind: str = "CVSS_V3") -> list[dict[str, str]]:
    return [{"type": kind, "score": vector}]


def zipped(*documents: dict[str, Any], names: str = "{id}.json", method: int = 8) -> bytes:
    """OSV's all.zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for document in documents:
            archive.writestr(names.format(**document), json.dumps(document))
    return file.getvalue()


def sbom(*purls: str) -> str:
    """What ./inv sbom writes, in short: the first component is ours and has no purl."""
    parts = [{"type": "library", "name": "x", "bom-ref": purl, "purl": purl} for purl in purls]
    own = {"type": "application", "name": "inferpack", "bom-ref": "inferpack@1"}
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [own, *parts]}
    )


def told(
    name: str,
    *spans: tuple[Event, ...],
    family: Family | None = BOOKWORM,
    package: str = "openssl",
    names: str = "",
    severity: Severity = Severity.UNKNOWN,
    versions: tuple[str, ...] = (),
) -> Told:
    advisory = Advisory(
        id=name,
        names=frozenset({name, *names.split()}),
        severity=severity,
        spans=spans,
        versions=versions,
    )
    return Told(advisory=advisory, family=family, package=package)


def rating(name: str, names: str = "", severity: Severity = Severity.UNKNOWN) -> Told:
    return told(name, family=None, package="", names=names, severity=severity)
