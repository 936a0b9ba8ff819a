"""The naive image: Debian minbase, a virtual environment, pip install --no-cache-dir."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.clock import settle, timed
from bench.figures import Build
from bench.names import PREFIX
from inferpack import console, locks, process, wheelhouse
from inferpack.model import Arch, Variant
from inferpack.render import link_or_copy
from inferpack.store import EPOCH, digest, file_digest, whole_file, whole_folder
from inferpack.target import platforms
from inferpack.workshop import Workshop

PACKAGES = ("python3", "python3-venv", "ca-certificates")
GZIP, ZSTD = "gzip", "zstd"


@dataclass(frozen=True, kw_only=True, slots=True)
class Minbase:
    """The imported base: one image a compression, so that no build has to recompress it."""

    digest: str
    images: dict[str, str]


def dockerfile(image: str, requires: tuple[str, ...]) -> str:
    """The Dockerfile most people write, but that its wheels lie in a folder beside it."""
    asked = " ".join(shlex.quote(requirement) for requirement in requires)
    return f"""FROM {image}
RUN --mount=type=bind,source=wheels,target=/wheels python3 -m venv /opt/venv \\
    && /opt/venv/bin/pip install --no-cache-dir --no-index --find-links /wheels {asked}
ENV PATH=/opt/venv/bin:$PATH
CMD ["python3"]
"""


def priming(image: str) -> str:
    """Brings the wheels to the builder before the clock starts: a user's pip has a network."""
    return f"FROM {image}\nRUN --mount=type=bind,source=wheels,target=/wheels true\n"


def suite(shop: Workshop, variant: Variant) -> tuple[str, Arch]:
    """What a minbase is made for."""
    return shop.base(variant)[1].suite, variant.arch


def minbases(shop: Workshop, variants: tuple[Variant, ...]) -> dict[tuple[str, Arch], Minbase]:
    """Naive variants of one suite and architecture share a base."""
    return {key: minbase(shop, *key) for key in sorted({suite(shop, item) for item in variants})}


def minbase(shop: Workshop, suite: str, arch: Arch) -> Minbase:
    """Debian's minbase with Python, made once and cached; imported under our own names."""
    tar = shop.cache / "bench" / f"minbase-{suite}-{arch}.tar"
    if not tar.exists():
        include = f"--include={','.join(PACKAGES)}"
        kind = ["--variant=minbase", "--format=tar", f"--arch={arch}"]
        with console.step(f"minbase of {suite}"), whole_file(tar) as temporary:
            argv = ["mmdebstrap", *kind, include, suite, str(temporary)]
            process.run(argv, log=shop.engine.logs / "minbase.log")
    context = shop.root / "minbase" / f"{suite}-{arch}"
    context.mkdir(parents=True)
    link_or_copy(tar, context / "rootfs.tar")
    (context / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
    images = {kind: f"{PREFIX}/minbase:{suite}-{arch}-{kind}" for kind in (GZIP, ZSTD)}
    with console.step("import minbase as an image"):
        for compression, image in images.items():
            build(shop, context, image, arch, compression)
    return Minbase(digest=f"sha256:{file_digest(tar)}", images=images)


def wheels(shop: Workshop, variant: Variant) -> tuple[Path, ...]:
    """All that pip needs: the locked wheels, and those the recipe goes without."""
    _, spec = shop.base(variant)
    lock = locks.load(shop.lock_path(variant), variant, spec.glibc)
    locked = wheelhouse.ensure(lock.wheels, shop.indexes, cache=shop.cache).values()
    if not variant.recipe.without:
        return tuple(locked)
    key = digest(lock.digest, variant.cell.requires, variant.recipe.without)
    folder = shop.cache / "bench" / "wheels" / key
    if not folder.exists():
        with console.step("the wheels that our lock leaves out"), whole_folder(folder) as temporary:
            for wheel in locked:
                link_or_copy(wheel, temporary / wheel.name)
            pins = "".join(f"{wheel.name}=={wheel.version}\n" for wheel in lock.wheels)
            (temporary / "constraints.txt").write_text(pins)
            download(shop, variant, spec.glibc, temporary)
    return tuple(sorted(folder.glob("*.whl")))


def download(shop: Workshop, variant: Variant, glibc: str, folder: Path) -> None:
    """`pip download` with the user's own configuration, for the variant's platform."""
    pip = [sys.executable, "-m", "pip", "download", "--only-binary=:all:"]
    pip += [word for name in platforms(variant.arch, glibc) for word in ("--platform", name)]
    pip += ["--implementation", "cp", "--python-version", variant.recipe.python]
    pip += ["--find-links", ".", "--dest", ".", "--constraint", "constraints.txt"]
    argv = [*pip, *variant.cell.requires]
    process.run(argv, log=shop.engine.logs / "pip-download.log", cwd=folder, quiet=True)


def context(variant: Variant, image: str, found: tuple[Path, ...], folder: Path) -> Path:
    """The naive build context, its wheels already known to the builder."""
    (folder / "wheels").mkdir(parents=True)
    for wheel in found:
        link_or_copy(wheel, folder / "wheels" / wheel.name)
    (folder / "Dockerfile").write_text(dockerfile(image, variant.cell.requires))
    return folder


def prime(shop: Workshop, folder: Path, image: str) -> None:
    (folder / "prime").write_text(priming(image))
    argv = ["docker", "buildx", "build", "--builder", shop.engine.builder, "--network", "none"]
    argv += ["--output", "type=cacheonly", "--file", str(folder / "prime"), str(folder)]
    process.run(argv, log=shop.engine.logs / "prime.log", quiet=True)


def cold(shop: Workshop, folder: Path, name: str, arch: Arch, kind: str) -> Build:
    """One naive build from nothing but its base and its wheels."""
    shop.engine.remove(name)
    load = settle()
    _, seconds = timed(lambda: build(shop, folder, name, arch, kind))
    return Build(seconds=seconds, load=load, phases={"buildx": seconds})


def build(shop: Workshop, folder: Path, name: str, arch: Arch, kind: str) -> None:
    """With the options of our own images (zstd), or with none, as anyone would (gzip)."""
    if kind == ZSTD:
        shop.engine.build(folder, name=name, arch=arch, created=EPOCH, cached=False)
        return
    argv = ["docker", "buildx", "build", "--builder", shop.engine.builder, "--network", "none"]
    argv += ["--no-cache", "--progress", "plain", "--tag", name, str(folder)]
    process.run(argv, log=shop.engine.logs / "naive.log")
