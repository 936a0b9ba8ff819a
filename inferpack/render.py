"""A variant and its layers become a build context: a Dockerfile and the tars it adds."""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inferpack.bases import Base
from inferpack.model import Layer, Origin, Package, Variant
from inferpack.store import disk, whole_folder

BASE_LAYER = "base"
TEMPLATE = "Dockerfile.j2"
START = "/opt/inferpack/start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """What an image starts from: our own root file system, or a registry image by digest.

    `packages` are the Debian packages of our own; empty for a registry image.
    """

    name: str
    digest: str
    environment: dict[str, str]
    packages: tuple[Package, ...] = ()

    @property
    def image(self) -> str:
        """What FROM names."""
        return "scratch" if self.packages else f"{self.name}@{self.digest}"

    @property
    def entrypoint(self) -> list[str]:
        """tini, in our own root file system, is PID 1 or (-s) below another; then `start`."""
        return [*(("/usr/bin/tini", "-s", "--") if self.packages else ()), START]


def root_of(
    variant: Variant, name: str, base: Base, digest: str, packages: tuple[Package, ...]
) -> Root:
    """Our base `name` with its digest and packages, or the registry image the recipe pins."""
    if variant.recipe.base + variant.suffix == name:
        return Root(
            name=f"inferpack/base:{name}",
            digest=digest,
            environment=base.environment,
            packages=packages,
        )
    image, _, pinned = variant.recipe.base.partition("@")
    return Root(name=image, digest=pinned, environment=base.environment)


def environment(variant: Variant, root: Root) -> dict[str, str]:
    """The image's variables: the base's, then the recipe's, then the cell's."""
    return {**root.environment, **variant.recipe.environment, **variant.cell.environment}


def labels(variant: Variant, root: Root, lock: str, origin: Origin) -> dict[str, str]:
    """OCI's annotation keys, then our own; `lock` is the lock's digest."""
    oci = {
        "title": variant.recipe.title,
        "description": f"{variant.recipe.title} {variant.version}: CPU inference, INT8 proven",
        "version": variant.version,
        "revision": origin.revision,
        "created": datetime.fromtimestamp(origin.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": variant.recipe.source,
        "licenses": variant.recipe.licenses,
        "base.name": root.name,
        "base.digest": root.digest,
    }
    own = {
        "variant": variant.id,
        "backend": str(variant.backend),
        "lock": lock,
        "base.packages": " ".join(f"{item.name}={item.version}" for item in root.packages),
    }
    return {
        **{f"org.opencontainers.image.{name}": value for name, value in oci.items()},
        **{f"io.inferpack.{name}": value for name, value in own.items() if value},
    }


def quoted(text: str) -> str:
    r"""A value as a Dockerfile's double-quoted word.

    >>> print(quoted('a "b" $c'))
    "a \"b\" \$c"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def dockerfile(
    variant: Variant,
    *,
    root: Root,
    layers: tuple[str, ...],
    lock: str,
    origin: Origin,
    templates: Path,
) -> str:
    """The Dockerfile's text; the same arguments give the same text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    jinja = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # a Dockerfile is no HTML; values are quoted by our filter
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters["quoted"] = quoted
    return jinja.get_template(TEMPLATE).render(
        title=variant.recipe.title,
        base=root.image,
        created=origin.created,
        layers=[f"{name}.tar" for name in layers],
        environment=sorted(environment(variant, root).items()),
        labels=list(labels(variant, root, lock, origin).items()),
        entrypoint=json.dumps(root.entrypoint),
    )


def write_context(folder: Path, text: str, layers: tuple[Layer, ...]) -> Path:
    """Writes `folder` whole: the Dockerfile and its tars, linked from the cache where possible."""
    with whole_folder(folder) as temporary:
        (temporary / "layers").mkdir()
        (temporary / "Dockerfile").write_text(text)
        for layer in layers:
            link_or_copy(layer.tar, temporary / "layers" / f"{layer.name}.tar")
    return folder


def link_or_copy(source: Path, target: Path) -> None:
    with disk(target):
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target)
