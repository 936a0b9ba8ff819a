"""Debian's docker-registry for tests: each with a folder, a port and rules of its own."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inferpack import cli, local_registry
from inferpack.serving import LOCAL


@dataclass(frozen=True, slots=True)
class Registry:
    """`host`: HOST:PORT; `data`: the folder of everything that it holds."""

    host: str
    data: Path

    def blobs(self) -> dict[str, int]:
        """The size in bytes of everything that was ever pushed, by its digest."""
        found = (self.data / "docker/registry/v2/blobs/sha256").glob("*/*/data")
        return {f"sha256:{path.parent.name}": path.stat().st_size for path in found}

    def blob(self, digest: str) -> bytes:
        sha256 = digest.removeprefix("sha256:")
        folder = self.data / "docker/registry/v2/blobs/sha256" / sha256[:2] / sha256
        return (folder / "data").read_bytes()

    def tags(self, repository: str) -> dict[str, str]:
        """Tag → digest."""
        folder = self.data / "docker/registry/v2/repositories" / repository / "_manifests/tags"
        links = folder.glob("*/current/link")
        return {path.parts[-3]: path.read_text() for path in sorted(links)}


@contextmanager
def running(folder: Path, *, port: int = 0, **settings: object) -> Iterator[Registry]:
    """A registry whose `data` lies in the folder; `settings` stand beside inferpack's own."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    config = folder / "config.yml"
    config.write_text(json.dumps(local_registry.settings(folder / "data", port) | settings))
    program = cli.shop().tool("docker-registry")
    with (folder / "log").open("wb") as log:
        made = subprocess.Popen([program, "serve", config], stdout=log, stderr=log)
    try:
        while not local_registry.listens(port):
            assert made.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        yield Registry(f"{LOCAL}:{port}", folder / "data")
    finally:
        made.terminate()
        made.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind((LOCAL, 0))
        return int(free.getsockname()[1])
