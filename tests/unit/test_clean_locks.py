"""`./inv clean` beside others that work in the checkout, and killed in the middle."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inferpack import clean, cli
from inferpack.budget import Needs
from inferpack.cached import Disk
from inferpack.errors import InferpackError
from tests.unit.cleaning import DAY, VARIANT, Place, digest, names, needed_wheel, place


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return place(tmp_path, "onnxruntime")


@pytest.mark.parametrize("folder", [".cache", ".cache/layers", f"build/{VARIANT}"])
def test_while_somebody_works_here_only_what_is_long_unused_and_of_no_use_goes(
    here: Place, folder: str
) -> None:
    needed_wheel(here, age=100 * DAY)
    old, new = f".cache/wheels/{digest('a')}", f".cache/wheels/{digest('b')}"
    for name, age in ((old, 2 * DAY), (new, DAY / 2)):
        here.file(f"{name}/a.whl")
        here.aged(name, age)
    here.layer("c", age=2 * DAY)
    room = here.root / folder
    room.mkdir(parents=True, exist_ok=True)
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_SH);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, room / ".lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout and other.stdout.readline() == b"held\n"
        done = here.clean(0)
        layer = [] if folder == ".cache/layers" else [f".cache/layers/{digest('c')}.tar"]
        assert sorted(names(done)) == sorted([old, *layer])
        assert {item.kept for item in done.stuck} == {clean.BUSY}
        with pytest.raises(InferpackError, match=r"--keep 0 MB: 0\.\d MB stay; run it again"):
            clean.insist(done)
        other.communicate()
    assert len(names(here.clean(0))) == 3 - len(layer)


def test_what_others_take_away_meanwhile_is_not_missed(here: Place) -> None:
    for name in "ab":
        here.file(f".cache/.tmp-{name}/file")
    found = Disk(root=here.root, needs=Needs(names=frozenset(), kept={})).items()
    assert next(found).name == ".cache/.tmp-a"
    shutil.rmtree(here.root / ".cache/.tmp-b")
    assert list(found) == []


def test_nobody_begins_to_work_while_it_frees(here: Place) -> None:
    here.layer("a")
    with clean.neighbours(here.shop) as busy:
        assert busy == ()
        with (here.root / ".cache/.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_kill_in_the_middle_leaves_no_half_of_a_folder(here: Place) -> None:
    folder = here.root / f".cache/base/{digest('a')}"
    for number in range(3_000):
        here.file(f"{folder}/root/{number}", 1)
    here.file(f"{folder}/base.json")
    code = (
        f"from pathlib import Path; from inferpack import cached; cached.remove(Path('{folder}'))"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=cli.ROOT) as other:
        while folder.exists():
            assert other.poll() is None or not folder.exists()
        other.kill()
    assert all(Path(name).parts[2].startswith(".tmp-") for name in here.names())
    here.clean()
    assert here.names() == []
