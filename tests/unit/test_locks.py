import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from packaging.pylock import Pylock, is_valid_pylock_path

from inferpack import locks
from inferpack.errors import InferpackError, UsageError
from inferpack.indexes import Indexes
from inferpack.locks import Lock
from inferpack.model import Arch, Backend, File, LockedWheel, Python, Variant
from inferpack.target import platforms, tags
from tests.unit.index_server import Index, locked, serving, wheel

GLIBC = "2.36"
LOCK = Lock(
    inputs="1" * 64,
    wheels=(
        LockedWheel(
            name="numpy",
            version="2.4.6",
            file=File(name="numpy-2.4.6-cp311-cp311-linux_x86_64.whl", size=12, sha256="a" * 64),
        ),
        LockedWheel(
            name="torch",
            version="2.13.0+cpu",
            file=File(name="torch-2.13.0+cpu-cp311-cp311-any.whl", size=34, sha256="b" * 64),
        ),
    ),
)
TEXT = f"""\
lock-version = "1.0"
created-by = "inferpack"

[[packages]]
name = "numpy"
version = "2.4.6"

[[packages.wheels]]
path = "numpy-2.4.6-cp311-cp311-linux_x86_64.whl"
size = 12
hashes.sha256 = "{"a" * 64}"

[[packages]]
name = "torch"
version = "2.13.0+cpu"

[[packages.wheels]]
path = "torch-2.13.0+cpu-cp311-cp311-any.whl"
size = 34
hashes.sha256 = "{"b" * 64}"

[tool.inferpack]
inputs = "sha256:{"1" * 64}"
"""

Cell = Callable[..., Variant]


@pytest.fixture
def asking(onnxruntime: Variant) -> Cell:
    """A variant like onnxruntime's that asks for something else, somewhere else."""

    def make(*requires: str, arch: Arch = Arch.AMD64) -> Variant:
        cell = msgspec.structs.replace(
            onnxruntime.cell, requires=requires, arch=arch, backend=Backend.MLAS
        )
        return Variant(recipe=onnxruntime.recipe, cell=cell)

    return make


def resolve(variant: Variant, folder: Path, **given: object) -> Lock:
    options = {"previous": None, "upgrade": False, **given}
    indexes = options.pop("indexes")
    return locks.resolve(
        variant,
        GLIBC,
        indexes,  # type: ignore[arg-type]
        cache=folder / "cache",
        log=folder / "uv.log",
        **options,  # type: ignore[arg-type]
    )


def test_a_lock_is_the_same_text_every_time_and_valid_by_the_standard() -> None:
    assert locks.render(LOCK) == TEXT
    Pylock.from_dict(tomllib.loads(TEXT)).validate()


def test_what_was_rendered_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "pylock.x.toml"
    path.write_text(TEXT)
    assert locks.read(path) == LOCK
    assert locks.render(locks.read(path)) == TEXT


def test_a_lock_of_nothing_reads_back(tmp_path: Path) -> None:
    nothing = Lock(inputs="0" * 64, wheels=())
    (tmp_path / "pylock.toml").write_text(locks.render(nothing))
    assert locks.read(tmp_path / "pylock.toml") == nothing


def test_its_digest_follows_the_wheels_only() -> None:
    assert LOCK.digest == Lock(inputs="2" * 64, wheels=LOCK.wheels).digest
    assert LOCK.digest != Lock(inputs=LOCK.inputs, wheels=LOCK.wheels[:1]).digest


def test_its_name_is_legal(onnxruntime: Variant) -> None:
    path = locks.path_of(onnxruntime, Path("recipes/locks"))
    assert str(path) == "recipes/locks/pylock.onnxruntime-mlas-py311-amd64.toml"
    assert is_valid_pylock_path(path)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("1.0", "9.0", "pylock version 9.0 is not supported"),
        ("size = 12\n", "", "numpy needs one wheel with file name, size and sha256"),
        ("hashes.sha256", "hashes.md5", "numpy needs one wheel with file name, size and sha256"),
        ('path = "num', 'path = "../num', "numpy needs one wheel with file name, size and sha256"),
        ("inputs", "input", "tool.inferpack.inputs is not a sha256"),
        ('"sha256:', '"', "tool.inferpack.inputs is not a sha256"),
        ("size = 12", "size = '12'", "Unexpected type str (expected int) in 'packages[0]"),
    ],
)
def test_another_file_says_what_is_wrong(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    path = tmp_path / "pylock.x.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        locks.read(path)
    assert str(caught.value).startswith(f"{path}: is not a lock of inferpack: {wrong}")
    assert str(caught.value).endswith("; restore it, or delete it and run ./inv lock")


def test_a_missing_and_a_stale_lock_name_the_command(tmp_path: Path, onnxruntime: Variant) -> None:
    path = tmp_path / "pylock.x.toml"
    with pytest.raises(UsageError) as caught:
        locks.load(path, onnxruntime, GLIBC)
    command = "./inv lock onnxruntime-mlas-py311-amd64"
    assert str(caught.value) == f"{path}: does not exist; {command} makes it"
    path.write_text(TEXT)
    with pytest.raises(UsageError) as caught:
        locks.load(path, onnxruntime, GLIBC)
    stale = "is stale: the recipe or its base has changed since"
    assert str(caught.value) == f"{path}: {stale}; run {command}"
    fresh = Lock(inputs=locks.inputs(onnxruntime, GLIBC), wheels=LOCK.wheels)
    path.write_text(locks.render(fresh))
    assert locks.load(path, onnxruntime, GLIBC) == fresh


def test_inputs_change_with_what_decides_the_lock(asking: Cell) -> None:
    same = {locks.inputs(asking(*names), GLIBC) for names in (("a", "b"), ("b", "a"))}
    other = {
        locks.inputs(asking("a"), GLIBC),
        locks.inputs(asking("a", "b"), "2.35"),
        locks.inputs(asking("a", "b", arch=Arch.ARM64), GLIBC),
    }
    assert (len(same), len(other), same & other) == (1, 3, set())


def test_the_target_accepts_what_its_glibc_can_run() -> None:
    assert platforms(Arch.ARM64, "2.18") == (
        "manylinux_2_18_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux2014_aarch64",
        "linux_aarch64",
    )
    accepted = [str(tag) for tag in tags(Python.PY311, Arch.AMD64, GLIBC)]
    assert accepted[0] == "cp311-cp311-manylinux_2_36_x86_64"
    assert accepted[-1] == "py30-none-any"
    assert "cp310-abi3-manylinux1_x86_64" in accepted
    assert not [tag for tag in accepted if "2_37" in tag]


FILES = {
    name: wheel(*name.split("-")[:2], requires=requires)
    for name, requires in (
        ("app-1.0-py3-none-any.whl", "lib>=1"),
        ("lib-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", ""),
        ("lib-1.0-cp311-cp311-manylinux_2_34_x86_64.whl", ""),
        ("lib-1.0-cp311-cp311-manylinux_2_39_x86_64.whl", ""),
        ("lib-1.0-cp311-cp311-manylinux_2_28_aarch64.whl", ""),
        ("lib-1.0-py3-none-any.whl", ""),
    )
}


@pytest.mark.parametrize(
    ("arch", "lib"),
    [
        (Arch.AMD64, "lib-1.0-cp311-cp311-manylinux_2_34_x86_64.whl"),
        (Arch.ARM64, "lib-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"),
    ],
)
@pytest.mark.parametrize("stated", [None, {}])
def test_each_package_gets_the_best_wheel_of_the_target(
    tmp_path: Path, asking: Cell, arch: Arch, lib: str, stated: dict[str, str] | None
) -> None:
    variant = asking("app", arch=arch)
    with serving(Index(files=FILES, stated=stated, login="me:s3cret")) as index:
        lock = resolve(variant, tmp_path, indexes=Indexes(index=index.url))
    chosen = ("app-1.0-py3-none-any.whl", lib)
    assert lock == Lock(
        inputs=locks.inputs(variant, GLIBC),
        wheels=tuple(locked(name, FILES[name]) for name in chosen),
    )
    assert "s3cret" not in (tmp_path / "uv.log").read_text() + locks.render(lock)


def test_a_find_links_wheel_is_measured(tmp_path: Path, asking: Cell) -> None:
    name = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    (tmp_path / name).write_bytes(wheel("torch", "2.13.0+cpu"))
    indexes = Indexes(find_links=(tmp_path.as_uri(),))
    lock = resolve(asking("torch==2.13.0+cpu"), tmp_path, indexes=indexes)
    assert lock.wheels == (locked(name, (tmp_path / name).read_bytes()),)


def test_versions_stay_until_an_upgrade_is_asked_for(tmp_path: Path, asking: Cell) -> None:
    old, new = ({f"lib-{v}-py3-none-any.whl": wheel("lib", v)} for v in ("1.0", "2.0"))
    variant = asking("lib")
    with serving(Index(files=old)) as index:
        indexes = Indexes(index=index.url)
        first = resolve(variant, tmp_path, indexes=indexes)
        index.files |= new
        kept = resolve(variant, tmp_path, indexes=indexes, previous=first)
        upgraded = resolve(variant, tmp_path, indexes=indexes, previous=first, upgrade=True)
    assert (kept, [item.version for item in upgraded.wheels]) == (first, ["2.0"])


def test_what_cannot_be_resolved_is_said_in_the_resolver_s_words(
    tmp_path: Path, asking: Cell
) -> None:
    with serving(Index(files=FILES)) as index, pytest.raises(InferpackError) as caught:
        resolve(asking("app>=2"), tmp_path, indexes=Indexes(index=index.url))
    assert str(caught.value) == (
        "onnxruntime-mlas-py311-amd64: app>=2 cannot be resolved for x86_64:\n"
        "  No solution found when resolving dependencies\n"
        "  Because only app==1.0 is available and you require app>=2, we can conclude that your "
        "requirements are unsatisfiable; check the versions in the recipe and the indexes in "
        "'pip config list'; "
        f"full log: {tmp_path}/uv.log"
    )
    assert list((tmp_path / "cache").glob("resolve-*")) == []
