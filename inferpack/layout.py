"""An OCI image layout as `docker save` writes it: one tar of an index, manifests and layers."""

import gzip
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TypeVar, cast

import msgspec
from msgspec import Struct, field

T = TypeVar("T")
UNKNOWN = "unknown"  # the platform of what is in an index and is no image, as an attestation


class Platform(Struct, frozen=True, kw_only=True):
    """What an image of an index runs on."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Descriptor(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a blob is said to be, and what it is."""

    media_type: str
    digest: str
    platform: Platform | None = None

    @property
    def is_index(self) -> bool:
        """OCI's, or Docker's own `manifest.list`."""
        return "index" in self.media_type or "manifest.list" in self.media_type


class Index(Struct, frozen=True, kw_only=True):
    manifests: tuple[Descriptor, ...]


class Manifest(Struct, frozen=True, kw_only=True):
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Step(Struct, frozen=True, kw_only=True):
    """A line of a Dockerfile; with `empty_layer` it changed no file."""

    created_by: str = ""
    empty_layer: bool = False


class Root(Struct, frozen=True, kw_only=True):
    """The layers from the bottom up, by sha256 of their uncompressed tars."""

    diff_ids: tuple[str, ...]


class Runtime(Struct, frozen=True, kw_only=True):
    labels: dict[str, str] | None = field(name="Labels", default=None)


class Config(Struct, frozen=True, kw_only=True):
    """https://github.com/opencontainers/image-spec/blob/main/config.md, the part that is asked."""

    architecture: str
    rootfs: Root
    config: Runtime | None = None
    history: tuple[Step, ...] | None = None

    @property
    def labels(self) -> dict[str, str]:
        return (self.config and self.config.labels) or {}

    @property
    def layer_names(self) -> tuple[str, ...]:
        """What each layer holds: the tar that was added, or the line that made it."""
        steps = [step.created_by for step in self.history or () if not step.empty_layer]
        added = [re.search(r"layers/(.+)\.tar ", step) for step in steps]
        named = [found[1] if found else step for found, step in zip(added, steps, strict=True)]
        unnamed = ["unnamed"] * (len(self.rootfs.diff_ids) - len(named))
        return (*named, *unnamed)


@dataclass(frozen=True)
class Layout:
    """A layout's tar on disk; nothing of it is held but its table of contents."""

    path: Path

    @cached_property
    def blobs(self) -> frozenset[str]:
        """The digests of what is there."""
        with tarfile.open(self.path) as tar:
            found = (name.split("/") for name in tar.getnames() if name.startswith("blobs/"))
            return frozenset(":".join(parts[1:]) for parts in found if len(parts) == 3)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with tarfile.open(self.path) as tar:
            yield cast(IO[bytes], tar.extractfile(name))  # None is for what is no file

    def read(self, digest: str) -> bytes:
        """A blob, whole."""
        with self.open(f"blobs/{digest.replace(':', '/')}") as blob:
            return blob.read()

    def parse(self, digest: str, kind: type[T]) -> T:
        return msgspec.json.decode(self.read(digest), type=kind)

    @property
    def image(self) -> Descriptor:
        """What was saved: an image, or an index of some."""
        with self.open("index.json") as file:
            return msgspec.json.decode(file.read(), type=Index).manifests[0]

    def images(self) -> tuple[Descriptor, ...]:
        """The saved image, or every image that the index names, there or not."""
        if not self.image.is_index:
            return (self.image,)
        named = self.parse(self.image.digest, Index).manifests
        return tuple(item for item in named if not item.platform or item.platform.os != UNKNOWN)

    def missing(self) -> tuple[Descriptor, ...]:
        """The images that are not there: an engine pulls only its own platform's."""
        return tuple(image for image in self.images() if not self.is_whole(image))

    def is_whole(self, image: Descriptor) -> bool:
        if image.digest not in self.blobs:
            return False
        manifest = self.manifest(image)
        return self.blobs.issuperset(item.digest for item in (manifest.config, *manifest.layers))

    def manifest(self, image: Descriptor) -> Manifest:
        return self.parse(image.digest, Manifest)

    def config(self, image: Descriptor) -> Config:
        return self.parse(self.manifest(image).config.digest, Config)

    @contextmanager
    def layer(self, descriptor: Descriptor) -> Iterator[IO[bytes]]:
        """A layer's tar, decompressed while it is read."""
        import zstandard  # noqa: PLC0415  # 20 ms: only for images that are not the same

        with self.open(f"blobs/{descriptor.digest.replace(':', '/')}") as blob:
            if descriptor.media_type.endswith("zstd"):
                reader = zstandard.ZstdDecompressor()
                yield cast(IO[bytes], reader.stream_reader(blob, read_across_frames=True))
            elif descriptor.media_type.endswith("gzip"):
                with gzip.open(blob) as plain:
                    yield cast(IO[bytes], plain)
            else:
                yield blob
