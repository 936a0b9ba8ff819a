"""An SBOM is read for what advisories speak of: source packages and projects."""

from datetime import date

import pytest

from inferpack import advisories, findings
from inferpack.advisories import Component
from inferpack.errors import InferpackError
from inferpack.severity import Severity
from tests.unit.advisory_data import BOOKWORM, OPENSSL, PYPI, TORCH, TZDATA, ZLIB, sbom


def test_packages_of_one_source_are_one_and_a_rebuilt_one_has_its_sources_version() -> None:
    other = OPENSSL.replace("libssl3", "openssl")
    text = sbom(TORCH, OPENSSL, other, ZLIB, TZDATA, "pkg:pypi/llama_cpp_python@0.3.36")
    assert findings.components(text, "x") == (
        Component(family=BOOKWORM, name="openssl", version="3.0.11-1~deb12u2"),
        Component(family=BOOKWORM, name="tzdata", version="2024a-0+deb12u1"),
        Component(family=BOOKWORM, name="zlib", version="1:1.2.13.dfsg-1"),
        Component(family=PYPI, name="llama-cpp-python", version="0.3.36"),
        Component(family=PYPI, name="torch", version="2.5.1+cpu"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Input data was truncated"),
        ("{}", "Object missing required field `bomFormat`"),
        (b"\xff", "JSON is malformed: invalid character (byte 0)"),
        (sbom(), "it lists no package"),
        (
            sbom("libssl3"),
            "purl is missing the required \"pkg\" scheme component: 'libssl3'.",
        ),
        (sbom("pkg:npm/x@1"), "no advisories are known for pkg:npm/x@1"),
        (
            sbom("pkg:deb/debian/x@1?distro=trixie"),
            "no advisories are known for pkg:deb/debian/x@1?distro=trixie",
        ),
        (sbom("pkg:pypi/x@one"), "Invalid version: 'one'"),
        (sbom("pkg:deb/debian/x?distro=debian-12"), 'Invalid version string: ""'),
    ],
)
def test_what_is_no_sbom_of_ours_is_refused(text: str | bytes, reason: str) -> None:
    known = advisories.gather(())
    with pytest.raises(InferpackError) as caught:
        findings.judge(text, known, (), today=date(2026, 11, 20), gate=Severity.HIGH, where="x")
    assert str(caught.value) == f"x: is no SBOM of ours: {reason}; ./inv sbom writes one"
