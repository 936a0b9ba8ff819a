"""Where a Docker engine is, and how it is reached: by a file, TLS or ssh."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferpack import process
from inferpack.errors import InferpackError, UsageError

if TYPE_CHECKING:
    from docker import DockerClient

SOCKET = "unix:///var/run/docker.sock"
TLS_PORT = 2376  # where Docker's documentation has it
PATIENCE = 10  # seconds until another machine must be reached
TIMEOUT = 600  # seconds without an answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """`host`: as DOCKER_HOST has it, empty for where Docker would look; `context`: Docker's name
    for it, where it has one.
    """

    host: str = ""
    context: str = ""

    @property
    def address(self) -> str:
        return self.host or SOCKET

    @property
    def is_local(self) -> bool:
        """Whether it is reached by a file of this machine."""
        return self.address.startswith("unix://")

    @property
    def title(self) -> str:
        return f"docker engine {self.context}".rstrip()

    @property
    def command(self) -> tuple[str, ...]:
        """Docker's client, to this engine."""
        if self.context:
            return ("docker", "--context", self.context)
        return ("docker", "--host", self.host) if self.host else ("docker",)

    def builder(self, logs: Path) -> str:
        """The builder that shares the engine's own image store has its context's name."""
        if self.context:
            return self.context
        if self.host:
            return "default"
        shown = process.run(["docker", "context", "show"], log=logs / "context.log", quiet=True)
        return shown.strip()

    def connected(self) -> "DockerClient":
        """The SDK's client, after a first answer; the SDK's errors where there is none.

        How to get to another machine, and with which keys, is known to Docker's own client.
        """
        import docker  # noqa: PLC0415  # 0.2 s: only for commands that talk to an engine

        self.reach()
        if self.context or self.address.startswith("ssh://"):
            url = process.relay([*self.command, "system", "dial-stdio"])
            client = docker.DockerClient(url, timeout=TIMEOUT)
        else:
            place = {"DOCKER_HOST": self.host} if self.host else {}
            client = docker.from_env(timeout=TIMEOUT, environment={**os.environ, **place})
        client.ping()
        return client

    def reach(self) -> None:
        """OSError where nobody is there; the system would wait for minutes."""
        url = urlsplit(self.address)
        if url.scheme == "tcp" and url.hostname:
            socket.create_connection((url.hostname, url.port or TLS_PORT), PATIENCE).close()


def named(name: str, logs: Path) -> Endpoint:
    """A context's name, or a URL as DOCKER_HOST has it; UsageError where it is neither."""
    if "://" in name:
        return Endpoint(host=name)
    argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", name]
    try:
        host = process.run(argv, log=logs / "context.log", quiet=True).strip()
    except InferpackError as err:
        hint = f"docker context ls shows what there is; docker context create {name} makes it"
        raise UsageError(name, "is no context of Docker's", hint) from err
    return Endpoint(host=host, context=name)
