"""Licences as packages declare them; none rather than a guessed one."""

import re
from collections.abc import Iterable

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement
from packaging.metadata import RawMetadata

DECLARED = LicenseAcknowledgement.DECLARED
# https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
MACHINE_READABLE = re.compile(
    r"Format: https?://www\.debian\.org/doc/packaging-manuals/copyright-format/1\.0/?\s"
)
NAMED = re.compile(r"^License:[ \t]*(\S.*)", re.MULTILINE)
NO_LICENCES = ("none", "UNKNOWN", "OSI Approved")  # what stands where a name should


def of_copyright(text: str) -> tuple[License, ...]:
    """The names in a Debian copyright file, Debian's own: they look like SPDX's and are not.

    They are of all that the source package holds. A file in free words has none.
    """
    if not MACHINE_READABLE.match(text):
        return ()
    return named(match.strip(" \t\r,") for match in NAMED.findall(text))


def of_metadata(found: RawMetadata) -> tuple[License, ...]:
    """A wheel's: an SPDX expression where it is one, else a name.

    A License field of several lines is a text, not a name; then the classifiers tell.
    """
    text = found.get("license_expression") or found.get("license", "")
    if text and "\n" not in text and text not in NO_LICENCES:
        return (LicenseFactory().make_from_string(text, license_acknowledgement=DECLARED),)
    classified = (line.split(" :: ") for line in found.get("classifiers", ()))
    return named(words[-1] for words in classified if words[0] == "License")


def named(names: Iterable[str]) -> tuple[License, ...]:
    wanted = sorted({*names} - {*NO_LICENCES})
    return tuple(DisjunctiveLicense(name=name, acknowledgement=DECLARED) for name in wanted)
