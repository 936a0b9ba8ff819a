"""The entry point behaves as if it were not there: commands, exit codes, signals, orphans, time."""

import json
import subprocess
import time
from functools import partial
from typing import Any

import pytest

from inferpack.engine import Engine
from inferpack.model import Variant
from tests.integration.containers import Run, outcome, python

PLAIN = ["/usr/bin/python3"]
WITHOUT_TINI = ["/opt/inferpack/start"]
STARTED = ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CPU = 1_000_000_000  # the API's nano_cpus
ONE = partial(pytest.mark.parametrize, "variant", ["onnxruntime-mlas-py311-amd64"], indirect=True)
PYTORCH = partial(pytest.mark.parametrize, "variant", ["pytorch-onednn-py311-amd64"], indirect=True)

ORPHANS = """
import glob, os, time
if not os.fork():
    if not os.fork():
        time.sleep(0.3)
    os._exit(0)
os.wait()
time.sleep(1)
states = [open(path).read().rpartition(")")[2][1] for path in glob.glob("/proc/[0-9]*/stat")]
print([state for state in states if state == "Z"])
"""
LOADER = """
import torch
class Squares(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, index): return torch.tensor(index ** 2)
print(sum(batch.sum().item() for batch in torch.utils.data.DataLoader(Squares(), 2, num_workers=2)))
"""


@ONE()
@pytest.mark.parametrize("options", [{}, {"init": True}, {"pid_mode": "host"}, {"tty": True}])
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit(7)", 7),
        ("os.kill(os.getpid(), signal.SIGTERM)", 128 + 15),
        ("os.kill(os.getpid(), signal.SIGKILL)", 128 + 9),
    ],
)
def test_the_exit_code_is_the_programs(
    run: Run, options: dict[str, object], end: str, code: int
) -> None:
    program = f"import os, signal, sys; print(sys.argv[1:], flush=True); {end}"
    found, stdout, stderr = outcome(run, ["python3", "-c", program, "a b", "$c"], **options)
    assert (found, stdout.strip(), stderr) == (code, "['a b', '$c']", "")


@ONE()
def test_without_a_command_it_is_python_that_reads_its_input(image: str) -> None:
    command = ["docker", "run", "--rm", "-i", image]
    done = subprocess.run(command, input=b"print(6 * 7)", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"42\n", b"")


@ONE()
def test_a_terminal_belongs_to_the_program(run: Run) -> None:
    code = "import os; print(os.isatty(0), os.tcgetpgrp(0) == os.getpgrp())"
    assert python(run, code, tty=True) == "True True"


def test_an_entry_point_of_the_users_own_replaces_ours(run: Run, variant: Variant) -> None:
    assert outcome(run, ["-c", "print(1)"], entrypoint=["python3"]) == (0, "1\n", "")
    finished = run(["--json"], entrypoint=["selftest"])
    assert json.loads(finished.stdout)["variant"] == variant.id


@ONE()
@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (
            "bash",
            127,
            "bash: no such program in onnxruntime-mlas-py311-amd64; it holds python3 and",
        ),
        ("/opt/none", 127, "/opt/none: no such program in onnxruntime-mlas-py311-amd64; it holds"),
        ("/opt/inferpack/expect.json", 126, "/opt/inferpack/expect.json: cannot be executed ([Err"),
        ("/tmp", 126, "/tmp: cannot be executed ([Errno 13] Permission denied)"),
    ],
)
def test_a_command_that_cannot_run_is_one_line_and_the_shells_exit_code(
    run: Run, command: str, code: int, message: str
) -> None:
    found, stdout, stderr = outcome(run, [command])
    assert (found, stdout, stderr.count("\n")) == (code, "", 1)
    assert stderr.startswith(message)


def stopped(engine: Engine, image: str, program: str, **options: Any) -> tuple[int, float, str]:
    """Exit code, seconds and output of a program that `docker stop` ends; it has 5 seconds."""
    container = engine.client.containers.create(image, ["-c", program], **options)
    try:
        container.start()
        while b"ready" not in container.logs():
            time.sleep(0.05)
        start = time.monotonic()
        container.stop(timeout=5)
        seconds = time.monotonic() - start
        return container.wait()["StatusCode"], seconds, container.logs().decode()
    finally:
        container.remove(force=True)


WAITS = "import time; print('ready', flush=True); time.sleep(60)"


@ONE()
def test_docker_stop_ends_a_program_at_once(engine: Engine, image: str) -> None:
    code, seconds, _ = stopped(engine, image, WAITS, entrypoint=[*STARTED, "python3"])
    assert code == 128 + 15 and seconds < 4


@ONE()
def test_as_pid_1_a_plain_python_would_wait_to_be_killed(engine: Engine, image: str) -> None:
    code, seconds, _ = stopped(engine, image, WAITS, entrypoint=PLAIN)
    assert code == 128 + 9 and seconds >= 5


@ONE()
def test_a_program_may_handle_its_end_itself(engine: Engine, image: str) -> None:
    handler = "lambda *_: (print('bye', flush=True), sys.exit(3))"
    program = f"import signal, sys; signal.signal(signal.SIGTERM, {handler}); {WAITS}"
    code, _, output = stopped(engine, image, program, entrypoint=[*STARTED, "python3"])
    assert (code, output) == (3, "ready\nbye\n")


@ONE()
def test_orphans_are_reaped(run: Run) -> None:
    assert python(run, ORPHANS) == "[]"
    assert python(run, ORPHANS, init=True) == "[]"
    unreaped = outcome(run, ["python3", "-c", ORPHANS], entrypoint=WITHOUT_TINI)
    assert unreaped == (0, "['Z']\n", "")


@PYTORCH()
def test_workers_find_a_place_for_temporary_files_under_a_read_only_root(run: Run) -> None:
    assert python(run, LOADER) == "140"


@PYTORCH()
def test_without_the_entry_point_they_find_none(run: Run) -> None:
    code, _, stderr = outcome(run, ["-c", LOADER], entrypoint=PLAIN, timeout=20.0)
    assert code != 0, stderr


COST = """
import os, statistics
plain = ["/usr/bin/python3", "-c", "0"]
ways = (plain, ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start", *plain])
def cost(argv):
    _, _, used = os.wait4(os.posix_spawn(argv[0], argv, os.environ), 0)
    return used.ru_utime + used.ru_stime
pairs = [[cost(argv) for argv in ways] for _ in range(40)]
print(statistics.median(entered - bare for bare, entered in pairs))
"""


@ONE()
def test_the_entry_point_costs_less_than_25_ms(run: Run) -> None:
    """In turns, and in CPU time: it never waits, and what else this machine does counts little.
    Under a quota and a read-only root it has the most to do.
    """
    assert 0 < float(python(run, COST, nano_cpus=3 * CPU // 2)) < 0.025
