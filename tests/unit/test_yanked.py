"""wheels/yanked.toml: which releases nobody should install any more, and why."""

import re
from pathlib import Path

import pytest
from packaging.version import Version

from inferpack import store, wheel_offers
from inferpack.errors import UsageError
from inferpack.wheel_offers import Offer
from tests.unit import test_wheel_index

offers = test_wheel_index.offers


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('"small_thing==1.9" = " "', "'small_thing==1.9' has no reason; give one"),
        ('"smal-thing==1.9" = "bad"', "no project 'smal-thing'; did you mean 'small-thing'?"),
        ('"small-thing" = "bad"', "'small-thing' is no release; write it as name==version"),
        ('"small-thing>=1" = "bad"', "'small-thing>=1' is no release; write it as name==version"),
        ('"small-thing==1.*" = "bad"', "'small-thing==1.*' is no release; write it as"),
        ('"small-thing==1.9" = true', "wheels/yanked.toml: "),
    ],
)
def test_a_wrong_line_of_yanked_toml_is_named(
    offers: tuple[Offer, ...], tmp_path: Path, line: str, wrong: str
) -> None:
    path = store.write(tmp_path / "wheels/yanked.toml", line)
    with pytest.raises(UsageError, match=re.escape(wrong)):
        wheel_offers.yanked(path, offers)


@pytest.mark.parametrize("line", ["Small.Thing==1.9", "small-thing==1.9+inferpack.1"])
def test_a_version_means_our_builds_of_it_too(
    offers: tuple[Offer, ...], tmp_path: Path, line: str
) -> None:
    """As in a requirement; but not those of another version."""
    path = store.write(tmp_path / "wheels/yanked.toml", f'"{line}" = "bad"')
    found = wheel_offers.yanked(path, offers)
    assert found["small-thing", Version("1.9+inferpack.1")] == "bad"
    assert ("small-thing", Version("1.10+inferpack.1")) not in found


def test_a_release_that_is_offered_no_more_may_stay_yanked(
    offers: tuple[Offer, ...], tmp_path: Path
) -> None:
    path = store.write(tmp_path / "wheels/yanked.toml", '"Small.Thing == 1.0" = "slow"')
    assert wheel_offers.yanked(path, offers) == {("small-thing", Version("1.0")): "slow"}
    assert wheel_offers.yanked(tmp_path / "none.toml", offers) == {}
