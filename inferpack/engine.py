"""The only Docker: BuildKit builds through `docker buildx`, everything else through the SDK."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inferpack import process
from inferpack.errors import InferpackError
from inferpack.model import Arch

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SNAPSHOTTER = "io.containerd.snapshotter.v1"
NOBODY_IN_PARTICULAR = "23456:23456"  # an image must not depend on its own user


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """How a container ended; `code` is None when its time ran out and it was killed."""

    code: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Docker engine with the containerd image store."""

    logs: Path
    host: str = field(default_factory=lambda: os.environ.get("DOCKER_HOST", ""))

    @cached_property
    def client(self) -> "DockerClient":
        import docker  # noqa: PLC0415  # 0.2 s: only for commands that talk to an engine

        try:
            client = docker.from_env(timeout=600)
            client.ping()
        except (docker.errors.DockerException, OSError) as err:
            where = self.host or "unix:///var/run/docker.sock"
            raise InferpackError(
                where, "no Docker engine answers", "./inv doctor shows what is missing"
            ) from err
        return client

    def stores_by_containerd(self) -> bool:
        return ["driver-type", SNAPSHOTTER] in self.client.info().get("DriverStatus", [])

    def version(self) -> str:
        return str(self.client.version()["Version"])

    def digest(self, reference: str) -> str | None:
        """The image's manifest digest, or None where the engine does not have it."""
        import docker  # noqa: PLC0415

        try:
            return str(self.client.images.get(reference).id)
        except docker.errors.ImageNotFound:
            return None

    def build(
        self, context: Path, *, name: str, arch: Arch, created: int, cached: bool = True
    ) -> str:
        """Builds a context without network and returns the manifest's digest.

        The same context and `created` (seconds since 1970) give the same digest: every layer is a
        tar with fixed times, linked rather than copied. zstd takes half of gzip's time for a
        smaller image, and Docker >= 23 pulls it; forced, so that what the engine has cached in
        another compression cannot change the digest.
        """
        metadata = self.logs / "metadata.json"
        output = (
            f"type=image,name={name},compression=zstd,force-compression=true,oci-mediatypes=true"
        )
        argv: list[str | Path] = ["docker", "buildx", "build", "--builder", self.builder]
        argv += ["--platform", f"linux/{arch}", "--network", "none", "--provenance=false"]
        argv += ["--build-arg", f"SOURCE_DATE_EPOCH={created}"]
        argv += ["--output", output, "--metadata-file", metadata, "--progress", "plain"]
        argv += [] if cached else ["--no-cache"]
        process.run([*argv, context], log=self.logs / "build.log")
        return str(json.loads(metadata.read_text())["containerimage.digest"])

    @property
    def builder(self) -> str:
        """The builder that shares the engine's own image store has its context's name."""
        if self.host:
            return "default"
        return process.run(
            ["docker", "context", "show"], log=self.logs / "context.log", quiet=True
        ).strip()

    def tag(self, digest: str, reference: str) -> None:
        self.client.images.get(digest).tag(reference)

    def remove(self, reference: str) -> None:
        import docker  # noqa: PLC0415

        try:
            self.client.images.remove(reference)
        except docker.errors.ImageNotFound:
            return

    def export(self, digest: str) -> Iterator[bytes]:
        """The unpacked file system as a tar, in pieces: `docker export`."""
        container = self.client.containers.create(digest)
        try:
            yield from cast(Iterator[bytes], container.export(chunk_size=1 << 20))
        finally:
            container.remove(force=True)

    def saved(self, digest: str) -> int:
        """Bytes of the image as stored and pulled, layers compressed: `docker save | wc -c`."""
        return sum(len(chunk) for chunk in self.client.images.get(digest).save(chunk_size=1 << 20))

    def run(
        self,
        digest: str,
        command: list[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Finished:
        """Runs a command as locked down as a strict cluster would: any uid, nothing writable.

        `options` go to the SDK's containers.create and override these defaults.
        """
        settings = {
            "network_mode": "none",
            "read_only": True,
            "user": NOBODY_IN_PARTICULAR,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            **options,
        }
        container = self.client.containers.create(
            digest, command, environment=dict(environment or {}), **settings
        )
        try:
            container.start()
            code = self._wait(container, timeout)
            stdout = container.logs(stdout=True, stderr=False).decode(errors="replace")
            stderr = container.logs(stdout=False, stderr=True).decode(errors="replace")
        finally:
            container.remove(force=True)
        return Finished(code=code, stdout=stdout, stderr=stderr)

    @staticmethod
    def _wait(container: "Container", timeout: float) -> int | None:
        from requests.exceptions import ConnectionError, ReadTimeout  # noqa: PLC0415

        try:
            return int(container.wait(timeout=timeout)["StatusCode"])
        except (ReadTimeout, ConnectionError):
            container.kill()
            return None
