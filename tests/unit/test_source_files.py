"""Where sources come from: only what the recipe says by sha256."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import archive, source_files, sources
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.wheel import Kind, WheelRecipe
from tests.unit.index_server import Index, serving, sha
from tests.unit.toy_sources import DATA, NAME, PATCH, Shop, content, file, recipe, tarball


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_another_sha256_is_refused_and_nothing_stays(shop: Shop) -> None:
    true = file()
    shop.files = {NAME: tarball({"toy-1.5/evil": b""})}
    with pytest.raises(InferpackError) as err:
        shop.ensure(recipe(replace(true, size=len(shop.files[NAME]))))
    got = sha(shop.files[NAME])
    assert str(err.value).startswith(f"{NAME}: expected sha256 {true.sha256}, got {got} from file:")
    assert err.value.hint == "ask why before you change the recipe"
    assert [path for path in shop.cache.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_damaged_archive_in_the_cache_is_removed(shop: Shop) -> None:
    wanted = recipe(file())
    shop.ensure(wanted)
    shop.patch("b.patch", PATCH)
    (path,) = (shop.cache / "wheels").rglob(NAME)
    path.write_bytes(bytes(len(DATA)))
    with pytest.raises(InferpackError, match="was damaged in the cache, and is removed"):
        shop.ensure(replace(wanted, patches=("b.patch",)))
    assert content(shop.ensure(replace(wanted, patches=("b.patch",))))["src/a.txt"][4:5] == b"b"


def test_a_release_comes_from_its_own_address(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with serving(Index(files={NAME: DATA})) as index:
        url = index.url.replace("/simple", "/files/")
        wanted = recipe(file(), kind=Kind.TARBALL)
        wanted = replace(wanted, sources=(replace(wanted.sources[0], url=url),))
        indexes = Indexes(retries=0, timeout=5)
        made = sources.ensure(wanted, lambda: indexes, wheels=shop.wheels, cache=shop.cache)
    assert content(made).keys() == {"run.sh", "src/a.txt"}
    assert shop.again(wanted) == made


def test_a_release_with_other_bytes_leaves_nothing(tmp_path: Path) -> None:
    shop, other = Shop(tmp_path), bytes(len(DATA))
    with serving(Index(files={NAME: other})) as index:
        url = index.url.replace("/simple", "/files")
        wanted = recipe(file(), kind=Kind.TARBALL)
        wanted = replace(wanted, sources=(replace(wanted.sources[0], url=url),))
        indexes = Indexes(retries=0, timeout=5)
        with pytest.raises(InferpackError, match=f"^{NAME}: expected sha256 {sha(DATA)}, got"):
            sources.ensure(wanted, lambda: indexes, wheels=shop.wheels, cache=shop.cache)
    assert [path for path in shop.cache.rglob("*") if path.is_file() and path.name != ".lock"] == []


class Debian:
    """Stands for mmdebstrap: leaves these files where the hook would copy them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.options: list[list[str]] = []

    def __call__(self, what: str, options: list[str], suite: str, *, log: Path) -> None:
        self.options.append([what, suite, *options])
        target = Path(options[-1].split()[-1]) / source_files.DOWNLOADS
        target.mkdir()
        for name, data in self.files.items():
            (target / name).write_bytes(data)


def debian(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> Debian:
    fake = Debian(files)
    monkeypatch.setattr(archive, "ask", fake)
    return fake


ORIG, PACKAGING = "toy_1.5.orig.tar.gz", "toy_1.5-2.debian.tar.gz"
PARTS = {ORIG: DATA, PACKAGING: tarball({"debian/rules": b"rules"})}


def from_debian(*names: str) -> WheelRecipe:
    made = recipe(*(file(name, PARTS[name]) for name in names), kind=Kind.DEBIAN)
    source = replace(made.sources[0], version="1.5-2", suite="trixie")
    return replace(made, sources=(source,))


def test_debians_parts_come_by_apt_and_lie_over_each_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = debian(monkeypatch, PARTS)
    folder = shop.again(from_debian(ORIG, PACKAGING))
    assert content(folder).keys() == {"run.sh", "src/a.txt", "debian/rules"}
    ((what, suite, *options),) = fake.options
    assert (what, suite) == ("trixie, source of toy 1.5-2", "trixie")
    assert "--download-only --tar-only toy=1.5-2" in options[2]
    assert "--download-only --diff-only toy=1.5-2" in options[2]
    shop.patch("b.patch", PATCH)
    assert shop.again(replace(from_debian(ORIG, PACKAGING), patches=("b.patch",))) != folder
    assert len(fake.options) == 1


def test_only_the_parts_that_are_wanted_are_asked_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = debian(monkeypatch, {ORIG: DATA})
    shop.again(from_debian(ORIG))
    assert "--diff-only" not in fake.options[0][4]


def test_debians_other_bytes_are_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    debian(monkeypatch, {ORIG: b"other"})
    with pytest.raises(InferpackError) as err:
        shop.again(from_debian(ORIG))
    assert str(err.value) == (
        f"{ORIG}: expected sha256 {sha(DATA)}, got {sha(b'other')}; "
        "ask why before you change the recipe"
    )


def test_a_file_that_debian_calls_otherwise_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian(monkeypatch, {"toy_1.5+ds.orig.tar.xz": b""})
    with pytest.raises(InferpackError) as err:
        shop.again(from_debian(ORIG))
    assert str(err.value) == (
        f"{ORIG}: is not in toy 1.5-2, which has toy_1.5+ds.orig.tar.xz; "
        "name one of these in the recipe"
    )
