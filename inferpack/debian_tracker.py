"""Advisories as Debian's security tracker tells them, all in one document.

https://security-tracker.debian.org/tracker/data/json
"""

from collections.abc import Iterator

from msgspec import Struct

from inferpack import severity
from inferpack.advisories import FIRST, Advisory, Ecosystem, Event, Family, Told
from inferpack.bases import RELEASES

NEVER = "0"  # the fixed version of a release that the vulnerability never was in


class Release(Struct, frozen=True):
    """A vulnerability in one release; without a fixed version, as open, undetermined or not even
    looked at, every version counts as affected.
    """

    urgency: str
    fixed_version: str = ""


class Vulnerability(Struct, frozen=True):
    releases: dict[str, Release]


Document = dict[str, dict[str, Vulnerability]]  # by source package, then by CVE


def read(document: Document) -> Iterator[Told]:
    """Of the releases that our bases are made from."""
    for package, vulnerabilities in document.items():
        for name, vulnerability in vulnerabilities.items():
            for suite, number in RELEASES.items():
                release = vulnerability.releases.get(suite)
                if release is not None and release.fixed_version != NEVER:
                    yield Told(
                        advisory=advisory(name, release),
                        family=Family(ecosystem=Ecosystem.DEBIAN, release=number),
                        package=package,
                    )


def advisory(name: str, release: Release) -> Advisory:
    """The tracker marks an urgency that it took from elsewhere by stars: `medium**`."""
    fixed = release.fixed_version
    end = (Event(fixed=fixed),) if fixed else ()
    return Advisory(
        id=name,
        names=frozenset({name}),
        severity=severity.of_word(release.urgency.rstrip("*")),
        spans=((Event(introduced=FIRST), *end),),
    )
