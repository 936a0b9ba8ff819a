"""pip and uv in clean containers that reach nothing but a server of ours."""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip
from uv import find_uv_bin

from inferpack import base
from inferpack.engine import OWNER, Engine, Finished
from inferpack.model import Arch
from tests.integration.conftest import proven
from tests.integration.containers import mounted
from tests.integration.shells import SMALLEST

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = itertools.count(1)
PORT = 8000
SITE = "/tmp/site"
STATIC = ["python3", "-m", "http.server", "--directory", "/srv", str(PORT)]
NEGOTIATING = [
    "python3",
    "-c",
    "import functools, pathlib; from inferpack import serving;"
    "log = functools.partial(print, flush=True);"
    f"serving.serve(serving.server(pathlib.Path('/srv'), log=log, host='', port={PORT}))",
]
READY = f"import socket; socket.create_connection(('127.0.0.1', {PORT}))"


# Trust is pip's word for a server without TLS; uv needs none.
BOTH = """
import os, subprocess, sys
trusting = {{**os.environ, "PIP_TRUSTED_HOST": {host!r}}}
for command in ({argv!r}, {then!r}):
    code = subprocess.run(command, env=trusting, stderr=subprocess.STDOUT).returncode
    if code:
        sys.exit(code)
"""
TELL = f"""
import pathlib, runpy
for path in sorted(pathlib.Path("{SITE}").glob("*.py")):
    print("installed", runpy.run_path(str(path))["NAME"])
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A folder on a network that has no way out; `name` is the server's there."""

    engine: Engine
    container: Any
    name: str

    @property
    def url(self) -> str:
        return f"http://{self.name}:{PORT}"

    def asked(self) -> list[str]:
        """The paths of the files that clients have asked for."""
        lines = self.container.logs().decode().splitlines()
        found = [line.split('"')[1].split()[1] for line in lines if '"GET ' in line]
        return [path for path in found if path.startswith("/files/")]

    def run(self, arch: Arch, command: list[str], *, image: str = "", **options: Any) -> Finished:
        """A command in a runtime image, which has neither pip nor uv, or in `image`."""
        settings = {
            "network_mode": self.name,
            "tmpfs": {"/tmp": "mode=1777,exec"},
            "environment": {"HOME": "/tmp", "PYTHONPATH": f"{SITE}:/pip"},
            **options,
        }
        digest = image or proven(f"onnxruntime-mlas-py311-{arch}").digest
        return self.engine.run(digest, command, timeout=600.0, **settings)


@contextmanager
def serving(engine: Engine, folder: Path, command: list[str]) -> Iterator[Server]:
    """Serves a folder by a command of the runtime image."""
    name = f"inferpack-test-{os.getpid()}-{next(NUMBERS)}"
    network = engine.client.networks.create(name, internal=True)
    try:
        container = engine.client.containers.run(
            proven(f"onnxruntime-mlas-py311-{base.native()}").digest,
            command,
            name=name,
            network=name,
            detach=True,
            labels={OWNER: name},
            environment={"PYTHONPATH": "/src", "PYTHONDONTWRITEBYTECODE": "1"},
            volumes={**mounted(folder, "/srv"), **mounted(ROOT / "inferpack", "/src/inferpack")},
        )
        try:
            end = time.monotonic() + 60
            while container.exec_run(["python3", "-c", READY]).exit_code:
                assert time.monotonic() < end, container.logs()
            yield Server(engine=engine, container=container, name=name)
        finally:
            container.remove(force=True)
    finally:
        network.remove()


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """An installer: how it is called, and what it needs in the container."""

    arch: Arch
    command: tuple[str, ...]
    volumes: dict[str, dict[str, str]]
    image: str = ""

    def install(
        self,
        server: Server,
        index: str,
        *words: str,
        requirements: Path | None = None,
        then: tuple[str, ...] = ("python3", "-c", TELL),
        volumes: dict[str, dict[str, str]] | None = None,
    ) -> tuple[int | None, str]:
        """Exit code and output; `then` runs after success, or tells which tiny wheels are there."""
        argv = [*self.command, "--target", SITE, "--index-url", f"{server.url}/{index}/", *words]
        there = {**self.volumes, **(volumes or {})}
        if requirements:
            argv += ["-r", "/requirements.txt"]
            there |= mounted(requirements, "/requirements.txt")
        script = BOTH.format(argv=argv, then=list(then), host=server.name)
        done = server.run(self.arch, ["python3", "-c", script], image=self.image, volumes=there)
        return done.code, done.stdout + done.stderr


PIP = ("-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "install")
UV = ("/uv", "pip", "install", "--no-config", "--no-cache", "--python", "/usr/bin/python3")


def pip_on(arch: Arch) -> Client:
    """This machine's pip in an image of an architecture, which may be emulated."""
    volumes = mounted(Path(pip.__file__).parent, "/pip/pip")
    return Client(arch=arch, command=("python3", *PIP), volumes=volumes)


def debian_pip() -> Client:
    """The pip of Debian 12, which is older."""
    image = proven(SMALLEST).digest
    return Client(arch=base.native(), command=("python3", *PIP), volumes={}, image=image)


def uv_for(arch: Arch) -> Client:
    """This machine's uv, installing for an architecture."""
    platform = ("--python-platform", f"{arch.machine}-manylinux_2_36")
    volumes = mounted(Path(find_uv_bin()), "/uv")
    return Client(arch=base.native(), command=(*UV, *platform), volumes=volumes)
