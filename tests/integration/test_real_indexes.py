"""The pip that this machine's user has: resolve for both architectures, fetch, compare with pip."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from inferpack import indexes, locks, matrix, recipes, target, wheelhouse
from inferpack.model import Arch, Backend, Variant
from inferpack.store import file_digest

ROOT = Path(__file__).resolve().parents[2]
GLIBC = "2.36"


def asking(requires: tuple[str, ...], arch: Arch) -> Variant:
    """A variant that exists in the repository, but with other wheels."""
    known = matrix.select(matrix.variants(recipes.load(ROOT / "recipes")), "onnxruntime-*")[0]
    cell = msgspec.structs.replace(known.cell, requires=requires, arch=arch, backend=Backend.MLAS)
    return Variant(recipe=known.recipe, cell=cell)


def chosen_by_pip(requires: tuple[str, ...], platforms: tuple[str, ...], to: Path) -> set[str]:
    """The files that `pip download` picks for a foreign platform."""
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    argv += ["--python-version", "3.11", "--implementation", "cp", "--dest", str(to)]
    argv += [word for platform in platforms for word in ("--platform", platform)]
    subprocess.run([*argv, *requires], check=True, capture_output=True)
    return {path.name for path in to.iterdir()}


def resolved(variant: Variant, found: indexes.Indexes, folder: Path) -> tuple[locks.Lock, Path]:
    """A lock, and the file it is written to."""
    lock = locks.resolve(
        variant,
        GLIBC,
        found,
        cache=folder / "cache",
        log=folder / "uv.log",
        previous=None,
        upgrade=False,
    )
    path = locks.path_of(variant, folder)
    path.write_text(locks.render(lock))
    return lock, path


@pytest.mark.parametrize("arch", list(Arch))
def test_wheels_resolve_arrive_and_are_the_ones_pip_takes(tmp_path: Path, arch: Arch) -> None:
    variant = asking(("markupsafe==3.0.2", "jinja2==3.1.6"), arch)
    found = indexes.from_pip(tmp_path / "pip.log")
    lock, path = resolved(variant, found, tmp_path)
    assert locks.load(path, variant, GLIBC) == lock
    cached = wheelhouse.ensure(lock.wheels, lambda: found, cache=tmp_path / "cache")
    digests = {wheel.file.sha256: file_digest(path) for wheel, path in cached.items()}
    assert list(digests) == list(digests.values())
    platforms = target.platforms(variant.arch, GLIBC)
    expected = chosen_by_pip(variant.cell.requires, platforms, tmp_path / "pip")
    assert {wheel.file.name for wheel in cached} == expected


def test_a_lock_is_installable_beside_its_wheels(tmp_path: Path) -> None:
    """Any PEP 751 installer can use the lock once the wheels lie beside it."""
    from uv import find_uv_bin

    variant = asking(("jinja2==3.1.6", "markupsafe"), Arch.AMD64)
    found = indexes.from_pip(tmp_path / "pip.log")
    lock, path = resolved(variant, found, tmp_path)
    for wheel, file in wheelhouse.ensure(
        lock.wheels, lambda: found, cache=tmp_path / "cache"
    ).items():
        (tmp_path / wheel.file.name).hardlink_to(file)
    argv = [find_uv_bin(), "pip", "install", "--offline", "--no-config", "--preview", "--dry-run"]
    argv += ["--target", str(tmp_path / "target"), "--python-platform", "x86_64-manylinux_2_36"]
    argv += ["--python-version", "3.11", "--only-binary=:all:", "-r", str(path)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    installed = {line.split()[1] for line in done.stderr.splitlines() if line.startswith(" + ")}
    assert done.returncode == 0, done.stderr
    assert {line.partition("==")[0] for line in installed} >= {"jinja2", "markupsafe"}
