"""Sources: unpacked nowhere else, patched exactly, and the same for everyone."""

import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import sources
from inferpack.errors import InferpackError
from inferpack.store import EPOCH
from tests.unit.toy_sources import DATA, NAME, PATCH, Shop, content, file, recipe, tarball


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_source_is_unpacked_without_its_top_folder_and_patched(shop: Shop) -> None:
    shop.patch("b.patch", PATCH)
    wanted = recipe(file(), patches=("b.patch",))
    folder = shop.ensure(wanted)
    assert content(folder) == {"run.sh": b"#!/bin/sh\n", "src/a.txt": b"one\nb\nthree\n"}
    assert shop.again(wanted) == folder


def test_files_keep_no_time_and_no_strangers_mode(shop: Shop) -> None:
    shop.patch("b.patch", PATCH)
    folder = shop.ensure(recipe(file(), patches=("b.patch",)))
    assert {path.stat().st_mtime for path in (folder, *folder.rglob("*"))} == {EPOCH}
    assert (folder / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (folder / "src/a.txt").stat().st_mode & 0o777 == 0o644


def test_a_changed_patch_makes_another_folder(shop: Shop) -> None:
    shop.patch("b.patch", PATCH)
    wanted = recipe(file(), patches=("b.patch",))
    before = shop.ensure(wanted)
    shop.patch("b.patch", PATCH.replace("+b", "+c"))
    after = shop.ensure(wanted)
    assert before != after
    assert content(after)["src/a.txt"] == b"one\nc\nthree\n"


def test_several_sources_have_folders_of_their_own_and_ours_lies_over_them(shop: Shop) -> None:
    made = recipe(file())
    wanted = replace(made, sources=tuple(replace(made.sources[0], into=name) for name in "ab"))
    (own := shop.wheels / "projects/toy/b/src").mkdir(parents=True)
    (own / "a.txt").write_text("ours")
    folder = shop.ensure(wanted)
    whole = {"run.sh": b"#!/bin/sh\n", "src/a.txt": b"one\na\nthree\n"}
    assert content(folder) == {
        **{f"{top}/{name}": data for top in "ab" for name, data in whole.items()},
        "b/src/a.txt": b"ours",
    }
    (own / "a.txt").write_text("changed")
    assert content(shop.again(wanted))["b/src/a.txt"] == b"changed"


def test_a_folder_that_was_changed_is_made_anew(shop: Shop) -> None:
    wanted = recipe(file())
    folder = shop.ensure(wanted)
    good = content(folder)
    (folder / "src/a.txt").write_text("tampered")
    assert content(shop.again(wanted)) == good
    (folder / "run.sh").chmod(0o644)
    assert (shop.again(wanted) / "run.sh").stat().st_mode & 0o100


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("one", "uno", "src/a.txt: hunk #1 FAILED at 1"),  # no fuzz
        ("-a", "-x", "src/a.txt: hunk #1 FAILED at 1"),
        ("src/a.txt", "src/c.txt", "there is no src/c.txt"),
    ],
)
def test_a_patch_that_does_not_apply_is_named(shop: Shop, old: str, new: str, reason: str) -> None:
    shop.patch("b.patch", PATCH.replace(old, new))
    with pytest.raises(InferpackError) as err:
        shop.ensure(recipe(file(), patches=("b.patch",)))
    log = shop.cache / "logs/toy-patch.log"
    assert str(err.value) == (
        f"patches/toy/b.patch: does not apply: {reason}; "
        f"make it anew for this version; full log: {log}"
    )
    assert [path.name for path in (shop.cache / "sources").iterdir()] == [".lock"]


def test_a_patch_that_was_applied_already_is_refused(shop: Shop) -> None:
    shop.patch("b.patch", PATCH)
    shop.patch("c.patch", PATCH)
    with pytest.raises(InferpackError, match=r"patches/toy/c.patch: does not apply: src/a.txt: "):
        shop.ensure(recipe(file(), patches=("b.patch", "c.patch")))


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        tarfile.TarInfo("toy-1.5/../../evil"),
        link("toy-1.5/evil", "../../outside"),
        link("toy-1.5/evil", "/etc/passwd"),
        link("toy-1.5/evil", "/etc/passwd", tarfile.LNKTYPE),
        link("toy-1.5/evil", "", tarfile.CHRTYPE),
    ],
)
def test_an_archive_that_would_leave_its_folder_is_refused(
    shop: Shop, entry: tarfile.TarInfo
) -> None:
    data = tarball({"toy-1.5/a": b"a"}, entry)
    shop.files = {NAME: data}
    with pytest.raises(InferpackError, match=f"^{NAME}: cannot be unpacked: "):
        shop.ensure(recipe(file(data=data)))
    assert [path.name for path in (shop.cache / "sources").iterdir()] == [".lock"]


def test_a_link_through_a_link_that_would_leave_is_refused(shop: Shop) -> None:
    """By its letters, d/e/out is inside: d/x is d's neighbour, and so its parent is the folder."""
    data = tarball(
        {"toy-1.5/top/a": b"a"},
        link("toy-1.5/d/x", "../top"),
        link("toy-1.5/d/e/out", "../x/../.."),
    )
    shop.files = {NAME: data}
    with pytest.raises(InferpackError, match=r"toy-1\.5/d/e/out would be outside of its folder"):
        shop.ensure(recipe(file(data=data)))


def test_nothing_is_written_through_a_link(shop: Shop) -> None:
    """However long its path is: realpath takes a link of more than 4096 letters for a plain name,
    and the `..` behind it for a way back (CVE-2025-4517).
    """
    deep, short = "toy-1.5", "toy-1.5"
    entries = list[tarfile.TarInfo]()
    for letter in "abcdefghijklmnop":
        name = 247 * letter
        folder = tarfile.TarInfo(f"{deep}/{name}")
        folder.type = tarfile.DIRTYPE
        entries += [folder, link(f"{deep}/{letter}", name)]
        deep, short = f"{deep}/{name}", f"{short}/{letter}"
    out = f"{short}/{254 * 'l'}"
    entries += [link(out, 16 * "../"), link("toy-1.5/escape", f"{out[8:]}/../../../evil")]
    data = tarball({"toy-1.5/a": b"a"}, *entries, tarfile.TarInfo("toy-1.5/escape/file"))
    shop.files = {NAME: data}
    with pytest.raises(InferpackError, match=r"toy-1\.5/a/\S+ would be written through a link"):
        shop.ensure(recipe(file(data=data)))
    data = tarball({"toy-1.5/a": b"a"}, link("toy-1.5/b", "a"), tarfile.TarInfo("toy-1.5/b"))
    shop.files = {NAME: data}
    with pytest.raises(InferpackError, match=r"toy-1\.5/b would be written through a link"):
        shop.ensure(recipe(file(data=data)))


def test_files_of_ours_that_change_meanwhile_are_of_no_folder(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another run would find them there by the key of what they were."""
    keys = iter("ab")
    monkeypatch.setattr(sources, "key", lambda *_: next(keys))
    with pytest.raises(InferpackError, match="changed while it was unpacked; run it again"):
        shop.ensure(recipe(file()))
    assert [path.name for path in (shop.cache / "sources").iterdir()] == [".lock"]


def test_links_inside_stay(shop: Shop) -> None:
    data = tarball(
        {"toy-1.5/a": b"a"},
        link("toy-1.5/b", "a"),
        link("toy-1.5/c", "toy-1.5/a", tarfile.LNKTYPE),
    )
    shop.files = {NAME: data}
    folder = shop.ensure(recipe(file(data=data)))
    assert content(folder) == dict.fromkeys("abc", b"a")
    assert (folder / "b").readlink() == Path("a")
    assert (folder / "c").stat().st_nlink == 2


@pytest.mark.parametrize("data", [b"not a tar", DATA[: len(DATA) // 2]])
def test_what_is_no_archive_is_refused(shop: Shop, data: bytes) -> None:
    shop.files = {NAME: data}
    with pytest.raises(InferpackError, match=f"^{NAME}: cannot be unpacked: "):
        shop.ensure(recipe(file(data=data)))
