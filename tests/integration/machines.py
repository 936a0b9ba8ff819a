"""Machines to build on: network namespaces, each with a Docker engine that only TLS leads to.

Each has an engine's data, a loopback and one cable of its own, and no way to other networks. They
share this machine's kernel and files.
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from socket import create_server, socket
from tempfile import TemporaryDirectory

from tests.integration.checkout import Done, command
from tests.integration.flaky import Way
from tests.integration.second_engine import PATIENCE, daemons, unmount

NUMBERS = itertools.count(os.getpid())
NETWORKS = "198.18.0.0"  # and more: RFC 2544 keeps them for tests, so they are nobody's
NAMESPACES = Path("/run/netns")
LOOPBACK = "127.0.0.1"
CABLE = "cable"
CLONE_NEWNET = 0x40000000  # of <sched.h>
SIGNED = ("-CA", "ca.pem", "-CAkey", "ca-key.pem")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True, kw_only=True)
class Client:
    """Somebody's Docker client: its folder has the certificates and contexts of all machines."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_CONFIG": str(self.folder)}

    def docker(self, *words: str) -> Done:
        return command("docker", *words, env=self.environment)


@dataclass(kw_only=True)
class Machine:
    """`context`: its name for the client; `address`: of its end of the cable."""

    context: str
    address: str
    client: Client
    folder: Path
    running: ExitStack = field(default_factory=ExitStack)
    processes: tuple[subprocess.Popen[bytes], ...] = ()

    def start(self) -> None:
        """Its engine, with what it had before."""
        ip("-netns", self.context, "link", "set", CABLE, "up")
        keys = {"cacert": "ca.pem", "cert": "server.pem", "key": "server-key.pem"}
        self.processes = self.running.enter_context(
            daemons(
                self.folder,
                lambda: self.docker("version").code == 0,
                f"--host=tcp://{self.address}:2376",
                "--bridge=none",
                "--tlsverify",
                *(f"--tls{name}={self.folder / file}" for name, file in keys.items()),
                inside=("nsenter", f"--net={NAMESPACES / self.context}"),
            )
        )

    def lose(self) -> None:
        """As a power cut would: nobody is told."""
        ip("-netns", self.context, "link", "set", CABLE, "down")
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=PATIENCE)
        self.running.close()

    def docker(self, *words: str) -> Done:
        return self.client.docker("--context", self.context, *words)

    def images(self) -> set[str]:
        """The digests of what it has."""
        done = self.docker("images", "--no-trunc", "--quiet")
        assert done.code == 0, done.stderr
        return set(done.stdout.split())


@contextmanager
def client() -> Iterator[Client]:
    """With an authority of its own that certifies it and the machines."""
    with TemporaryDirectory(prefix="client-") as name:
        made = Client(folder=Path(name))
        (made.folder / "openssl.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
        certify(made.folder, "ca", "basicConstraints=critical,CA:TRUE")
        certify(made.folder, "client", "extendedKeyUsage=clientAuth", *SIGNED)
        yield made


def certify(folder: Path, name: str, extension: str, *flags: str, to: Path | None = None) -> None:
    """Writes NAME.pem and NAME-key.pem, signed by itself or as openssl's `flags` say."""
    made = to or folder
    argv = ["openssl", "req", "-x509", "-config", "openssl.cnf", "-subj", f"/CN={name}", *CURVE]
    argv += ["-addext", extension, *flags]
    argv += ["-keyout", f"{made}/{name}-key.pem", "-out", f"{made}/{name}.pem"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


@contextmanager
def machine(client: Client) -> Iterator[Machine]:
    """Another machine, which runs."""
    number = next(NUMBERS)
    name, own = f"inferpack-{number}", IPv4Address(NETWORKS) + number % 4096 * 4
    here, there = own + 1, own + 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="machine-")))
        stack.callback(unmount, folder)
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
        ip("netns", "add", name)
        ip("link", "add", f"ip{number}", "type", "veth", "peer", "name", CABLE, "netns", name)
        stack.callback(subprocess.run, ["ip", "link", "delete", f"ip{number}"], check=False)
        ip("address", "add", f"{here}/30", "dev", f"ip{number}")
        ip("link", "set", f"ip{number}", "up")
        ip("-netns", name, "address", "add", f"{there}/30", "dev", CABLE)
        ip("-netns", name, "link", "set", "lo", "up")
        certify(client.folder, "server", f"subjectAltName=IP:{there}", *SIGNED, to=folder)
        shutil.copy(client.folder / "ca.pem", folder)
        keys = {"ca": "ca.pem", "cert": "client.pem", "key": "client-key.pem"}
        words = [f"host=tcp://{there}:2376"]
        words += [f"{key}={client.folder / file}" for key, file in keys.items()]
        done = client.docker("context", "create", name, "--docker", ",".join(words))
        assert done.code == 0, done.stderr
        made = Machine(context=name, address=str(there), client=client, folder=folder)
        stack.callback(made.lose)
        made.start()
        yield made


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def on_loopback(machine: Machine, host: str) -> Iterator[None]:
    """What listens at 127.0.0.1:PORT here does so there too."""
    port = int(host.rpartition(":")[2])

    def listening() -> socket:
        place = os.open(NAMESPACES / machine.context, os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(place, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(place)
        return create_server((LOOPBACK, port))

    with ThreadPoolExecutor(1) as pool:  # a namespace is a thread's own, and this one ends
        server = pool.submit(listening).result()
    with server:
        way = Way(host, server, (LOOPBACK, port))
        threading.Thread(target=way.serve, daemon=True).start()
        yield
