"""An engine that is a few dictionaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from inferpack.engine import OWNER, Engine


@dataclass(frozen=True, kw_only=True)
class FakeEngine(Engine):
    """`names`: of images, with their digests; `untagged`: digests without; `volumes`, `cached`
    by BuildKit: bytes.
    """

    names: dict[str, str] = field(default_factory=dict)
    untagged: set[str] = field(default_factory=set)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    cached: list[int] = field(default_factory=list)

    @cached_property
    def client(self) -> Any:
        api = SimpleNamespace(
            base_url="http://engine",
            api_version="1.45",
            images=self.listed,
            containers=lambda **_: list(self.containers.values()),
            get=lambda *_, **__: SimpleNamespace(json=self.usage),
            remove_container=self.containers.pop,
            remove_volume=self.volumes.pop,
        )
        return SimpleNamespace(api=api, images=SimpleNamespace(get=self.image))

    def image(self, digest: str) -> Any:
        """Two layers: one that all images have, and its own."""
        attrs = {"RootFS": {"Layers": ["base", digest]}, "Size": 30}
        history = [{"Size": 20}, {"Size": 0}, {"Size": 100}]
        return SimpleNamespace(attrs=attrs, history=lambda: history)

    def listed(self) -> list[dict[str, Any]]:
        digests = sorted({*self.names.values(), *self.untagged})
        named = {one: [name for name, it in self.names.items() if it == one] for one in digests}
        return [{"Id": one, "RepoTags": named[one], "Created": 1} for one in digests]

    def usage(self) -> Mapping[str, Any]:
        volumes = self.volumes.items()
        return {
            "Volumes": [{"Name": name, "UsageData": {"Size": size}} for name, size in volumes],
            "BuildCache": [{"Size": size} for size in self.cached],
        }

    def run_from(self, digest: str, name: str, *, owner: str = "", state: str = "running") -> None:
        self.containers[name] = {
            "Id": name,
            "Names": [f"/{name}"],
            "ImageID": digest,
            "State": state,
            "SizeRw": 1_000,
            "Labels": {OWNER: owner} if owner else {},
        }

    def digest(self, reference: str) -> str | None:
        known = {*self.names.values(), *self.untagged}
        return self.names.get(reference, reference if reference in known else None)

    def remove(self, reference: str) -> None:
        self.names.pop(reference, None)
        self.untagged.discard(reference)

    def load(self, archive: bytes, reference: str, digest: str) -> None:
        self.names[reference] = digest
