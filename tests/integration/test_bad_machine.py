"""What a user reads on a machine that cannot build: no engine, half an engine, no Python."""

import json
import os
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from inferpack.doctor import PROGRAMS
from tests.integration.checkout import Checkout, Done

CONFIG = Path("/etc/docker/daemon.json")
NEEDS = (
    *PROGRAMS,
    "Debian's archive keys",
    "docker engine",
    "containerd image store",
    "docker buildx",
)


@dataclass
class FakeEngine:
    """A Docker API that stores images in the old way, and what it was asked to do."""

    host: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def old_store() -> Iterator[FakeEngine]:
    answers = {
        "_ping": "OK",
        "version": {"Version": "27.0.1", "ApiVersion": "1.45", "MinAPIVersion": "1.24"},
        "info": {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]},
    }
    folder = Path(tempfile.mkdtemp())  # a socket's path must be short
    engine = FakeEngine(f"unix://{folder}/docker.sock")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def address_string(self) -> str:
            return "unix"

        def do_GET(self) -> None:
            body = json.dumps(answers[self.path.rpartition("/")[2]]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            engine.asked.append(self.path)

    with socketserver.ThreadingUnixStreamServer(f"{folder}/docker.sock", Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield engine
        server.shutdown()
    shutil.rmtree(folder)


@contextmanager
def programs(folder: Path, **scripts: str) -> Iterator[str]:
    """A PATH with these programs first."""
    folder.mkdir()
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    yield f"{folder}:{os.environ['PATH']}"


def states(done: Done) -> dict[str, str]:
    """The doctor's table: need → ok or missing."""
    lines = done.stdout.splitlines()[1:]
    rows = {
        name: line.removeprefix(name).split()[0]
        for line in lines
        for name in NEEDS
        if line.startswith(name)
    }
    assert len(rows) == len(lines) == len(NEEDS)
    return rows


def all_ok_but(*missing: str) -> dict[str, str]:
    return {name: "missing" if name in missing else "ok" for name in NEEDS}


def test_the_doctor_is_content_with_this_machine(bare_checkout: Checkout) -> None:
    done = bare_checkout.inv("doctor")
    assert (done.code, done.stderr, states(done)) == (0, "", all_ok_but())


@pytest.mark.parametrize("words", [("image", "onnxruntime"), ("doctor",), ("doctor", "--install")])
def test_an_engine_that_does_not_answer_is_named(
    bare_checkout: Checkout, words: tuple[str, ...]
) -> None:
    host = "unix:///nowhere/docker.sock"
    done = bare_checkout.inv(*words, env={"DOCKER_HOST": host})
    assert done.error == (
        1,
        "error: this machine: missing: docker engine, containerd image store; "
        f"start the engine at DOCKER_HOST={host}, or run: unset DOCKER_HOST && ci/engine",
    )
    if words[0] == "doctor":
        assert states(done) == all_ok_but("docker engine", "containerd image store")


def test_an_engine_without_the_containerd_store_is_refused_and_not_touched(
    bare_checkout: Checkout, old_store: FakeEngine
) -> None:
    before = CONFIG.read_bytes() if CONFIG.exists() else None
    env = {"DOCKER_HOST": old_store.host, "INFERPACK_ENGINE": ""}  # allowed to install
    refused = (
        1,
        "error: this machine: missing: containerd image store; "
        'add "features": {"containerd-snapshotter": true} to the daemon.json of '
        f"{old_store.host} and restart it",
    )
    assert bare_checkout.image(env=env).error == refused
    done = bare_checkout.inv("doctor", "--install", env=env)
    assert (done.error, states(done)) == (refused, all_ok_but("containerd image store"))
    assert old_store.asked == []
    assert (CONFIG.read_bytes() if CONFIG.exists() else None) == before


def test_a_client_without_buildx_is_named(bare_checkout: Checkout, tmp_path: Path) -> None:
    docker = shutil.which("docker")
    wrapper = f'[ "$1" = buildx ] && exit 1; exec {docker} "$@"'
    with programs(tmp_path / "bin", docker=wrapper) as path:
        missing = (1, "error: this machine: missing: docker buildx; run: ci/engine buildx")
        assert bare_checkout.image(env={"PATH": path}).error == missing
        done = bare_checkout.inv("doctor", env={"PATH": path})
    assert (done.error, states(done)) == (missing, all_ok_but("docker buildx"))


def test_nothing_is_installed_where_the_user_forbids_it(
    bare_checkout: Checkout, tmp_path: Path
) -> None:
    """A PATH of links to all programs but mmdebstrap, and an apt-get that would tell."""
    told = tmp_path / "told"
    with programs(tmp_path / "bin", apt_get=f"touch {told}"):
        for name in (
            "sh",
            "dirname",
            "readlink",
            "cmp",
            "flock",
            "docker",
            "patch",
            "x86_64-linux-gnu-strip",
            "aarch64-linux-gnu-strip",
        ):
            (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
        done = bare_checkout.inv("doctor", "--install", env={"PATH": str(tmp_path / "bin")})
    assert done.stderr.splitlines() == [
        "warning: nothing is installed: INFERPACK_ENGINE=external forbids it",
        "error: this machine: missing: mmdebstrap; run: apt-get update && "
        "apt-get install --yes --no-install-recommends mmdebstrap",
    ]
    assert (done.code, states(done), told.exists()) == (1, all_ok_but("mmdebstrap"), False)


@pytest.fixture
def unready(bare_checkout: Checkout, tmp_path: Path) -> Checkout:
    """A checkout before its first run, on a machine without any Python."""
    root = tmp_path / "checkout"
    shutil.copytree(bare_checkout.root, root, symlinks=True)
    (root / ".venv").unlink()
    made = Checkout(root)
    made.edit("inv", "/usr/bin/python3", "/nowhere/python3")
    return made


BROKEN_PYTHONS = {
    "exit 1": "needs Python >= 3.11; on Debian or Ubuntu: apt-get install python3 python3-venv",
    '[ "$1" = -c ]': (
        "python3 cannot make a virtual environment; "
        "on Debian or Ubuntu: apt-get install python3-venv"
    ),
    '[ "$2" = venv ] || exit 0; mkdir -p "$3/bin"; cp "$0.pip" "$3/bin/python"': (
        "pip could not install requirements.txt; "
        "check the index and proxy with: python3 -m pip config list"
    ),
}


@pytest.mark.parametrize(("python", "message"), BROKEN_PYTHONS.items())
def test_a_python_that_will_not_do_is_named(
    unready: Checkout, tmp_path: Path, python: str, message: str
) -> None:
    with programs(tmp_path / "bin", python3=python, **{"python3.pip": "exit 1"}):
        for name in ("sh", "dirname", "readlink", "cmp", "flock", "id", "rm", "cp", "mkdir"):
            (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
        done = unready.inv("--list", env={"PATH": str(tmp_path / "bin")})
    assert (done.code, done.stdout, done.stderr.splitlines()[-1]) == (1, "", f"inv: {message}")
    assert not (unready.root / ".venv/requirements.installed").exists()


def test_an_interrupted_set_up_begins_again(unready: Checkout, tmp_path: Path) -> None:
    (unready.root / ".venv").mkdir()
    (unready.root / ".venv/half").touch()
    python = '[ "$2" = venv ] || exit 0; mkdir -p "$3/bin"; cp "$0.done" "$3/bin/python"'
    with programs(tmp_path / "bin", python3=python, **{"python3.done": "exit 0"}) as path:
        done = unready.inv("--list", env={"PATH": path})
    assert (done.code, done.stderr) == (0, "inv: making .venv with python3 (once)\n")
    assert sorted(item.name for item in (unready.root / ".venv").iterdir()) == [
        "bin",
        "requirements.installed",
    ]
