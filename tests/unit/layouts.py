"""Image layouts made by hand: blobs in a tar, as `docker save` writes it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import zstandard

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": gzip.compress,
    "+zstd": zstandard.compress,
}


def member(
    name: str, content: bytes | None = b"", **facts: object
) -> tuple[tarfile.TarInfo, bytes]:
    """A file, or without content whatever its `type` says."""
    found = tarfile.TarInfo(name)
    found.size = len(content or b"")
    for fact, value in facts.items():
        setattr(found, fact, value)
    return found, content or b""


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as out:
        for info, content in members:
            out.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Blobs:
    """What a layout holds so far."""

    found: dict[str, bytes] = field(default_factory=dict)

    def add(self, media_type: str, content: bytes, **more: object) -> dict[str, object]:
        """Adds a blob; returns its descriptor."""
        self.found[sha256(content)] = content
        return {"mediaType": media_type, "digest": sha256(content), "size": len(content), **more}

    def image(
        self,
        layers: Iterable[bytes],
        *,
        packed: str = "",
        arch: str = "amd64",
        config: Mapping[str, object] = MappingProxyType({}),
    ) -> dict[str, object]:
        """Adds an image of these tars; `config`: more fields of that document."""
        tars = list(layers)
        document = {
            "architecture": arch,
            "rootfs": {"type": "layers", "diff_ids": [sha256(item) for item in tars]},
            **config,
        }
        manifest = {
            "config": self.add(CONFIG, json.dumps(document).encode()),
            "layers": [self.add(LAYER + packed, PACKED[packed](item)) for item in tars],
        }
        platform = {"os": "linux", "architecture": arch}
        return self.add(MANIFEST, json.dumps(manifest).encode(), platform=platform)

    def index(self, *images: Mapping[str, object]) -> dict[str, object]:
        return self.add(INDEX, json.dumps({"manifests": images}).encode())

    def write(self, path: Path, image: Mapping[str, object]) -> Path:
        """Writes all that was added, as saved under the name of this image."""
        files = {"index.json": json.dumps({"manifests": [image]}).encode()}
        files |= {f"blobs/{name.replace(':', '/')}": blob for name, blob in self.found.items()}
        path.write_bytes(tar(*(member(name, content) for name, content in files.items())))
        return path
