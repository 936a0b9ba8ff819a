"""BuildKit's builds: `docker buildx`, by an engine's own builder or by any other."""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inferpack import process
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What names an image: the digest of its manifest, whose size is in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """`docker`: the client's command, to some engine; `name`: buildx's; `reach`: process.run's."""

    docker: tuple[str, ...]
    name: str
    reach: Callable[[], None] | None = None

    def build(
        self,
        context: Path,
        *,
        name: str,
        arch: Arch,
        created: int,
        cached: bool = True,
        archive: Path | None = None,
    ) -> Manifest:
        """Builds a context without network, into the builder's own image store or an OCI archive.

        The same context and `created` (seconds since 1970) give the same digest: every layer is a
        tar with fixed times, linked rather than copied. zstd takes half of gzip's time for a
        smaller image, and Docker >= 23 pulls it; forced, so that what the builder has cached in
        another compression cannot change the digest.
        """
        output = f"type=oci,dest={archive}" if archive else "type=image"
        output += f",name={name},compression=zstd,force-compression=true,oci-mediatypes=true"
        argv: list[str | Path] = [*self.docker, "buildx", "build", "--builder", self.name]
        argv += ["--platform", f"linux/{arch}", "--network", "none", "--provenance=false"]
        argv += ["--build-arg", f"SOURCE_DATE_EPOCH={created}"]
        argv += ["--output", output, "--progress", "plain"]
        argv += [] if cached else ["--no-cache"]
        # A file of its own: a build of another variant may run at the same time.
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=context.parent) as folder:
            metadata = Path(folder) / "metadata.json"
            argv += ["--metadata-file", metadata, context]
            process.run(argv, log=context.parent / "build.log", reach=self.reach)
            made = json.loads(metadata.read_text())["containerimage.descriptor"]
        return Manifest(digest=str(made["digest"]), size=int(made["size"]))


def check(name: str, logs: Path) -> None:
    """UsageError where buildx knows no such builder, or it is one of an engine."""
    argv, log = ["docker", "buildx", "inspect", name], logs / "builder.log"
    try:
        shown = process.run(argv, log=log, quiet=True)
    except InferpackError as err:
        hint = "docker buildx ls shows those it has"
        raise UsageError("--builder", f"buildx has no builder '{name}'", hint) from err
    if re.search(r"^Driver: +docker$", shown, re.MULTILINE):
        wrong = f"'{name}' is an engine's own builder"
        raise UsageError("--builder", wrong, "leave it out; INFERPACK_ENGINES names other engines")
