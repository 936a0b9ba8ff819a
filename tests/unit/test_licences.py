"""A licence is told in the words of who declared it, or not at all."""

import json

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packaging.metadata import parse_email

from inferpack import licences

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
STANZAS = """\
Upstream-Name: tiny

Files: *
Copyright: 2020 A. Author
License: GPL-2+ or Artistic

Files: debian/*
License: Expat
 Permission is hereby granted, free of charge.
 License: not a field

Files: tables.c
License: none

License: Expat
 Once more, with its text.

License:
 A text without a name.
"""


def told(found: tuple[License, ...]) -> list[dict[str, str]]:
    """As a document has them, less that they are declared."""
    bom = Bom(components=[Component(name="", licenses=found)])
    (part,) = json.loads(JsonV1Dot6(bom).output_as_string())["components"]
    each = [item.get("license", item) for item in part.get("licenses", [])]
    assert all(item.pop("acknowledgement") == "declared" for item in each)
    return each


def of_wheel(*lines: str) -> list[dict[str, str]]:
    text = "\n".join(("Metadata-Version: 2.4", "Name: toy", "Version: 1", *lines)) + "\n\nLong.\n"
    return told(licences.of_metadata(parse_email(text)[0]))


def test_a_machine_readable_copyright_file_names_each_licence_once() -> None:
    names = [{"name": "Expat"}, {"name": "GPL-2+ or Artistic"}]
    assert told(licences.of_copyright(FORMAT + STANZAS)) == names


@pytest.mark.parametrize(
    "head",
    ["", "This package was debianized by hand.\n", "Format: http://dep.debian.net/deps/dep5\n"],
)
def test_another_copyright_file_names_none(head: str) -> None:
    assert licences.of_copyright(head + STANZAS) == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("License-Expression: MIT",), [{"id": "MIT"}]),
        (("License-Expression: MIT AND Zlib",), [{"expression": "MIT AND Zlib"}]),
        (("License: BSD-3-Clause", "Classifier: License :: X :: Y"), [{"id": "BSD-3-Clause"}]),
        (("License: Apache 2.0",), [{"name": "Apache 2.0"}]),
        (
            ("License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"),
            [{"name": "MIT License"}],
        ),
        (
            ("License: A text", "        of two lines", "Classifier: License :: Public Domain"),
            [{"name": "Public Domain"}],
        ),
        (
            (
                "Classifier: License :: OSI Approved",
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: BSD License",
                "Classifier: Topic :: Licensing",
            ),
            [{"name": "BSD License"}, {"name": "MIT License"}],
        ),
        ((), []),
    ],
)
def test_a_wheel_tells_its_licence(lines: tuple[str, ...], expected: list[dict[str, str]]) -> None:
    assert of_wheel(*lines) == expected
