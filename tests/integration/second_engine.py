"""A second Docker engine on this machine: where somebody else pulls what we have pushed.

It has data, a containerd and a network of its own, holds nothing at first, and leaves nothing.
"""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from inferpack.engine import OWNER, Engine
from tests.integration.checkout import Done, command

NUMBERS = itertools.count(1)
PATIENCE = 30  # seconds until a daemon must answer
# Debian's containerd would serve Kubernetes too.
CONTAINERD = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'


@dataclass(frozen=True, slots=True)
class SecondEngine:
    """`host`: as DOCKER_HOST has it; `folder`: of everything that it and its client keep."""

    host: str
    folder: Path

    def docker(self, *words: str | Path, env: dict[str, str] | None = None) -> str:
        """The stdout of a command, as its users type it; it must end well."""
        done = self.tried(*words, env=env)
        assert done.code == 0, f"docker {words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def tried(self, *words: str | Path, env: dict[str, str] | None = None) -> Done:
        own = {"DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.folder / "client")}
        return command("docker", *words, env={**own, **(env or {})})

    def plug(self, plugin: Path) -> None:
        """Gives `docker` one more command."""
        place = self.folder / "client/cli-plugins" / plugin.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(plugin)


@contextmanager
def beside(first: Engine, *, containerd_store: bool) -> Iterator[SecondEngine]:
    """With the containerd image store or with the classic one, which most users have."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="engine-")))
        stack.callback(unmount, folder)
        bridge = stack.enter_context(network(first))
        made = SecondEngine(f"unix://{folder}/docker.sock", folder)
        stack.enter_context(
            daemons(
                folder,
                lambda: made.tried("version").code == 0,
                f"--host={made.host}",
                f"--bridge={bridge}",
                containerd_store=containerd_store,
            )
        )
        stack.callback(forget, made)
        yield made


@contextmanager
def daemons(
    folder: Path,
    ready: Callable[[], bool],
    *options: str,
    containerd_store: bool = True,
    inside: tuple[str, ...] = (),
) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    """An engine's two processes, which keep all they have in the folder; `inside`: a command that
    runs another, as `nsenter` does.
    """
    (folder / "containerd.sock").unlink(missing_ok=True)  # of one that was killed
    (folder / "containerd.toml").write_text(CONTAINERD)
    features = {"features": {"containerd-snapshotter": containerd_store}}
    (folder / "daemon.json").write_text(json.dumps(features))
    with (
        running(
            (folder / "containerd.sock").exists,
            folder / "containerd.log",
            *inside,
            "containerd",
            f"--config={folder}/containerd.toml",
            f"--root={folder}/containerd",
            f"--state={folder}/state",
            f"--address={folder}/containerd.sock",
        ) as containerd,
        running(
            ready,
            folder / "dockerd.log",
            *inside,
            "dockerd",
            f"--config-file={folder}/daemon.json",
            f"--containerd={folder}/containerd.sock",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
            "--iptables=false",
            "--ip-masq=false",
            "--ip-forward=false",
            *options,
        ) as dockerd,
    ):
        yield dockerd, containerd


@contextmanager
def network(first: Engine) -> Iterator[str]:
    """A bridge with a way out, which the first engine makes and routes.

    An engine that is told to have none takes docker0 away from the first one.
    """
    name = f"pulls-{os.getpid()}-{next(NUMBERS)}"  # an interface has 15 characters at most
    options = {"com.docker.network.bridge.name": name}
    made = first.client.networks.create(name, options=options, labels={OWNER: name})
    try:
        yield name
    finally:
        made.remove()


@contextmanager
def running(ready: Callable[[], bool], log: Path, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that ends when this block does, or this process; AssertionError with its words."""
    with log.open("wb") as out:
        # A session of its own: Ctrl-C is for the tests, which end it in order.
        made = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", *argv], stdout=out, stderr=out, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert made.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.02)
        yield made
    finally:
        made.terminate()
        made.wait(timeout=PATIENCE)


def forget(engine: SecondEngine) -> None:
    """Its containers would outlive it, and its networks are interfaces of this machine."""
    if found := engine.docker("ps", "--all", "--quiet"):
        engine.docker("rm", "--force", *found.split())
    engine.docker("network", "prune", "--force")


def unmount(folder: Path) -> None:
    """What the daemons leave mounted: a host network's namespace, for one."""
    for target in reversed(mounted(folder)):
        subprocess.run(["umount", "--lazy", target], check=True)


def mounted(folder: Path) -> list[str]:
    targets = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [target for target in targets if target.startswith(f"{folder}/")]
