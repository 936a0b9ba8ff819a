"""The committed package list of a base is never guessed."""

from pathlib import Path

import pytest

from inferpack import archive, store
from inferpack.bases import Base
from inferpack.errors import UsageError
from inferpack.model import Arch, Python
from tests.unit.debs import package

PLAIN = Base(suite="bookworm", glibc="2.36", python=Python.PY311, packages=("tiny",))
PACKAGES = (package("tiny", "1.0"),)


def lock(path: Path, base: Base = PLAIN, sha256: str = "0" * 64) -> Path:
    packages = (package("tiny", "1.0", sha256),)
    inputs = archive.inputs(base, Arch.AMD64)
    return store.write_record(path, archive.BaseLock(inputs=inputs, packages=packages))


def message(path: Path) -> str:
    with pytest.raises(UsageError) as err:
        archive.load(path, PLAIN, Arch.AMD64, command="./inv lock x")
    return str(err.value)


def test_a_current_lock_gives_its_packages(tmp_path: Path) -> None:
    path = lock(tmp_path / "base.json")
    assert archive.load(path, PLAIN, Arch.AMD64, command="") == PACKAGES
    assert archive.is_current(path, PLAIN, Arch.AMD64)


def test_a_missing_or_broken_lock_names_the_command(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    assert message(path) == f"{path}: is missing or broken; run ./inv lock x"
    path.write_text("[ oops")
    assert message(path) == f"{path}: is missing or broken; run ./inv lock x"
    assert not archive.is_current(path, PLAIN, Arch.AMD64)


@pytest.mark.parametrize("change", ["suite", "packages", "without"])
def test_a_lock_of_another_base_is_stale(tmp_path: Path, change: str) -> None:
    other = {"suite": "trixie", "packages": ("tiny", "more"), "without": ("less",)}
    fields = {name: getattr(PLAIN, name) for name in PLAIN.__struct_fields__}
    path = lock(tmp_path / "base.json", Base(**{**fields, change: other[change]}))
    assert message(path) == (f"{path}: is stale: recipes/bases.toml has changed; run ./inv lock x")


def test_a_digest_that_could_name_another_file_is_refused(tmp_path: Path) -> None:
    path = lock(tmp_path / "base.json", sha256="../../evil")
    assert message(path) == f"{path}: '../../evil' is not a sha256; restore the file from git"
