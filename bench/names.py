"""Measurements have image names of their own, and leave nothing under them."""

from pathlib import Path

from inferpack.buildx import Manifest
from inferpack.engine import Engine
from inferpack.model import Arch

PREFIX = "inferpack-bench"


def apart(name: str) -> str:
    """
    >>> apart("inferpack/openvino:1-unproven"), apart("inferpack-bench/naive:x")
    ('inferpack-bench/openvino:1-unproven', 'inferpack-bench/naive:x')
    """
    return f"{PREFIX}/{name.removeprefix('inferpack/')}" if "inferpack/" in name else name


class Apart(Engine):
    """The engine, but no measurement moves or removes a user's image name."""

    def build(
        self, context: Path, *, name: str, arch: Arch, created: int, cached: bool = True
    ) -> Manifest:
        return super().build(context, name=apart(name), arch=arch, created=created, cached=cached)

    def name(self, digest: str, reference: str) -> None:
        super().name(digest, apart(reference))

    def remove(self, reference: str) -> None:
        super().remove(apart(reference))

    def clear(self) -> None:
        """Removes every image under our prefix, also of a run that was interrupted."""
        for image in self.client.images.list(name=f"{PREFIX}/*"):
            for name in image.tags:
                self.remove(name)
