"""The only Docker: builds go through buildx, everything else through the SDK."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inferpack.buildx import Builder, Manifest
from inferpack.endpoint import Endpoint
from inferpack.errors import InferpackError
from inferpack.model import Arch

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SNAPSHOTTER = "io.containerd.snapshotter.v1"
OWNER = "io.inferpack.owner"  # a container's label: who started it
NOBODY_IN_PARTICULAR = "23456:23456"  # an image must not depend on its own user
CONTINUES = "the same command continues where it stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """How a container ended; `code` is None when its time ran out and it was killed."""

    code: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Docker engine with the containerd image store.

    `host`: where it is, as DOCKER_HOST has it; `context`: Docker's name for it; neither: where
    Docker would look. `elsewhere`: the buildx builder that builds for it, empty for its own;
    `probed`: hosts.py's.
    """

    logs: Path
    host: str = field(default_factory=lambda: os.environ.get("DOCKER_HOST", ""))
    context: str = ""
    elsewhere: str = ""
    probed: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(host=self.host, context=self.context)

    @cached_property
    def client(self) -> "DockerClient":
        import docker  # noqa: PLC0415

        try:
            return self.endpoint.connected()
        except (docker.errors.DockerException, OSError) as err:
            where, hint = self.endpoint.address, "./inv doctor shows what is missing"
            if self.context:
                hint = f"try: docker --context {self.context} version"
            raise InferpackError(where, "no Docker engine answers", hint) from err

    @cached_property
    def arch(self) -> Arch:
        """The architecture of its machine."""
        found = self.client.info()["Architecture"]
        return next(arch for arch in Arch if arch.machine == found)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Turns what the engine refuses, or its end in mid-work, into one clear line."""
        import docker  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        try:
            yield
        except (docker.errors.DockerException, RequestException) as err:
            reason = str(err).splitlines()[0]
            hint = f"look at the engine's log; {CONTINUES}"
            raise InferpackError(self.endpoint.title, f"failed: {reason}", hint) from err

    def stores_by_containerd(self) -> bool:
        return ["driver-type", SNAPSHOTTER] in (self.client.info().get("DriverStatus") or [])

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
    ) -> Manifest:
        """Builds a context without network: see buildx. The engine then has it under this name."""
        before = self.digest(name)
        if not self.stores_by_containerd():
            hint = 'add "features": {"containerd-snapshotter": true} to its daemon.json'
            raise InferpackError(self.endpoint.title, "has no containerd image store", hint)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=context.parent) as folder:
            archive = Path(folder) / "image.tar" if self.elsewhere else None
            own = Builder(
                docker=self.endpoint.command,
                name=self.elsewhere or self.builder,
                reach=None if self.endpoint.is_local else self.endpoint.reach,
            )
            try:
                made = own.build(
                    context, name=name, arch=arch, created=created, cached=cached, archive=archive
                )
            except InferpackError as err:
                if self.answers():
                    raise
                wrong = f"was lost in mid-build: {self.endpoint.address} answers no more"
                raise InferpackError(self.endpoint.title, wrong, CONTINUES) from err
            if archive:
                with archive.open("rb") as file:
                    self.client.images.load(file)
        if (found := self.digest(name)) != made.digest:
            wrong = f"{own.name} built {made.digest}, and the engine has {found}"
            raise InferpackError(name, wrong, "use a builder and an engine of about the same age")
        self.discard(before)
        return made

    def answers(self) -> bool:
        import docker  # noqa: PLC0415

        try:
            self.endpoint.reach()
            return bool(self.client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    @property
    def builder(self) -> str:
        """The builder that shares the engine's image store."""
        return self.endpoint.builder(self.logs)

    def name(self, digest: str, reference: str) -> None:
        """Names an image; the one that had the name goes, unless it has another."""
        before = self.digest(reference)
        self.client.images.get(digest).tag(reference)
        self.discard(before)

    def load(self, archive: bytes, reference: str, digest: str) -> None:
        """Loads an OCI archive that has this image under this name."""
        before = self.digest(reference)
        if before == digest:
            return
        self.client.images.load(archive)
        self.discard(before)

    def discard(self, digest: str | None) -> None:
        """Removes an image that has no name and that no container uses."""
        import docker  # noqa: PLC0415

        with suppress(docker.errors.APIError):
            if digest and not self.client.images.get(digest).tags:
                self.client.images.remove(digest)

    def remove(self, reference: str) -> None:
        import docker  # noqa: PLC0415

        with suppress(docker.errors.ImageNotFound):
            self.client.images.remove(reference)

    def export(self, digest: str, owner: str = "") -> Iterator[bytes]:
        """The unpacked file system as a tar, in pieces: `docker export`; `owner` as of `run`."""
        container = self.client.containers.create(digest, labels=self._owned(owner))
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
        owner: str = "",
        **options: Any,
    ) -> Finished:
        """Runs a command as locked down as a strict cluster would: any uid, nothing writable.

        `options` go to the SDK's containers.create and override these defaults. A container of
        the same `owner`, left by a run that was killed, is removed first: only who holds a lock
        may name one. Else it is this process, and what it leaves `clean` removes.
        """
        settings = {
            "network_mode": "none",
            "read_only": True,
            "user": NOBODY_IN_PARTICULAR,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "labels": self._owned(owner),
            **options,
        }
        container = self.client.containers.create(
            digest, command, environment=dict(environment or {}), **settings
        )
        try:
            with self.reporting():
                container.start()
            code = self._wait(container, timeout)
            stdout = container.logs(stdout=True, stderr=False).decode(errors="replace")
            stderr = container.logs(stdout=False, stderr=True).decode(errors="replace")
        finally:
            container.remove(force=True)
        return Finished(code=code, stdout=stdout, stderr=stderr)

    def _owned(self, owner: str) -> dict[str, str]:
        if owner:
            self.remove_containers(owner)
        return {OWNER: owner or f"process {os.getpid()} in {self.logs}"}

    def remove_containers(self, owner: str) -> None:
        import docker  # noqa: PLC0415

        found, own = self.client.containers, f"{OWNER}={owner}"
        for container in found.list(all=True, filters={"label": own}, ignore_removed=True):
            with suppress(docker.errors.NotFound):  # it ended meanwhile
                container.remove(force=True)

    @staticmethod
    def _wait(container: "Container", timeout: float) -> int | None:
        from requests.exceptions import ConnectionError, ReadTimeout  # noqa: PLC0415

        start = time.monotonic()
        try:
            return int(container.wait(timeout=timeout)["StatusCode"])
        except (ReadTimeout, ConnectionError):
            if time.monotonic() - start < timeout:
                raise  # the engine is gone
            return None  # and the caller removes it, running or not
