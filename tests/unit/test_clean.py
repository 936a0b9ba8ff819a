"""`./inv clean` frees what it can name, and nothing that is somebody's."""

from pathlib import Path

import pytest

from inferpack import archive, base, clean, cli, needs, store, wheelhouse
from inferpack.archive import BaseLock
from inferpack.budget import Needs
from inferpack.cached import Disk
from inferpack.model import LockedWheel
from tests.unit.cleaning import DAY, NOW, VARIANT, WHEEL, Place, digest, names, needed_wheel, place

LOCK = cli.ROOT / "recipes/locks/base-bookworm-amd64.json"
DEB = needs.packages(LOCK, BaseLock)[0].file.sha256


@pytest.fixture
def here(tmp_path: Path) -> Place:
    (tmp_path / "checkout").mkdir()
    return place(tmp_path / "checkout", "onnxruntime")


def test_without_a_budget_only_that_goes_which_nothing_refers_to(here: Place) -> None:
    own = needed_wheel(here, age=100 * DAY)
    for name in (
        f".cache/wheels/{digest('a')}/old.whl",
        f".cache/base/{digest('b')}/base.tar",
        f".cache/base/{digest('b')}/root/usr/bin/python3",
        f".cache/sysroot/{digest('c')}/sysroot.tar",
        f".cache/partial/{digest('d')}",
        f".cache/sources/{digest('e')}/setup.py",
        f".cache/sources/{digest('e')}.json",
        f".cache/sources/archives/{digest('f')}/source.tar.gz",
        f".cache/tools/{digest('1')}/qemu",
    ):
        here.file(name)
    here.layer("2")
    before, done = here.size(), here.clean()
    assert here.names() == [f"{own}/{WHEEL.name}"]
    assert before - here.size() == done.freed
    assert names(here.clean()) == []


def test_with_a_budget_what_was_not_used_for_the_longest_goes_until_it_is_kept(
    here: Place,
) -> None:
    here.file(".cache/uv/archive/file", 500_000)
    here.aged(".cache/uv", 3 * DAY)
    here.file(".cache/bench/minbase-bookworm-amd64.tar", 300_000, age=2 * DAY)
    own = needed_wheel(here, 200_000, age=DAY)
    done = here.clean(510_000)
    assert names(done) == [".cache/uv"]
    assert 500_000 <= done.held <= 510_000
    assert names(here.clean(510_000)) == []
    assert names(here.clean(0)) == [".cache/bench/minbase-bookworm-amd64.tar", own]


def test_a_mark_tells_when_it_was_used(here: Place) -> None:
    """Not the file itself, which a context links."""
    here.layer("a", age=DAY)
    here.layer("b", age=2 * DAY)
    for letter, age in (("c", 4 * DAY), ("d", 3 * DAY)):
        here.file(f".cache/base/{digest(letter)}/base.json", age=age)
    assert [Path(name).name[0] for name in names(here.clean())] == ["c", "d", "b", "a"]


def test_whatever_is_used_is_marked(here: Place) -> None:
    sealed, wheel = here.layer("a", age=DAY), LockedWheel(name="a", version="1", file=WHEEL)
    store.seal(sealed)
    package = needs.packages(LOCK, BaseLock)[0]
    deb = here.file(f".cache/debs/{package.file.sha256}.deb")
    note = here.file(f".cache/base/{digest('b')}/base.json")
    folder = here.file(f".cache/wheels/{WHEEL.sha256}/{WHEEL.name}", WHEEL.size).parent
    marks = (sealed.with_suffix(".sha256"), deb, note, folder)
    for path in marks:
        here.aged(str(path), 0)
    assert store.is_sealed(sealed)
    assert not archive.intact(here.root / ".cache", package)
    assert base.known(note.parent) is None
    wheelhouse.ensure((wheel,), here.shop.places, cache=here.root / ".cache")
    assert [path.stat().st_mtime for path in marks if path.stat().st_mtime == NOW] == []
    assert sealed.stat().st_mtime == NOW - 1000 * DAY


def test_what_stays_is_what_nobody_could_make_again(here: Place) -> None:
    mine = [
        ".cache/logs/base-amd64-compileall.log",
        "build/index/index.html",
        "build/logs/verify.log",
        "build/registry/.tmp-of-somebody",
        "build/registry/data/blob",
        "build/report/index.html",
        f"build/{VARIANT}/image.json",
        f"build/{VARIANT}/history.jsonl",
        f"build/{VARIANT}/proof.json",
        "build/onnxruntime/blobs/sha256/aa",
        "build/wheels/fasttext-plain-amd64/fasttext-0.9.3.whl",
        "build/wheels/fasttext-plain-amd64/wheel.json",
        f".cache/debs/{DEB}.deb",
    ]
    for name in mine:
        here.file(name, age=1000 * DAY)
    here.context(VARIANT)
    for room in ("onnxruntime", "registry", "wheels/fasttext-plain-amd64"):
        (here.root / "build" / room / ".lock").touch()
    here.file("build/wheels/fasttext-plain-amd64/raw/fasttext-0.9.3.whl")
    here.file("build/wheels/fasttext-plain-amd64/raw/raw.json")
    here.file(f".cache/debs/{digest('a')}.deb")
    here.file(f".cache/tools/{DEB}/program")
    done = here.clean(0)
    assert here.names() == sorted(mine)
    assert [(item.name, item.kind) for item in done.stuck] == [
        (f".cache/debs/{DEB}.deb", "Debian packages")
    ]
    clean.insist(done)


def test_a_context_and_its_layers_are_one_file_of_two_names(here: Place) -> None:
    shared, own = here.layer("a", 400_000, age=DAY), here.layer("b", 100_000, age=DAY)
    here.context(VARIANT, shared, own, age=3 * DAY)
    here.context("openvino-onednn-py311-amd64", shared, age=2 * DAY)
    before = here.size()
    assert 500_000 < here.clean(dry=True).held + here.clean(dry=True).freed < 600_000
    done = here.clean(0)
    assert before - here.size() == done.freed > 500_000
    assert here.names() == []


def test_a_file_that_another_checkout_links_too_goes_from_here_but_frees_nothing(
    here: Place, tmp_path: Path
) -> None:
    (tmp_path / "other.tar").hardlink_to(here.layer("a", 400_000))
    done = here.clean()
    assert 0 < done.freed < 5_000  # its seal
    assert (tmp_path / "other.tar").stat().st_size == 400_000
    assert here.names() == []


def test_nothing_behind_a_link_is_touched(here: Place, tmp_path: Path) -> None:
    elsewhere = Place(tmp_path / "elsewhere")
    for key, name in enumerate(("base", "layers", "wheels")):
        elsewhere.file(f"{name}/{digest(str(key))}/{name}.tar")
    elsewhere.file(f"layers/{digest('3')}.tar")
    elsewhere.file("variant/.lock")
    elsewhere.file("variant/context/Dockerfile")
    elsewhere.file("variant/context/layers/a.tar")
    elsewhere.file("variant/.tmp-a")
    before = elsewhere.names()
    (here.root / ".cache/wheels").mkdir(parents=True)
    (here.root / ".cache/base").symlink_to(elsewhere.root / "base")
    (here.root / ".cache/layers").symlink_to(elsewhere.root / "layers")
    (here.root / f".cache/wheels/{digest('2')}").symlink_to(
        elsewhere.root / f"wheels/{digest('2')}"
    )
    (here.root / ".cache/.tmp-link").symlink_to(elsewhere.root / "base")
    (here.root / "build").mkdir()
    (here.root / f"build/{VARIANT}").symlink_to(elsewhere.root / "variant")
    links = here.names()
    assert names(here.clean(0)) == []
    assert (elsewhere.names(), here.names()) == (before, links)


def test_where_somebody_has_mounted_something_nothing_goes(here: Place) -> None:
    inside, itself = (f".cache/base/{digest(letter)}" for letter in "ab")
    for name in (f"{inside}/root/data/file", f"{itself}/root/file"):
        here.file(name)
    mounts = (here.root.parent, here.root / inside / "root/data", here.root / itself)
    nothing = Needs(names=frozenset(), kept={})
    disk = Disk(root=here.root, needs=nothing, mounts=mounts)
    assert [*disk.items()] == []
    assert len([*Disk(root=here.root, needs=nothing).items()]) == 2


def test_a_cache_that_is_a_link_is_left_alone(here: Place, tmp_path: Path) -> None:
    elsewhere = Place(tmp_path / "elsewhere")
    elsewhere.file(f"layers/{digest('a')}.tar")
    (here.root / ".cache").symlink_to(elsewhere.root)
    assert names(here.clean(0)) == []


def test_files_of_somebody_in_the_cache_stay_and_are_named(
    here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    somebodys = [
        ".cache/notes.txt",
        f".cache/base/{digest('a')}/notes.txt",
        ".cache/layers/notes.tar",
        f".cache/wheels/{digest('b')}/a.whl",
        f".cache/wheels/{digest('b')}/notes.txt",
        ".cache/wheels/notes/a.whl",
        f"build/mine/context/{digest('c')}.tar",
        "build/mine/Dockerfile",
        f"build/{VARIANT}/context",
        f".cache/wheels/{digest('d')}",
    ]
    for name in somebodys:
        here.file(name, age=1000 * DAY)
    (here.root / "build" / VARIANT / ".lock").touch()
    assert names(here.clean(0)) == []
    assert here.names() == sorted(somebodys)
    told = [line.split()[2] for line in capsys.readouterr().err.splitlines() if "left" in line]
    assert sorted(told) == [
        f".cache/base/{digest('a')}",
        ".cache/layers/notes.tar",
        ".cache/notes.txt",
        f".cache/wheels/{digest('b')}",
        f".cache/wheels/{digest('d')}",
        ".cache/wheels/notes",
    ]


def test_a_dry_run_tells_the_same_and_frees_nothing(here: Place) -> None:
    here.layer("a")
    needed_wheel(here)
    before = here.names()
    told = here.clean(0, dry=True)
    assert here.names() == before
    done = here.clean(0)
    assert (names(told), told.freed) == (names(done), done.freed)
    assert here.names() == []


def test_what_killed_runs_have_left_goes(here: Place) -> None:
    for room in ("build/bench", f"build/{VARIANT}", "build/wheels/a", "build/wheels/a/builder"):
        here.file(f"{room}/.lock", 0)
    for name in (
        *(".cache/.tmp-a", ".cache/resolve-a", ".cache/layers/.tmp-a", ".cache/debs/.tmp-a"),
        *("build/.tmp-a", "build/logs/.tmp-a", "build/bench/run-a", f"build/{VARIANT}/.tmp-a"),
        *("build/wheels/.tmp-a", "build/wheels/a/.tmp-a", "build/wheels/a/builder/.tmp-a"),
        *("build/wheels/a/finished", "build/wheels/a/test"),
    ):
        here.file(f"{name}/file")
    here.file(".cache/partial/.tmp-file")
    before, done = here.size(), here.clean()
    assert here.names() == []
    assert before - here.size() == done.freed
