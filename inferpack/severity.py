"""How bad a vulnerability is, in one order for every source that rates it."""

from contextlib import suppress
from enum import IntEnum

from inferpack.errors import UsageError


class Severity(IntEnum):
    """`NONE` is a rating too: somebody looked, and it does no harm."""

    UNKNOWN = 0
    NONE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    def __str__(self) -> str:
        return self.name.lower()


# https://www.first.org/cvss/v3.1/specification-document#5: the least score of each band
BANDS = {
    Severity.CRITICAL: 9.0,
    Severity.HIGH: 7.0,
    Severity.MEDIUM: 4.0,
    Severity.LOW: 0.1,
    Severity.NONE: 0.0,
}
# Debian's urgencies that are ratings (https://security-team.debian.org/security_tracker.html), and
# the one word of GitHub's that is no band's
WORDS = {
    **{str(item): item for item in Severity},
    "unimportant": Severity.NONE,
    "moderate": Severity.MEDIUM,
}


def of_word(word: str) -> Severity:
    """A source's own word; unknown where it is no rating, such as `not yet assigned`.

    >>> of_word("MODERATE") is Severity.MEDIUM
    True
    """
    return WORDS.get(word.lower(), Severity.UNKNOWN)


def of_vector(kind: str, vector: str) -> Severity:
    """The band of a CVSS base score, `kind` as OSV calls it; unknown where it is no such vector.

    >>> str(of_vector("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"))
    'critical'
    """
    from cvss import CVSS2, CVSS3, CVSS4  # noqa: PLC0415
    from cvss.exceptions import CVSSError  # noqa: PLC0415

    kinds = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}
    with suppress(CVSSError):
        if kind in kinds:
            return of_score(float(kinds[kind](vector).base_score))
    return Severity.UNKNOWN


def of_score(score: float) -> Severity:
    """The band of a CVSS score from 0 to 10."""
    return next(band for band, least in BANDS.items() if score >= least)


def parse(text: str) -> Severity:
    """A user's word for the least severity that counts."""
    named = {str(item): item for item in Severity}
    if text not in named:
        raise UsageError("--severity", f"unknown '{text}'", f"known: {', '.join(named)}")
    return named[text]
