import sys
from pathlib import Path

import pytest

from inferpack import process
from inferpack.errors import InferpackError


def test_a_command_returns_its_stdout_and_logs_both_streams(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    assert process.run([sys.executable, "-c", code], log=tmp_path / "log") == "out\n"
    assert (tmp_path / "log").read_text().splitlines()[1:] == ["out", "err"]


def test_a_failure_shows_command_exit_code_last_lines_and_log(tmp_path: Path) -> None:
    code = "for n in range(50): print(n)\nraise SystemExit(3)"
    with pytest.raises(InferpackError) as err:
        process.run([sys.executable, "-c", code], log=tmp_path / "log")
    first, *tail = str(err.value).splitlines()
    assert first.startswith(f"{sys.executable}: exited with code 3: {sys.executable} -c ")
    assert tail[-20:] == [*(str(n) for n in range(30, 49)), f"49; full log: {tmp_path / 'log'}"]


def test_a_program_that_is_not_there_names_the_doctor(tmp_path: Path) -> None:
    with pytest.raises(InferpackError) as err:
        process.run(["no-such-program"], log=tmp_path / "log")
    assert str(err.value) == ("no-such-program: is not installed; ./inv doctor shows how to get it")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-11, "was killed by SIGSEGV"),
        (139, "was killed by SIGSEGV"),
        (132, "was killed by SIGILL"),
        (1, "exited with code 1"),
    ],
)
def test_an_exit_code_is_put_in_words(code: int, words: str) -> None:
    assert process.ending(code) == words


def test_a_disk_that_a_command_has_filled_is_named(tmp_path: Path) -> None:
    code = "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
    full = f"{tmp_path}: no space left on the disk; free some space on the disk that holds"
    with pytest.raises(InferpackError, match=full):
        process.run([sys.executable, "-c", code], log=tmp_path / "log", writes=tmp_path)


def test_a_disk_that_the_log_does_not_fit_on_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.symlink_to("/dev/full")
    with pytest.raises(InferpackError, match=f"{log}: no space left on the disk; free some space"):
        process.run([sys.executable, "-c", ""], log=log)


def test_a_command_whose_machine_is_cut_off_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three looks in vain, one after the other, are needed."""
    monkeypatch.setattr(process, "EVERY", 0.01)
    answers = [True, False, False, True, False, False, False]

    def reach() -> None:
        if not answers.pop(0):
            raise OSError

    with pytest.raises(InferpackError, match="sh: was killed by SIGKILL"):
        process.run(["sh", "-c", "sleep 60; true"], log=tmp_path / "log", reach=reach)
    assert answers == []
    assert process.run(["echo", "hi"], log=tmp_path / "log", reach=reach) == "hi\n"
