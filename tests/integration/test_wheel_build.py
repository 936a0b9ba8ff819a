"""A real wheel from source, for both architectures: cold, warm, and what its failures say."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from inferpack import base, builder, building, wheels
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Arch
from inferpack.wheel import BuiltWheel, WheelVariant
from inferpack.workshop import Workshop

LINKED = (".cache", ".git", "plugins", "recipes", "selftest", "templates", "wheels")
PROJECT = """\
[build-system]
requires = ["setuptools"{more}]
build-backend = "setuptools.build_meta"

[project]
name = "toy"
version = "1.0"
"""
SETUP = """\
from setuptools import Extension, setup
setup(ext_modules=[Extension("toy", ["fine.cc", "toy.cc"])])
"""


@pytest.fixture(scope="module")
def apart(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The workshop with a build folder of its own, in which no wheel is known."""
    root = tmp_path_factory.mktemp("wheels")
    for name in LINKED:
        (root / name).symlink_to(shop.root / name)
    return dataclasses.replace(shop, root=root)


@pytest.fixture(scope="module")
def volume(engine: Engine) -> Iterator[str]:
    """An empty ccache."""
    made = engine.client.volumes.create(f"inferpack-test-ccache-{uuid4().hex[:8]}")
    yield str(made.name)
    made.remove()


@pytest.fixture(scope="module")
def cold(apart: Workshop, volume: str) -> dict[Arch, BuiltWheel]:
    """fastText, compiled with an empty ccache."""
    return {
        variant.arch: wheels.wheel(apart, variant, volume=volume)
        for variant in apart.wheel_variants("fasttext")
    }


def fasttext(shop: Workshop, arch: Arch) -> WheelVariant:
    (found,) = shop.wheel_variants(f"fasttext-*-{arch}")
    return found


@pytest.mark.parametrize("arch", Arch)
def test_it_is_compiled_finished_checked_and_tested(
    apart: Workshop, cold: dict[Arch, BuiltWheel], arch: Arch
) -> None:
    made = cold[arch]
    assert made.version == "0.9.3+inferpack.1"
    assert {tag.partition("-manylinux")[0] for tag in made.tags} == {"cp311-cp311"}
    assert all(tag.endswith(arch.machine) for tag in made.tags)
    emulated = [bool(item.model) for item in made.tested]
    assert emulated == ([False, True] if arch is base.native() else [True])
    folder = apart.wheel_folder(fasttext(apart, arch))
    assert [path.name for path in folder.glob("*.whl")] == [made.file.name]
    log = (folder / "wheel.log").read_text()
    assert f"{arch.multiarch}-g++ --sysroot=/opt/sysroot" in log
    raw = building.current(folder, wheels.inputs(apart, fasttext(apart, arch)).raw)
    assert raw is not None
    assert (raw[1].hits, raw[1].calls) == (0, 17)


@pytest.mark.parametrize("arch", Arch)
def test_nothing_is_done_twice(
    apart: Workshop, cold: dict[Arch, BuiltWheel], arch: Arch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert wheels.wheel(apart, fasttext(apart, arch), volume="") == cold[arch]
    assert capfd.readouterr().err == ""


def test_another_build_gives_the_same_bytes(
    apart: Workshop, cold: dict[Arch, BuiltWheel], tmp_path: Path
) -> None:
    """Cold, and so by the compiler itself."""
    again = elsewhere(apart, tmp_path)
    made = wheels.inputs(again, fasttext(again, Arch.ARM64))
    assert cold[Arch.ARM64].inputs == made.decided
    assert again_raw(again, made, "") == raw_of(apart, Arch.ARM64)


def test_ccache_knows_what_was_compiled(
    apart: Workshop, cold: dict[Arch, BuiltWheel], volume: str, tmp_path: Path
) -> None:
    again = elsewhere(apart, tmp_path)
    made = wheels.inputs(again, fasttext(again, Arch.AMD64))
    assert cold[Arch.AMD64].inputs == made.decided
    assert again_raw(again, made, volume) == raw_of(apart, Arch.AMD64)
    raw = building.current(again.wheel_folder(made.variant), made.raw)
    assert raw is not None
    # Two programs that setup.py tries the compiler with have another name in every run
    assert (raw[1].hits, raw[1].calls) == (15, 17)


def elsewhere(shop: Workshop, root: Path) -> Workshop:
    for name in LINKED:
        (root / name).symlink_to(shop.root / name)
    return dataclasses.replace(shop, root=root)


def again_raw(shop: Workshop, made: wheels.Inputs, volume: str) -> str:
    return wheels.compiled(shop, made, volume)[1].file.sha256


def raw_of(shop: Workshop, arch: Arch) -> str:
    made = wheels.inputs(shop, fasttext(shop, arch))
    return wheels.compiled(shop, made, "")[1].file.sha256


@pytest.fixture
def toy(apart: Workshop, tmp_path: Path) -> Iterator[tuple[WheelVariant, str, Path]]:
    """A variant, the image that compiles it, and the source of a project that is no project yet."""
    made = wheels.inputs(apart, fasttext(apart, Arch.ARM64))
    image = builder.ensure(made.builder, apart.wheel_folder(made.variant) / "builder", apart.engine)
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT.format(more=""))
    (source / "setup.py").write_text(SETUP)
    (source / "fine.cc").write_text("int fine;\n")
    (source / "toy.cc").write_text("int toy;\n")
    yield made.variant, image, source


def failure(engine: Engine, toy: tuple[WheelVariant, str, Path], folder: Path) -> str:
    variant, image, source = toy
    with pytest.raises(InferpackError) as caught:
        building.build(variant, image, source, key="k", engine=engine, folder=folder, volume="")
    assert not (folder / "raw").exists()
    return str(caught.value)


def test_a_compiler_s_error_shows_the_command_the_end_and_the_log(
    engine: Engine, toy: tuple[WheelVariant, str, Path], tmp_path: Path
) -> None:
    (toy[2] / "toy.cc").write_text("int toy = nothing;\n")
    first, *rest = failure(engine, toy, tmp_path).splitlines()
    assert first.startswith(
        "wheels/fasttext.toml: the build exited with code 1 in: aarch64-linux-gnu-g++ --sysroot"
    )
    assert " -c toy.cc -o " in first
    assert 3 < len(rest) <= 30
    assert any("was not declared in this scope" in line for line in rest)
    log = tmp_path / "wheel.log"
    assert rest[-1].endswith(f"; full log: {log}")
    assert "running bdist_wheel" in log.read_text()


def test_a_build_backend_that_is_missing_is_one_line(
    engine: Engine, toy: tuple[WheelVariant, str, Path], tmp_path: Path
) -> None:
    (toy[2] / "pyproject.toml").write_text(PROJECT.format(more=', "numpy>=1"'))
    assert failure(engine, toy, tmp_path) == (
        "wheels/fasttext.toml: the build needs the wheel 'numpy>=1', and does not find it; add it, "
        f"pinned, to 'requires' in the recipe, then ./inv lock; full log: {tmp_path / 'wheel.log'}"
    )


def test_a_header_that_is_missing_is_one_line(
    engine: Engine, toy: tuple[WheelVariant, str, Path], tmp_path: Path
) -> None:
    (toy[2] / "toy.cc").write_text("#include <cblas.h>\n")
    assert failure(engine, toy, tmp_path) == (
        "wheels/fasttext.toml: the build needs the header 'cblas.h', and does not find it; add the "
        "Debian package that has it to 'packages' in the recipe, then ./inv lock; "
        f"full log: {tmp_path / 'wheel.log'}"
    )


def test_no_build_reaches_the_network(
    engine: Engine, toy: tuple[WheelVariant, str, Path], tmp_path: Path
) -> None:
    lines = ["import socket", "socket.create_connection(('192.0.2.1', 80), 5)"]
    (toy[2] / "setup.py").write_text("\n".join(lines) + "\n")
    assert "Network is unreachable" in failure(engine, toy, tmp_path)
