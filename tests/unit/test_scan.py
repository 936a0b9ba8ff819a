"""`./inv scan`, from image records to what a user reads."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferpack import cli, ingredients, scan, store
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.unit import advisory_data
from tests.unit.advisory_data import OPENSSL, TORCH, release, tracker

TRACKED = tracker("openssl", CVE_2023_5363=release("resolved", "high", fixed_version="3.0.12-1"))
ENTRY = '[[allow]]\nid = "CVE-2023-5363"\npackage = "openssl"\nreason = "no TLS"\nuntil = {until}\n'
NOW = int(datetime(2026, 11, 20, 23, 59, tzinfo=UTC).timestamp())
ROW = "openssl  3.0.11-1~deb12u2  CVE-2023-5363  high      3.0.12-1"
HEADER = "package  version           vulnerability  severity  fixed in"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Whose images are of one Debian package."""
    shutil.copytree(cli.ROOT / "recipes", tmp_path / "recipes")
    (tmp_path / "tracker").write_text(json.dumps(TRACKED))

    def write_sbom(shop: Workshop, variant: Variant) -> str:
        return str(store.write(shop.folder(variant) / "sbom", advisory_data.sbom(OPENSSL)))

    monkeypatch.setattr(ingredients, "write_sbom", write_sbom)
    return dataclasses.replace(cli.shop(), root=tmp_path, now=lambda: NOW)


@pytest.fixture(autouse=True)
def allowed(shop: Workshop) -> Iterator[Path]:
    path = shop.recipes / "allowed.toml"
    path.write_text("")
    yield path


def scanned(shop: Workshop, variant: Variant, *, gate: str = "high") -> str:
    with scan.scanner(shop, [shop.root / "tracker"], gate) as judge:
        return scan.scan(shop, variant, judge)


def refusal(shop: Workshop, variant: Variant) -> str:
    with pytest.raises(InferpackError) as caught:
        scanned(shop, variant)
    return str(caught.value)


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    """What went to stdout, and the warnings."""
    out, err = capsys.readouterr()
    return (
        [line.rstrip() for line in out.splitlines()],
        [line for line in err.splitlines() if line.startswith("warning: ")],
    )


def test_an_image_is_stopped_then_allowed_until_the_day_is_over(
    shop: Workshop, onnxruntime: Variant, allowed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = (
        "onnxruntime-mlas-py311-amd64: vulnerable, and not allowed at --severity high: "
        "CVE-2023-5363 of openssl (high{ended}); take fixed versions: "
        "./inv lock --upgrade; "
        "or allow it in recipes/allowed.toml, with a reason and a last day"
    )
    assert refusal(shop, onnxruntime) == stopped.format(ended="")
    assert lines(capsys) == ([f"{HEADER}  allowed", ROW], [])

    allowed.write_text(ENTRY.format(until="2026-11-20"))
    assert scanned(shop, onnxruntime) == "1 known, none of them stops it"
    note = "until 2026-11-20: no TLS"
    assert lines(capsys) == ([f"{HEADER}  allowed", f"{ROW}  {note}"], [])

    allowed.write_text(ENTRY.format(until="2026-11-19"))
    assert refusal(shop, onnxruntime) == stopped.format(ended=", allowed until 2026-11-19")
    note = "no more since 2026-11-19: no TLS"
    assert lines(capsys) == ([f"{HEADER}  allowed", f"{ROW}  {note}"], [])


def test_a_higher_gate_lets_it_pass(shop: Workshop, onnxruntime: Variant) -> None:
    assert scanned(shop, onnxruntime, gate="critical") == "1 known, none of them stops it"


def test_an_entry_that_no_image_has_is_told_at_the_end(
    shop: Workshop, onnxruntime: Variant, allowed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leftover = ENTRY.format(until="2027-01-31").replace("2023-5363", "2023-5364")
    allowed.write_text(ENTRY.format(until="2027-01-31") + leftover)
    scanned(shop, onnxruntime)
    said = "warning: recipes/allowed.toml: nothing that was scanned has CVE-2023-5364 of openssl; "
    assert lines(capsys)[1] == [said + "remove it, if no other image has it"]


def test_packages_that_nobody_looked_at_are_told(
    shop: Workshop,
    onnxruntime: Variant,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = store.write(shop.root / "sbom", advisory_data.sbom(TORCH))
    monkeypatch.setattr(ingredients, "write_sbom", lambda *_: str(path))
    assert scanned(shop, onnxruntime) == "0 known, none of them stops it"
    start = "warning: onnxruntime-mlas-py311-amd64: "
    assert lines(capsys) == (
        [],
        [
            f"{start}no advisory speaks of PyPI: nobody looked at its packages",
            f"{start}its base is not ours: nobody looked at that one's packages",
        ],
    )


@pytest.mark.parametrize(
    ("files", "gate", "wrong"),
    [
        ([], "high", "--advisories: is missing; "),
        (["nowhere"], "high", "nowhere: cannot be read: No such file or directory; "),
        (["tracker"], "worst", "--severity: unknown 'worst'; "),
    ],
)
def test_a_wrong_request_fails_before_any_image(
    shop: Workshop, files: list[str], gate: str, wrong: str
) -> None:
    paths = [shop.root / name for name in files]
    with pytest.raises(UsageError) as caught, scan.scanner(shop, paths, gate):
        pytest.fail("scanned")
    assert str(caught.value).removeprefix(f"{shop.root}/").startswith(wrong)
