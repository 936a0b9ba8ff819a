import errno
import os
from pathlib import Path

import pytest

from inferpack.errors import InferpackError
from inferpack.model import File
from inferpack.store import (
    digest,
    file_digest,
    files_digest,
    read_record,
    scratch,
    sources,
    whole_file,
    whole_folder,
    write_record,
)

FILE = File(name="a.whl", size=3, sha256="0" * 64)


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_a_killed_run_has_left_goes_after_a_day(tmp_path: Path) -> None:
    for name, age in ((".tmp-old", 90_000), (".tmp-new", 3_600)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        then = tmp_path.stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    with whole_file(tmp_path / "file"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tmp-new", "file"]


def test_a_scratch_folder_is_gone_afterwards_and_says_that_its_disk_is_full(tmp_path: Path) -> None:
    parent = tmp_path / "logs"
    full = f"{parent}: no space left on the disk"
    with pytest.raises(InferpackError, match=full), scratch(parent) as folder:
        (folder / "file").symlink_to("/dev/full")
        (folder / "file").write_text("whole")
    assert list(parent.iterdir()) == []


def test_a_digest_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_file_that_is_not_finished_never_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert {item.name: item.read_text() for item in tmp_path.iterdir()} == {"record.json": "old"}


def test_a_folder_that_is_not_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "context"
    path.mkdir()
    (path / "Dockerfile").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_folder(path) as temporary:
        (temporary / "Dockerfile").write_text("half")
        raise KeyboardInterrupt
    assert [item.name for item in tmp_path.iterdir()] == ["context"]
    assert (path / "Dockerfile").read_text() == "old"


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InferpackError) as err, whole_file(tmp_path / "wheel") as temporary:
        temporary.write_text("half")
        full_disk()
    assert str(err.value) == (
        f"{tmp_path / 'wheel'}: no space left on the disk; free some space on the disk that holds"
        f" {tmp_path / 'wheel'}, then run the command again"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_read_back_as_written(tmp_path: Path) -> None:
    assert read_record(write_record(tmp_path / "file.json", FILE), File) == FILE


def test_a_record_of_another_shape_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text('{"name": "a"}')
    assert read_record(tmp_path / "file.json", File) is None
    assert read_record(tmp_path / "absent.json", File) is None


def test_a_tree_digest_covers_names_and_bytes_but_not_bytecode(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    before = files_digest(tmp_path, sources(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.cpython-311.pyc").write_text("b")
    assert files_digest(tmp_path, sources(tmp_path)) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert files_digest(tmp_path, sources(tmp_path)) != before
    assert file_digest(tmp_path / "b.py").startswith("ca978112")
