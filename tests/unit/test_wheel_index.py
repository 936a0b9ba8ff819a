"""The index: both forms of its pages say the same, all of it is true, and what lies is refused."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from packaging.version import Version
from pypi_simple import DistributionPackage, ProjectPage

from inferpack import cli, wheel_index, wheel_offers
from inferpack.errors import InferpackError, UsageError
from inferpack.wheel_offers import Offer, Yanked
from tests.unit.tiny_wheels import offered, tiny

TEMPLATES = cli.ROOT / "templates"
OLD = "small_thing-1.9+inferpack.1-1-py3-none-any.whl"
AMD64 = "small_thing-1.10+inferpack.1-1-py3-none-manylinux_2_28_x86_64.whl"
ARM64 = "small_thing-1.10+inferpack.1-1-py3-none-manylinux_2_28_aarch64.whl"
NEEDED = "needed-2.0-py3-none-any.whl"
YANKED: Yanked = {("small-thing", Version("1.9+inferpack.1")): 'says "<b>" & more'}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(folder: Path, *offers: Offer) -> Path:
    distinct = wheel_offers.distinct(offers)
    return wheel_index.write(folder, distinct, YANKED, templates=TEMPLATES)


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def offers(tmp_path: Path) -> tuple[Offer, ...]:
    """Two indexes, of which one has nothing of its own."""
    made = tmp_path / "made"
    data = tiny(AMD64, requires=("needed>=1",), python=">=3.8,<4", called="Small.Thing")
    return (
        offered("openblas", AMD64, made, data),
        offered("openblas", ARM64, made),
        offered("openblas", OLD, made),
        offered("openblas", NEEDED, made),
        offered("ggml", NEEDED, made),
    )


@pytest.fixture
def index(offers: tuple[Offer, ...], tmp_path: Path) -> Path:
    return write(tmp_path / "index", *offers)


def parsed(page: Path) -> tuple[ProjectPage, ProjectPage]:
    """Both forms of a page, as a client sees them that asked for its folder."""
    url = f"http://host/{page.parent.name}/{page.name}/"
    html = ProjectPage.from_html(page.name, (page / "index.html").read_text(), base_url=url)
    data = json.loads((page / "index.json").read_text())
    return html, ProjectPage.from_json_data(data, base_url=url)


def shown(package: DistributionPackage) -> tuple[object, ...]:
    return (
        *(package.filename, package.url, package.digests["sha256"], package.requires_python),
        *(package.is_yanked, package.yanked_reason, package.has_metadata, package.metadata_digests),
    )


def test_the_folder_has_every_wheel_once_and_both_forms_of_every_page(index: Path) -> None:
    pages = ["ggml", "ggml/needed", "openblas", "openblas/needed", "openblas/small-thing"]
    wheels = [NEEDED, AMD64, ARM64, OLD]
    files = [f"files/{name}{suffix}" for name in wheels for suffix in ("", ".metadata")]
    indexes = [f"{page}/index.{form}" for page in pages for form in ("html", "json")]
    assert sorted(contents(index)) == sorted([*files, *indexes, "index.html"])


def test_both_forms_say_the_same(index: Path) -> None:
    for page in (*index.glob("*/needed"), *index.glob("*/small-thing")):
        html, form = parsed(page)
        assert list(map(shown, html.packages)) == list(map(shown, form.packages))
        assert html.repository_version == form.repository_version == "1.1"


def test_what_a_page_says_is_true(index: Path) -> None:
    """In the order of versions, not of letters; a + is escaped in URLs."""
    _, page = parsed(index / "openblas/small-thing")
    assert [package.filename for package in page.packages] == [OLD, ARM64, AMD64]
    assert page.versions == ["1.9+inferpack.1", "1.10+inferpack.1"]
    newest = page.packages[-1]
    assert newest.url == f"http://host/files/{AMD64.replace('+', '%2B')}"
    assert newest.digests == {"sha256": sha256(index / "files" / AMD64)}
    assert newest.metadata_digests == {"sha256": sha256(index / "files" / f"{AMD64}.metadata")}
    assert newest.size == (index / "files" / AMD64).stat().st_size
    assert newest.requires_python == ">=3.8,<4"
    text = (index / "files" / f"{AMD64}.metadata").read_text()
    assert text.splitlines()[-1] == "Requires-Dist: needed>=1"


def test_a_yank_is_shown_with_its_reason(index: Path) -> None:
    _, page = parsed(index / "openblas/small-thing")
    assert [(item.is_yanked, item.yanked_reason) for item in page.packages] == [
        (True, 'says "<b>" & more'),
        (False, None),
        (False, None),
    ]
    assert "<b>" not in (index / "openblas/small-thing/index.html").read_text()


def test_the_metadata_s_first_name_is_not_used(index: Path) -> None:
    """PEP 714: clients before the name changed stumble over what they find by it.

    Debian 12's pip (23.0.1) takes a METADATA that says small_thing for another project's than
    small-thing; without the name it downloads the wheel, and all is well.
    """
    page = index / "openblas/small-thing"
    for name in ("index.html", "index.json"):
        text = (page / name).read_text()
        assert text.count("core-metadata") == 3
        assert "dist-info-metadata" not in text


def test_an_index_lists_its_projects_and_the_first_page_the_indexes(index: Path) -> None:
    listed = json.loads((index / "openblas/index.json").read_text())
    assert listed == {
        "meta": {"api-version": "1.1"},
        "projects": [{"name": "needed"}, {"name": "small-thing"}],
    }
    links = re.findall(r'href="(.+?)"', (index / "openblas/index.html").read_text())
    assert links == ["needed/", "small-thing/"]
    assert re.findall(r'href="(.+?)"', (index / "index.html").read_text()) == ["ggml/", "openblas/"]


def test_the_same_offers_in_any_order_give_the_same_bytes(
    offers: tuple[Offer, ...], index: Path, tmp_path: Path
) -> None:
    again = write(tmp_path / "again", *reversed(offers))
    assert contents(again) == contents(index)


def test_another_index_s_wheels_are_kept(index: Path, tmp_path: Path) -> None:
    newer = "small_thing-2.0+inferpack.1-1-py3-none-any.whl"
    kept = wheel_offers.kept(index)
    made = write(tmp_path / "newer", *kept, offered("openblas", newer, tmp_path / "made"))
    _, page = parsed(made / "openblas/small-thing")
    assert [package.filename for package in page.packages] == [OLD, ARM64, AMD64, newer]
    assert write(tmp_path / "same", *kept)
    assert contents(tmp_path / "same") == contents(index)


def test_a_folder_without_an_index_is_none_to_keep(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no index; name a folder"):
        wheel_offers.kept(tmp_path)


@pytest.mark.parametrize(("old", "new"), [('"files"', '"file"'), (NEEDED, f"../{NEEDED}")])
def test_a_broken_page_is_named(index: Path, old: str, new: str) -> None:
    page = index / "ggml/needed/index.json"
    page.write_text(page.read_text().replace(old, new))
    with pytest.raises(UsageError, match=r"ggml/needed/index.json: is no page of an index: "):
        wheel_offers.kept(index)


def test_two_files_of_one_name_are_refused(offers: tuple[Offer, ...], tmp_path: Path) -> None:
    other = offered("ggml", NEEDED, tmp_path / "other", tiny(NEEDED, python=">=3"))
    with pytest.raises(InferpackError) as err:
        write(tmp_path / "index", *offers, other)
    first, second = offers[-1].wheel.file.sha256, other.wheel.file.sha256
    assert str(err.value) == (
        f"{NEEDED}: two files have this name: sha256 {first} from made, {second} from other;"
        " what has changed needs another name: raise its build number"
    )
    assert not (tmp_path / "index").exists()


def test_a_wheel_that_has_changed_is_refused_and_the_older_index_stays(
    offers: tuple[Offer, ...], tmp_path: Path
) -> None:
    before = contents(write(tmp_path / "index", *offers[1:]))
    offers[0].file.unlink()  # the index has a link to it
    offers[0].file.write_bytes(b"other")
    with pytest.raises(InferpackError, match=r"expected sha256 .*, got .* has changed since made"):
        write(tmp_path / "index", *offers)
    assert contents(tmp_path / "index") == before
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_wheel_that_is_gone_is_named(offers: tuple[Offer, ...], tmp_path: Path) -> None:
    offers[0].file.unlink()
    with pytest.raises(InferpackError, match=rf"{re.escape(AMD64)}: is missing, which made names"):
        write(tmp_path / "index", *offers)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"no zip", f"{OLD}: is not a wheel: it has no METADATA of its own"),
        (tiny(OLD, called="big-thing"), f"{OLD}: METADATA says big-thing 1.9+inferpack.1, not "),
        (tiny(AMD64), f"{OLD}: METADATA says small_thing 1.10+inferpack.1, not small-thing 1.9"),
    ],
)
def test_a_file_that_is_another_than_its_name_says_is_refused(
    tmp_path: Path, data: bytes, wrong: str
) -> None:
    with pytest.raises(InferpackError, match=re.escape(wrong)):
        write(tmp_path / "index", offered("ggml", OLD, tmp_path / "made", data))


def test_what_a_wheel_needs_and_its_index_has_not_is_told(tmp_path: Path) -> None:
    needs = ("needed>=1", "Other_One; extra == 'x'", "never; python_version < '3'")
    own = [
        offered(path, AMD64, tmp_path / path, tiny(AMD64, requires=needs))
        for path in ("ggml", "openblas")
    ]
    offers = (*own, offered("ggml", NEEDED, tmp_path))
    assert wheel_index.lacking(own, offers) == (
        "openblas/ has no needed, which small-thing needs: --third-party adds it",
    )
