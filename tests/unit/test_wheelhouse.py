import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inferpack import wheelhouse
from inferpack.errors import InferpackError
from inferpack.indexes import Indexes
from inferpack.model import File, LockedWheel
from tests.unit.index_server import Index, locked, serving, sha

NAME = "big-1.0-py3-none-any.whl"
DATA = bytes(range(256)) * 8192
WHEEL = locked(NAME, DATA)
OTHERS = {f"w{number}-1.0-py3-none-any.whl": bytes([number]) * 1000 for number in range(6)}


def ensure(cache: Path, *wheels: LockedWheel, **locations: object) -> dict[LockedWheel, Path]:
    indexes = Indexes(retries=0, timeout=5, **locations)  # type: ignore[arg-type]
    return wheelhouse.ensure(wheels, lambda: indexes, cache=cache)


def never() -> Indexes:
    raise AssertionError("a full cache must not ask for indexes")


def left_behind(cache: Path) -> list[str]:
    """Every file in the cache, but for the lock."""
    files = sorted(path for path in cache.rglob("*") if path.is_file() and path.name != ".lock")
    return [str(path.relative_to(cache)) for path in files]


def finished(*wheels: LockedWheel) -> list[str]:
    return sorted(f"wheels/{wheel.file.sha256}/{wheel.file.name}" for wheel in wheels)


@pytest.mark.parametrize("json", [False, True])
def test_wheels_come_from_an_index_once_and_are_then_trusted(tmp_path: Path, json: bool) -> None:
    wheels = tuple(locked(name, data) for name, data in OTHERS.items())
    with serving(Index(files=OTHERS, json=json)) as index:
        found = ensure(tmp_path, *wheels, index=index.url)
    assert {wheel.file.name: path.read_bytes() for wheel, path in found.items()} == OTHERS
    assert left_behind(tmp_path) == finished(*wheels)
    assert wheelhouse.ensure(wheels, never, cache=tmp_path) == found


def test_wheels_come_from_a_find_links_folder(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / NAME).write_bytes(DATA)
    places = ((tmp_path / "links").as_uri(),)
    found = ensure(tmp_path / "cache", WHEEL, find_links=places)
    assert found[WHEEL].read_bytes() == DATA
    assert left_behind(tmp_path / "cache") == finished(WHEEL)


def test_a_truncated_wheel_is_fetched_again(tmp_path: Path) -> None:
    with serving(Index(files={NAME: DATA})) as index:
        path = ensure(tmp_path, WHEEL, index=index.url)[WHEEL]
        path.write_bytes(DATA[:10])
        assert ensure(tmp_path, WHEEL, index=index.url)[WHEEL].read_bytes() == DATA


def test_wrong_bytes_are_refused_and_deleted(tmp_path: Path) -> None:
    false = bytes(len(DATA))
    with (
        serving(Index(files={NAME: false}, stated={}, login="me:s3cret")) as index,
        pytest.raises(InferpackError) as caught,
    ):
        ensure(tmp_path, WHEEL, index=index.url)
    assert str(caught.value) == (
        f"{NAME}: expected sha256 {sha(DATA)}, got {sha(false)} "
        f"from http://***@127.0.0.1:{index.port}/simple/big/; the index, or a proxy on the way, "
        "serves another file under this name; if that is meant, ./inv lock --upgrade accepts it"
    )
    assert left_behind(tmp_path) == []


def test_a_link_with_another_hash_is_told_and_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        serving(Index(files={NAME: b"another"})) as false,
        serving(Index(files={NAME: DATA})) as true,
    ):
        ensure(tmp_path, WHEEL, index=false.url, extra=(true.url,))
    assert false.asked == ["GET /simple/big/"]
    assert f"warning: {NAME}: expected sha256 {sha(DATA)}, got" in capsys.readouterr().err
    assert left_behind(tmp_path) == finished(WHEEL)


def test_a_beginning_from_another_file_costs_one_more_download(tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / WHEEL.file.sha256).write_bytes(b"not its beginning")
    with serving(Index(files={NAME: DATA})) as index:
        assert ensure(tmp_path, WHEEL, index=index.url)[WHEEL].read_bytes() == DATA
    assert index.asked[1:] == [f"GET /files/{NAME} bytes=17-", f"GET /files/{NAME}"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (NAME, "./inv lock --upgrade picks what the indexes have now"),
        (
            "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
            "add the CPU wheel index of the PyTorch project to pip's extra-index-url "
            "(see 'Get started' on pytorch.org)",
        ),
    ],
)
def test_a_wheel_that_vanished_is_one_line(tmp_path: Path, name: str, hint: str) -> None:
    with serving(Index(login="me:s3cret")) as index, pytest.raises(InferpackError) as caught:
        ensure(tmp_path, locked(name, DATA), index=index.url, find_links=("file:///nowhere",))
    assert str(caught.value) == (
        f"{name}: is in none of pip's indexes "
        f"(file:///nowhere, http://***@127.0.0.1:{index.port}/simple); {hint}"
    )
    assert left_behind(tmp_path) == []


def test_an_unreachable_index_is_one_line_and_is_asked_only_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = "http://me:s3cret@127.0.0.1:9/simple"
    line = "127.0.0.1:9/simple/big/: cannot be reached: Connection refused; check the network"
    with pytest.raises(InferpackError) as caught:
        ensure(tmp_path, WHEEL, index=dead)
    assert str(caught.value).startswith(f"http://***@{line}")
    with serving(Index(files={NAME: DATA})) as index:
        ensure(tmp_path, WHEEL, index=dead, extra=(index.url,))
    assert capsys.readouterr().err.count(f"warning: http://***@{line}") == 1
    assert left_behind(tmp_path) == finished(WHEEL)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / WHEEL.file.sha256).symlink_to("/dev/full")
    with serving(Index(files={NAME: DATA})) as index, pytest.raises(InferpackError) as caught:
        ensure(tmp_path, WHEEL, index=index.url)
    place = tmp_path / "partial"
    assert str(caught.value) == (
        f"{place}: no space left on the disk; "
        f"free some space on the disk that holds {place}, then run the command again"
    )
    assert left_behind(tmp_path) == []
    assert not (place / WHEEL.file.sha256).is_symlink()


def test_two_builds_at_once_fetch_a_wheel_once(tmp_path: Path) -> None:
    with (
        serving(Index(files={NAME: DATA}, pause=0.01)) as index,
        ThreadPoolExecutor(2) as builds,
    ):
        jobs = [builds.submit(ensure, tmp_path, WHEEL, index=index.url) for _ in range(2)]
        assert [job.result()[WHEEL].read_bytes() for job in jobs] == [DATA, DATA]
    assert (index.asked.count(f"GET /files/{NAME}"), index.sent) == (1, len(DATA))


CHILD = """
import sys
from pathlib import Path
from tests.unit.index_server import locked
from inferpack import wheelhouse
from inferpack.indexes import Indexes
wheel = locked("big-1.0-py3-none-any.whl", bytes(range(256)) * 8192)
wheelhouse.ensure((wheel,), lambda: Indexes(index=sys.argv[1]), cache=Path(sys.argv[2]))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_fetch_leaves_no_final_file_and_is_continued(
    tmp_path: Path, number: signal.Signals
) -> None:
    here = Path(__file__).resolve().parent
    partial = tmp_path / "partial" / WHEEL.file.sha256
    with serving(Index(files={NAME: DATA}, pause=0.2)) as index:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, index.url, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": f"{here}:{here.parents[1]}"},
            stderr=subprocess.DEVNULL,
        )
        while child.poll() is None and not (partial.exists() and partial.stat().st_size):
            time.sleep(0.01)
        child.send_signal(number)
        child.wait(timeout=5)
        begun = partial.stat().st_size
        assert 0 < begun < len(DATA)
        assert left_behind(tmp_path) == [f"partial/{WHEEL.file.sha256}"]
        index.pause = 0
        assert ensure(tmp_path, WHEEL, index=index.url)[WHEEL].read_bytes() == DATA
    assert index.asked[-1] == f"GET /files/{NAME} bytes={begun}-"
    assert left_behind(tmp_path) == finished(WHEEL)


def test_a_wheel_of_ours_is_built_and_not_looked_for() -> None:
    file = File(name="toy-1+inferpack.1-py3-none-any.whl", size=1, sha256="0" * 64)
    wheel = LockedWheel(name="toy", version="1+inferpack.1", file=file)
    error = wheelhouse.vanished(wheel, Indexes())
    assert str(error) == (
        "toy-1+inferpack.1-py3-none-any.whl: is neither in build/wheels nor in pip's indexes "
        "(none is configured); ./inv wheel toy builds it"
    )
