"""Which known vulnerabilities an SBOM's components have, and whether they may go out."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from inferpack import advisories
from inferpack.advisories import Advisories, Advisory, Component, Ecosystem, Family
from inferpack.allowed import Allow
from inferpack.errors import InferpackError
from inferpack.severity import Severity

REBUILT = re.compile(r"\+b\d+$")  # the same source compiled again by Debian
DEBIAN = "debian-"
HEADER = ("package", "version", "vulnerability", "severity", "fixed in", "allowed")
SHOWN = 5  # vulnerabilities that an error names


class Part(msgspec.Struct, frozen=True):
    purl: str = ""  # what is ours has none


class Bom(msgspec.Struct, frozen=True):
    """What is needed of a CycloneDX document."""

    bomFormat: Literal["CycloneDX"]
    components: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One vulnerability of one component; `allow` may have ended."""

    component: Component
    id: str
    names: frozenset[str]
    severity: Severity
    fixed: tuple[str, ...]
    allow: Allow | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Of the families of an SBOM's packages, less the `unheard` ones: no advisory speaks of these.

    What was found is in the order of severity, the worst first.
    """

    families: tuple[Family, ...]
    unheard: tuple[Family, ...]
    found: tuple[Finding, ...]
    today: date
    gate: Severity

    @property
    def stopping(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.found if self.stops(finding))

    def stops(self, finding: Finding) -> bool:
        """What nobody allows, at the gate or above it.

        One that nobody has rated stops where it can be fixed: to take the fix is less work than to
        find out how bad it is, and without one there is nothing to take.
        """
        if finding.allow and self.holds(finding.allow):
            return False
        unrated = finding.severity is Severity.UNKNOWN
        return finding.severity >= self.gate or (unrated and bool(finding.fixed))

    def holds(self, allow: Allow) -> bool:
        return self.today <= allow.until


def judge(
    sbom: str | bytes,
    known: Advisories,
    allowed: Iterable[Allow],
    *,
    today: date,
    gate: Severity,
    where: str = "SBOM",
) -> Findings:
    """Reads nothing but the CycloneDX text; InferpackError, with `where`, if it cannot be read."""
    return weigh(components(sbom, where), known, allowed, today=today, gate=gate)


def weigh(
    parts: Iterable[Component],
    known: Advisories,
    allowed: Iterable[Allow],
    *,
    today: date,
    gate: Severity,
) -> Findings:
    """What these components have; each is named once."""
    parts, entries = tuple(parts), tuple(allowed)
    found = [item for part in parts for item in of_component(part, known, entries)]
    families = sorted({part.family for part in parts}, key=str)
    return Findings(
        families=tuple(families),
        unheard=tuple(family for family in families if not known.speak_of(family)),
        found=tuple(sorted(found, key=lambda item: (-item.severity, item.component.name, item.id))),
        today=today,
        gate=gate,
    )


def components(sbom: str | bytes, where: str) -> tuple[Component, ...]:
    """Each source package and project once."""
    try:
        parts = msgspec.json.decode(sbom, type=Bom).components
        found = {component(PackageURL.from_string(part.purl)) for part in parts if part.purl}
        if not found:
            raise ValueError("it lists no package")  # noqa: TRY301
    except (msgspec.MsgspecError, ValueError) as err:
        hint = "./inv sbom writes one"
        raise InferpackError(where, f"is no SBOM of ours: {err}", hint) from err
    return tuple(sorted(found, key=lambda item: (str(item.family), item.name, item.version)))


def component(purl: PackageURL) -> Component:
    """ValueError for a package of a kind or a release that advisories are not read for."""
    about, name, version = dict(purl.qualifiers), purl.name, purl.version or ""
    distro = about.get("distro", "")
    if purl.type == "pypi":
        family = Family(ecosystem=Ecosystem.PYPI)
        name = canonicalize_name(name)
    elif purl.type == "deb" and distro.startswith(DEBIAN):
        family = Family(ecosystem=Ecosystem.DEBIAN, release=distro.removeprefix(DEBIAN))
        source, _, other = about.get("upstream", "").partition("@")
        name, version = source or name, other or REBUILT.sub("", version)
    else:
        raise ValueError(f"no advisories are known for {purl.to_string()}")
    advisories.order(family.ecosystem, version, version)
    return Component(family=family, name=name, version=version)


def of_component(
    part: Component, known: Advisories, allowed: tuple[Allow, ...]
) -> Iterable[Finding]:
    """What sources say of the same vulnerability is joined: the worst rating, every fix."""
    said: dict[str, list[Advisory]] = defaultdict(list)
    for advisory in known.of(part):
        if advisories.affects(advisory, part):
            said[advisory.id].append(advisory)
    for name, same in said.items():
        names = frozenset({name}).union(*(advisory.names for advisory in same))
        worst = max(advisory.severity for advisory in same)
        yield Finding(
            component=part,
            id=name,
            names=names,
            severity=worst or known.severities[name],
            fixed=tuple(sorted({fix for item in same for fix in advisories.fixes(item, part)})),
            allow=max(
                (item for item in allowed if item.package == part.name and item.id in names),
                key=lambda item: item.until,
                default=None,
            ),
        )


def unmet(allowed: Iterable[Allow], judged: Iterable[Findings]) -> tuple[Allow, ...]:
    """Entries that no finding goes by: a leftover, or a typo."""
    met = {
        (finding.component.name, name)
        for findings in judged
        for finding in findings.found
        for name in finding.names
    }
    return tuple(item for item in allowed if (item.package, item.id) not in met)


def rows(findings: Findings) -> list[tuple[str, ...]]:
    """A table under HEADER."""
    return [
        (
            item.component.name,
            item.component.version,
            item.id,
            str(item.severity),
            " or ".join(item.fixed),
            told(findings, item.allow) if item.allow else "",
        )
        for item in findings.found
    ]


def told(findings: Findings, allow: Allow) -> str:
    verb = "until" if findings.holds(allow) else "no more since"
    return f"{verb} {allow.until}: {allow.reason}"


def insist(where: str, findings: Findings, hint: str) -> None:
    """InferpackError in one line if anything stops it."""
    stopping = findings.stopping
    if not stopping:
        return
    listed = ", ".join(named(item) for item in stopping[:SHOWN])
    more = f" and {len(stopping) - SHOWN} more" if len(stopping) > SHOWN else ""
    wrong = f"vulnerable, and not allowed at --severity {findings.gate}: {listed}{more}"
    raise InferpackError(where, wrong, hint)


def named(finding: Finding) -> str:
    ended = f", allowed until {finding.allow.until}" if finding.allow else ""
    return f"{finding.id} of {finding.component.name} ({finding.severity}{ended})"
