"""What is known of vulnerable packages, whoever told it, and whether a version is one of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cmp_to_key
from itertools import islice

from msgspec import Struct
from packaging.version import Version

from inferpack.severity import Severity

FIRST = "0"  # as the start of a span it is before any version: OSV's and the tracker's convention


class Ecosystem(StrEnum):
    """Whose packages, by OSV's names."""

    DEBIAN = "Debian"
    PYPI = "PyPI"


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Packages that advisories tell apart by name alone; `release` is Debian's, such as 12."""

    ecosystem: Ecosystem
    release: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.ecosystem, self.release)))

    @property
    def within(self) -> tuple["Family", ...]:
        """Whose advisories hold for it: its own, and those of any release."""
        return tuple(dict.fromkeys((self, Family(ecosystem=self.ecosystem))))


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """What advisories speak of: a Debian source package, or a Python project by canonical name."""

    family: Family
    name: str
    version: str


class Event(Struct, frozen=True):
    """A vulnerability comes with a version, goes with it, or goes after it. None of the three is
    told by OSV's `limit`, which ends a search among commits.
    """

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None

    @property
    def version(self) -> str:
        return self.introduced or self.fixed or self.last_affected or ""


Span = tuple[Event, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """What one source says of one vulnerability in one package.

    `names` are all that it goes by, `id` the CVE if it has one; `versions` are affected beside
    those in `spans`.
    """

    id: str
    names: frozenset[str]
    severity: Severity
    spans: tuple[Span, ...] = ()
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An advisory and its package; without a package it only rates the vulnerability."""

    advisory: Advisory
    family: Family | None = None
    package: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisories:
    """All that was told, and the worst rating that each vulnerability has anywhere."""

    known: Mapping[tuple[Family, str], tuple[Advisory, ...]]
    families: frozenset[Family]
    severities: Mapping[str, Severity]

    def of(self, component: Component) -> tuple[Advisory, ...]:
        """Those that speak of the package, of its release or of any."""
        return tuple(
            advisory
            for family in component.family.within
            for advisory in self.known.get((family, component.name), ())
        )

    def speak_of(self, family: Family) -> bool:
        """Whether any does: without, that none is found means nothing."""
        return not self.families.isdisjoint(family.within)


def gather(told: Iterable[Told]) -> Advisories:
    """Joins what sources say of the same vulnerability under one name: its CVE, if any tells it."""
    items = tuple(told)
    cves: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if is_cve(item.advisory.id):
            for name in item.advisory.names:
                cves[name].add(item.advisory.id)
    known: dict[tuple[Family, str], list[Advisory]] = defaultdict(list)
    severities: dict[str, Severity] = {}
    for item in items:
        advisory = item.advisory
        same = {cve for name in advisory.names for cve in cves[name] if len(cves[name]) == 1}
        if not is_cve(advisory.id):
            advisory = replace(advisory, id=min(same or advisory.names))
        worst = severities.get(advisory.id, Severity.UNKNOWN)
        severities[advisory.id] = max(worst, advisory.severity)
        if item.family:
            known[item.family, item.package].append(advisory)
    return Advisories(
        known={key: tuple(several) for key, several in known.items()},
        families=frozenset(family for family, _ in known),
        severities=severities,
    )


def is_cve(name: str) -> bool:
    return name.startswith("CVE-")


def order(ecosystem: Ecosystem, one: str, other: str) -> int:
    """Negative, 0 or positive as `one` is older, the same or newer; ValueError for no version.

    A local label (1.0+cpu) is another build of the same release: advisories know the release.
    """
    from univers.debian import compare_versions  # noqa: PLC0415

    if ecosystem is Ecosystem.DEBIAN:
        return int(compare_versions(one, other))
    mine, yours = (Version(Version(text).public) for text in (one, other))
    return (mine > yours) - (mine < yours)


def affects(advisory: Advisory, component: Component) -> bool:
    return is_listed(advisory, component) or any(
        is_inside(span, component) for span in advisory.spans
    )


def is_listed(advisory: Advisory, component: Component) -> bool:
    for version in advisory.versions:
        try:
            same = order(component.family.ecosystem, component.version, version) == 0
        except ValueError:
            same = component.version == version
        if same:
            return True
    return False


def is_inside(span: Span, component: Component) -> bool:
    """OSV's algorithm: https://ossf.github.io/osv-schema/#evaluation.

    A span whose versions cannot be read counts: one finding too many is seen, one too few is not.
    """
    ecosystem, inside = component.family.ecosystem, False
    try:
        for event in in_order(ecosystem, span):
            past = order(ecosystem, component.version, event.version)
            if event.introduced is not None:
                inside = inside or event.introduced == FIRST or past >= 0
            elif past > 0 or (past == 0 and event.fixed is not None):
                inside = False
    except ValueError:
        return True
    return inside


def in_order(ecosystem: Ecosystem, span: Span) -> list[Event]:
    def older(one: Event, other: Event) -> int:
        return order(ecosystem, one.version, other.version)

    by_version = cmp_to_key(older)
    told = (event for event in span if event.version)
    return sorted(told, key=lambda event: (event.introduced != FIRST, by_version(event)))


def fixes(advisory: Advisory, component: Component) -> Iterator[str]:
    """The next fixed version after the component's in each span that has one."""
    ecosystem = component.family.ecosystem
    for span in advisory.spans:
        with suppress(ValueError):  # a version that cannot be read is none to go to
            later = (
                event.fixed
                for event in in_order(ecosystem, span)
                if event.fixed and order(ecosystem, event.fixed, component.version) > 0
            )
            yield from islice(later, 1)
