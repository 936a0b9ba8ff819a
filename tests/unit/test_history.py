"""A variant's nights are lines of one file, which a kill in the middle of one does not spoil."""

from pathlib import Path

from inferpack import history
from inferpack.history import Entry
from tests.unit.nights import PASSED

FAILED = Entry(at=1_795_100_000, revision="b" * 40, error="onnxruntime: INT8 is not proven: no")


def test_nights_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    assert history.read(tmp_path / "none") == ()
    for entry in (PASSED, FAILED, PASSED):
        history.append(tmp_path / "new", entry)
    assert history.read(tmp_path / "new") == (PASSED, FAILED, PASSED)


def test_a_line_that_a_kill_cut_is_left_out_and_spoils_no_other(tmp_path: Path) -> None:
    history.append(tmp_path, PASSED)
    history.append(tmp_path, FAILED)
    path = tmp_path / history.FILE
    path.write_bytes(path.read_bytes()[:-20])
    assert history.read(tmp_path) == (PASSED,)
    history.append(tmp_path, FAILED)
    assert history.read(tmp_path) == (PASSED, FAILED)
