"""A real image's packages against advisories that name one of them: stopped, allowed, expired."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from inferpack import store
from inferpack.images import Image
from tests.integration.checkout import ROOT, VARIANT, Checkout


@pytest.fixture
def openssl(proven_checkout: Checkout, checkout: Checkout) -> str:
    """The version of OpenSSL in the image that is now on record in the checkout, too."""
    checkout.build.mkdir(parents=True)
    shutil.copy(proven_checkout.build / "image.json", checkout.build)
    (checkout.cache / "debs").symlink_to(ROOT / ".cache/debs")
    image = store.read_record(checkout.build / "image.json", Image)
    assert image
    (version,) = (package.version for package in image.debian if package.name == "libssl3")
    return version


def tracked(path: Path, version: str) -> Path:
    """Debian's tracker, of one vulnerability that this version of OpenSSL fixes."""
    bookworm = {"status": "resolved", "fixed_version": version, "urgency": "high"}
    path.write_text(json.dumps({"openssl": {"CVE-2099-1": {"releases": {"bookworm": bookworm}}}}))
    return path


def allow(checkout: Checkout, days: int) -> date:
    """Until so many days from now; returns the last one."""
    until = (datetime.now(UTC) + timedelta(days)).date()
    entry = 'id = "CVE-2099-1"\npackage = "openssl"\nreason = "no TLS"'
    (checkout.root / "recipes/allowed.toml").write_text(f"[[allow]]\n{entry}\nuntil = {until}\n")
    return until


def test_a_vulnerable_package_stops_a_real_image_until_it_is_allowed(
    checkout: Checkout, openssl: str, tmp_path: Path
) -> None:
    path = str(tracked(tmp_path / "tracker", f"{openssl}.1"))
    words = ("scan", "onnxruntime", "--advisories", path)
    refused = (
        f"error: {VARIANT}: vulnerable, and not allowed at --severity high: "
        "CVE-2099-1 of openssl (high{}); "
        "take fixed versions: ./inv lock --upgrade; "
        "or allow it in recipes/allowed.toml, with a reason and a last day"
    )
    done = checkout.inv(*words)
    assert done.error == (1, refused.format(""))
    (row,) = done.stdout.splitlines()[1:]
    assert row.split() == ["openssl", openssl, "CVE-2099-1", "high", f"{openssl}.1"]

    allow(checkout, days=1)
    done = checkout.inv(*words)
    assert (done.code, done.stdout.splitlines()[-1]) == (0, "1 known, none of them stops it")

    ended = allow(checkout, days=-2)
    done = checkout.inv(*words)
    assert done.error == (1, refused.format(f", allowed until {ended}"))


def test_an_image_that_has_the_fix_passes(checkout: Checkout, openssl: str, tmp_path: Path) -> None:
    path = str(tracked(tmp_path / "tracker", openssl))
    done = checkout.inv("scan", "onnxruntime", "--advisories", path)
    assert (done.code, done.stdout) == (0, "0 known, none of them stops it\n")


def test_a_broken_file_fails_before_any_image(bare_checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>502 Bad Gateway</html>")
    done = bare_checkout.inv("scan", "onnxruntime", "--advisories", str(tmp_path / "page"))
    code, said = done.error
    assert (code, said.partition("; ")[0]) == (
        2,
        f"error: {tmp_path}/page: is a web page, not JSON",
    )
