"""How much larger the packages of an image, and the image, may become."""

import pytest

from inferpack import contents
from inferpack.contents import Contents, Held
from inferpack.expectation import Tolerance


def held(numpy: int, unpacked: int, **more: Held) -> Contents:
    packages = {"numpy": Held(version="2.4.6", size=numpy), **more}
    return Contents(packages=packages, unpacked=unpacked)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (held(30_000_000, 100_000_000), []),
        (
            held(32_000_000, 102_000_000),
            [
                (False, "numpy: 2.4.6 30.0 MB → 2.4.6 32.0 MB"),
                (False, "unpacked: 100.0 MB → 102.0 MB (+2.0%)"),
            ],
        ),
        (
            held(40_000_000, 110_000_000),
            [
                (True, "numpy: 2.4.6 30.0 MB → 2.4.6 40.0 MB"),
                (True, "unpacked: 100.0 MB → 110.0 MB (+10.0%)"),
            ],
        ),
        (
            held(30_000_000, 108_000_000, scipy=Held(version="1.9", size=8_000_000)),
            [
                (True, "scipy: absent → 1.9 8.0 MB"),
                (True, "unpacked: 100.0 MB → 108.0 MB (+8.0%)"),
            ],
        ),
        (
            Contents(packages={}, unpacked=70_000_000),
            [
                (False, "numpy: 2.4.6 30.0 MB → absent"),
                (False, "unpacked: 100.0 MB → 70.0 MB (-30.0%)"),
            ],
        ),
    ],
    ids=["same", "tolerated", "too large", "a new one", "one less"],
)
def test_sizes_are_judged_package_by_package_and_in_sum(
    new: Contents, expected: list[tuple[bool, str]]
) -> None:
    old = held(30_000_000, 100_000_000)
    found = contents.changes(old, new, Tolerance())
    assert [(change.worse, str(change)) for change in found] == expected
