"""Where a Docker engine is, and how it is reached: by a file, TLS or ssh."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from inferpack import process
from inferpack.errors import InferpackError, UsageError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.tls import TLSConfig

SOCKET = "unix:///var/run/docker.sock"
TLS_PORT = 2376  # where Docker's documentation has it
PATIENCE = 10  # seconds until another machine must be reached
TIMEOUT = 600  # seconds without an answer


class Docker(Struct, frozen=True, rename="pascal"):
    """`host`: as DOCKER_HOST has it."""

    host: str
    skips: bool = field(name="SkipTLSVerify", default=False)


class Endpoints(Struct, frozen=True):
    docker: Docker


class Keys(Struct, frozen=True):
    """The names of files: ca.pem, cert.pem and key.pem, or fewer."""

    docker: frozenset[str] = frozenset()


class Storage(Struct, frozen=True):
    tls: str = field(name="TLSPath", default="")


class Context(Struct, frozen=True, rename="pascal"):
    """Docker's own record of where an engine is: `docker context inspect`, the part that is asked.

    What there is of keys stays where Docker keeps it.
    """

    name: str
    endpoints: Endpoints
    storage: Storage
    keys: Keys = field(name="TLSMaterial", default_factory=Keys)

    @property
    def host(self) -> str:
        return self.endpoints.docker.host

    def tls(self) -> "TLSConfig | None":
        from docker.tls import TLSConfig  # noqa: PLC0415

        folder, verify = Path(self.storage.tls) / "docker", not self.endpoints.docker.skips
        ca, cert, key = (
            str(folder / name) if name in self.keys.docker else None
            for name in ("ca.pem", "cert.pem", "key.pem")
        )
        pair = (cert, key) if cert and key else None
        return TLSConfig(client_cert=pair, ca_cert=ca, verify=verify) if ca or pair else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A context's, or `host` as DOCKER_HOST has it, or where Docker would look."""

    host: str = ""
    context: Context | None = None

    @property
    def address(self) -> str:
        """As DOCKER_HOST has it."""
        return self.context.host if self.context else self.host or SOCKET

    @property
    def is_local(self) -> bool:
        """Whether it is reached by a file of this machine."""
        return self.address.startswith("unix://")

    @property
    def title(self) -> str:
        return f"docker engine {self.context.name}" if self.context else "docker engine"

    @property
    def command(self) -> tuple[str, ...]:
        """Docker's client, to this engine."""
        if self.context:
            return ("docker", "--context", self.context.name)
        return ("docker", "--host", self.host) if self.host else ("docker",)

    def builder(self, logs: Path) -> str:
        """The builder that shares the engine's own image store has its context's name."""
        if self.context:
            return self.context.name
        if self.host:
            return "default"
        shown = process.run(["docker", "context", "show"], log=logs / "context.log", quiet=True)
        return shown.strip()

    def connected(self) -> "DockerClient":
        """The SDK's client, after a first answer; the SDK's errors where there is none."""
        import docker  # noqa: PLC0415  # 0.2 s: only for commands that talk to an engine

        self.reach()
        if self.address.startswith("ssh://"):  # for which the SDK wants an ssh client of its own
            url = process.relay([*self.command, "system", "dial-stdio"])
            client = docker.DockerClient(url, timeout=TIMEOUT)
        elif self.context:
            tls = self.context.tls() or False
            client = docker.DockerClient(self.address, tls=tls, timeout=TIMEOUT)
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
    argv = ["docker", "context", "inspect", name]
    try:
        text = process.run(argv, log=logs / "context.log", quiet=True)
    except InferpackError as err:
        hint = f"docker context ls shows what there is; docker context create {name} makes it"
        raise UsageError(name, "is no context of Docker's", hint) from err
    (found,) = msgspec.json.decode(text, type=tuple[Context, ...])
    return Endpoint(context=found)
