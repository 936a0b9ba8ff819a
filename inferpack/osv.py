"""Advisories as the OSV format tells them: https://ossf.github.io/osv-schema/."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field
from packaging.utils import canonicalize_name

from inferpack import severity
from inferpack.advisories import Advisory, Ecosystem, Event, Family, Told, is_cve
from inferpack.severity import Severity

# What is harmful on purpose, which nobody rates and no version fixes:
# https://github.com/ossf/malicious-packages
MALICIOUS = "MAL-"
COMPARABLE = "ECOSYSTEM"  # the one type of range whose versions are ordered as the packages' are


class Foreign(Struct, frozen=True):
    """A part of a document: only what is needed here; the format grows by keys."""


class Rating(Foreign, frozen=True):
    type: str
    score: str


class About(Foreign, frozen=True):
    """What a database says on its own account, in whatever shape."""

    severity: Any = None
    urgency: Any = None


class Named(Foreign, frozen=True):
    ecosystem: str
    name: str


class Range(Foreign, frozen=True):
    type: str
    events: tuple[Event, ...]


class Affected(Foreign, frozen=True):
    package: Named | None = None  # else commits of a repository
    ranges: tuple[Range, ...] | None = None
    versions: tuple[str, ...] | None = None
    severity: tuple[Rating, ...] | None = None
    ecosystem_specific: About | None = None
    database_specific: About | None = None


class Document(Foreign, frozen=True):
    """A record; lists may be null."""

    id: str
    modified: str
    aliases: tuple[str, ...] | None = None
    upstream: tuple[str, ...] | None = None
    withdrawn: str | None = None
    severity: tuple[Rating, ...] | None = None
    affected: tuple[Affected, ...] | None = None
    database_specific: About = field(default_factory=About)


def read(document: Document) -> Iterator[Told]:
    """A record of several vulnerabilities, such as Debian's DSA, is one of each."""
    if document.withdrawn is not None:
        return
    same = {document.id, *(document.aliases or ())}
    cves = sorted(filter(is_cve, {*same, *(document.upstream or ())}))
    whole = max(rated(document.severity), worded(document.database_specific))
    if any(name.startswith(MALICIOUS) for name in same):
        whole = Severity.CRITICAL
    for name in cves or [document.id]:
        names = frozenset({name, *(other for other in same if not is_cve(other))})
        yield Told(advisory=Advisory(id=name, names=names, severity=whole))
        for affected in document.affected or ():
            if affected.package and (family := family_of(affected.package)):
                yield Told(
                    advisory=Advisory(
                        id=name,
                        names=names,
                        severity=severity_of(affected, whole),
                        spans=tuple(
                            item.events for item in affected.ranges or () if item.type == COMPARABLE
                        ),
                        versions=affected.versions or (),
                    ),
                    family=family,
                    package=package_of(affected.package, family),
                )


def family_of(package: Named) -> Family | None:
    """None where it is of an ecosystem that no image of ours holds."""
    ecosystem, _, release = package.ecosystem.partition(":")
    if ecosystem not in list(Ecosystem):
        return None
    return Family(ecosystem=Ecosystem(ecosystem), release=release)


def package_of(package: Named, family: Family) -> str:
    python = family.ecosystem is Ecosystem.PYPI
    return canonicalize_name(package.name) if python else package.name


def severity_of(affected: Affected, whole: Severity) -> Severity:
    """The worst, unless Debian says that it does no harm in its package."""
    words = [worded(about) for about in (affected.ecosystem_specific, affected.database_specific)]
    if Severity.NONE in words:
        return Severity.NONE
    return max(whole, rated(affected.severity), *words)


def rated(ratings: tuple[Rating, ...] | None) -> Severity:
    """The worst of CVSS vectors."""
    found = (severity.of_vector(item.type, item.score) for item in ratings or ())
    return max(found, default=Severity.UNKNOWN)


def worded(about: About | None) -> Severity:
    words = (about.severity, about.urgency) if about else ()
    found = (severity.of_word(word) for word in words if isinstance(word, str))
    return max(found, default=Severity.UNKNOWN)
