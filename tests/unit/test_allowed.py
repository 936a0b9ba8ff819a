"""recipes/allowed.toml is read strictly: who allows a vulnerability says why, and for how long."""

from datetime import date
from pathlib import Path

import pytest

from inferpack import cli, recipes
from inferpack.allowed import Allow
from inferpack.errors import UsageError

ENTRY = """
[[allow]]
id = "CVE-2024-1"
package = "openssl"
reason = "no TLS server in the image"
until = 2027-01-31
"""


def test_the_repositorys_own_is_read() -> None:
    assert isinstance(recipes.load_allowed(cli.ROOT / "recipes"), tuple)
    assert recipes.ALLOWED not in {
        f"{recipe.name}.toml" for recipe in recipes.load(cli.ROOT / "recipes")
    }


def test_an_entry_has_four_keys(tmp_path: Path) -> None:
    (tmp_path / "allowed.toml").write_text(ENTRY)
    assert recipes.load_allowed(tmp_path) == (
        Allow(
            id="CVE-2024-1",
            package="openssl",
            reason="no TLS server in the image",
            until=date(2027, 1, 31),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("reason =", "resaon =", "allow[0]: unknown key 'resaon'; did you mean 'reason'?"),
        ("[[allow]]", "[[alow]]", "unknown key 'alow'; did you mean 'allow'?"),
        ('id = "CVE-2024-1"\n', "", "allow[0]: missing key 'id'; add it"),
        (
            '"no TLS server in the image"',
            '""',
            "allow[0].reason is empty; write it",
        ),
        ("2027-01-31", "true", "allow[0].until: expected 'date', got 'bool'"),
        ("2027-01-31", "2027-01-31T00:00:00Z", "allow[0].until: expected 'date', got 'datetime'"),
        ("2027-01-31", '"soon"', "allow[0].until: invalid RFC3339 encoded date"),
        (
            "2027-01-31",
            "2027-02-31",
            "is not valid TOML: Invalid date or datetime (at line 6, column 9)",
        ),
    ],
)
def test_a_bad_entry_names_its_key(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "allowed.toml").write_text(ENTRY.replace(old, new))
    with pytest.raises(UsageError) as caught:
        recipes.load_allowed(folder)
    assert str(caught.value) == f"recipes/allowed.toml: {wrong}"
