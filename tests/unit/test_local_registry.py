"""A registry on this machine: a made-up program stands for the real one."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import cli, local_registry
from inferpack.errors import InferpackError

LISTENING = """#!/usr/bin/python3
import json, socket, sys
host, _, port = json.load(open(sys.argv[2]))["http"]["addr"].partition(":")
server = socket.create_server((host, int(port)))
while True:
    server.accept()
"""
DEAF = LISTENING.replace(
    "server =", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); server ="
)
ANOTHER_USER = """
import os, sys
from pathlib import Path
from inferpack import errors, local_registry
os.setuid(65534)
try:
    local_registry.stop(Path(sys.argv[1]))
except errors.InferpackError as err:
    print(err)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "registry"
    local_registry.stop(tmp_path / "registry")


def program(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "docker-registry"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_it_starts_once_and_stops(tmp_path: Path, folder: Path, port: int) -> None:
    made = program(tmp_path, LISTENING)
    assert local_registry.start(made, folder, port) == f"127.0.0.1:{port}"
    first = list(local_registry.processes(folder))
    assert local_registry.start(made, folder, port) == f"127.0.0.1:{port}"
    assert (list(local_registry.processes(folder)), len(first)) == (first, 1)
    assert (local_registry.stop(folder), local_registry.stop(folder)) == (True, False)
    assert not local_registry.listens(port)


def test_another_port_than_that_of_the_one_that_runs_is_refused(
    tmp_path: Path, folder: Path, port: int
) -> None:
    local_registry.start(made := program(tmp_path, LISTENING), folder, port)
    (number,) = local_registry.processes(folder)
    with pytest.raises(InferpackError) as err:
        local_registry.start(made, folder, port + 1)
    assert str(err.value) == (
        f"127.0.0.1:{port + 1}: this checkout's registry listens at 127.0.0.1:{port} "
        f"(process {number}); stop it first: ./inv registry --stop"
    )


def test_a_port_of_another_program_is_refused(tmp_path: Path, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InferpackError) as err:
            local_registry.start(program(tmp_path, LISTENING), folder, port)
    wrong = f"127.0.0.1:{port}: another program listens there; choose: --port"
    assert str(err.value) == wrong


def test_a_program_that_ends_is_quoted(tmp_path: Path, folder: Path, port: int) -> None:
    made = program(tmp_path, "#!/bin/sh\necho first; echo 'no space left on device' >&2; exit 1\n")
    with pytest.raises(InferpackError) as err:
        local_registry.start(made, folder, port)
    assert str(err.value) == (
        f"127.0.0.1:{port}: the registry does not start; it says: no space left on device; "
        f"full log: {folder / 'registry.log'}"
    )


def test_a_start_that_was_interrupted_is_found_again(
    tmp_path: Path, folder: Path, port: int
) -> None:
    """By then nothing is written but what the program itself reads."""
    made = program(tmp_path, LISTENING)
    local_registry.launch(made, folder, port)
    assert local_registry.start(made, folder, port) == f"127.0.0.1:{port}"
    assert len(list(local_registry.processes(folder))) == 1


def test_one_that_does_not_listen_to_signals_is_killed(
    tmp_path: Path, folder: Path, port: int
) -> None:
    local_registry.start(program(tmp_path, DEAF), folder, port)
    assert local_registry.stop(folder, patience=0.2)
    assert not list(local_registry.processes(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_s_is_one_line(tmp_path: Path, folder: Path, port: int) -> None:
    local_registry.start(program(tmp_path, LISTENING), folder, port)
    (number,) = local_registry.processes(folder)
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_USER, folder],
        cwd=cli.ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    wrong = f"process {number}: is another user's registry; sudo kill {number}\n"
    assert (done.stdout, done.stderr) == (wrong, "")
