"""The image that wheels are compiled in, and the command that compiles one."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from inferpack import builder, building, job, store
from inferpack.base import BuiltBase
from inferpack.builder import Builder
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch, File, Layer
from inferpack.rootfs import File as Node
from inferpack.sysroot import BuiltSysroot
from inferpack.wheel import BuildSystem, WheelVariant
from tests.unit.conftest import ROOT
from tests.unit.toy_wheels import variant

TEMPLATES = ROOT / "templates"
ARM = variant(Arch.ARM64)


def planned(made: WheelVariant, folder: Path, *, tools: str = "t", target: str = "s") -> Builder:
    backend = store.write(folder / "backend.tar", b"backend")
    base = BuiltBase(arch=Arch.AMD64, digest=tools, tar=folder / "t", root=folder, packages=())
    sysroot = BuiltSysroot(
        arch=made.arch, digest=target, tar=folder / "s", root=folder, packages=(), owners={}
    )
    return builder.planned(
        made,
        tools=base,
        backends=(Layer(name="setuptools-80", tar=backend),),
        sysroot=sysroot,
        templates=TEMPLATES,
        folder=folder,
    )


def test_the_image_is_tools_backends_sysroot_and_toolchain(tmp_path: Path) -> None:
    text = planned(ARM, tmp_path).dockerfile.splitlines()
    assert [line for line in text if line.startswith(("FROM", "ADD", "USER", "WORKDIR"))] == [
        "FROM scratch",
        "ADD --link layers/tools.tar /",
        "ADD --link layers/setuptools-80.tar /",
        "ADD --link layers/sysroot.tar /",
        "ADD --link layers/toolchain.tar /",
        "USER 10001:10001",
        "WORKDIR /build/source",
    ]
    assert '    CC="aarch64-linux-gnu-gcc --sysroot=/opt/sysroot" \\' in text


def test_the_key_changes_with_all_that_is_inside(tmp_path: Path) -> None:
    set_up = variant(Arch.ARM64, environment={"CXXFLAGS": "-O1"})
    keys = [
        planned(ARM, tmp_path).key,
        planned(ARM, tmp_path, tools="other").key,
        planned(ARM, tmp_path, target="other").key,
        planned(variant(Arch.AMD64), tmp_path).key,
        planned(set_up, tmp_path).key,
    ]
    assert len(set(keys)) == len(keys)
    assert planned(ARM, tmp_path).key == keys[0]


@pytest.mark.parametrize("arch", Arch)
def test_every_architecture_is_compiled_for_in_the_same_way(arch: Arch) -> None:
    tree = builder.toolchain(variant(arch), TEMPLATES)
    texts = "".join(node.data.decode() for node in tree.values() if isinstance(node, Node))
    other = next(item for item in Arch if item is not arch)
    assert arch.multiarch in texts
    assert other.machine not in texts
    assert f"usr/lib/ccache/{arch.multiarch}-g++" in tree
    found = builder.environment(variant(arch))
    assert found["_PYTHON_HOST_PLATFORM"] == f"linux-{arch.machine}"
    assert f"usr/lib/python3.11/{found['_PYTHON_SYSCONFIGDATA_NAME']}.py" in tree


def test_a_recipe_s_environment_has_the_last_word() -> None:
    made = variant(Arch.AMD64, environment={"CFLAGS": "-O3"})
    assert builder.environment(made)["CFLAGS"] == "-O3"


def test_settings_are_said_as_the_backend_wants_them() -> None:
    recipe = replace(
        ARM.recipe, build_system=BuildSystem.SCIKIT_BUILD_CORE, settings=("GGML_NATIVE=OFF",)
    )
    made = WheelVariant(recipe=recipe, cell=replace(ARM.cell, settings=("GGML_BLAS=ON",)))
    assert building.settings(made) == [
        "--config-setting=build-dir=/build/work",
        "--config-setting=cmake.define.GGML_NATIVE=OFF",
        "--config-setting=cmake.define.GGML_BLAS=ON",
    ]
    assert building.settings(ARM) == []
    with pytest.raises(UsageError, match="setuptools takes no settings; write them as environment"):
        building.settings(variant(Arch.ARM64, settings=("A=B",)))


def test_ccache_s_own_statistics_are_read() -> None:
    text = "Cacheable calls:   17 / 18 (94.44%)\n  Hits:            12 / 17 (70.59%)\n    Direct: 1"
    assert building.statistics(text) == (12, 17)
    assert building.statistics("Successfully built") == (0, 0)


def test_a_build_that_leaves_no_wheel_is_told(tmp_path: Path) -> None:
    log = Path("/logs/wheel.log")
    with pytest.raises(InferpackError) as caught:
        building.only(tmp_path, ARM, log)
    assert str(caught.value) == (
        "toy-wheel-plain-arm64: its build backend left nothing, not one wheel; "
        "full log: /logs/wheel.log"
    )


def test_a_raw_wheel_counts_only_with_its_key_and_its_bytes(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    path = store.write(raw / "toy.whl", b"wheel")
    file = File(name=path.name, size=5, sha256=store.file_digest(path))
    record = building.RawWheel(key="k", file=file, seconds=1.0, hits=0, calls=0)
    store.write_record(raw / "raw.json", record)
    assert building.current(tmp_path, "k") == (path, record)
    assert building.current(tmp_path, "other") is None
    path.write_bytes(b"changed")
    assert building.current(tmp_path, "k") is None


def test_a_folder_comes_back_by_the_names_of_its_files_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    store.write(source / "out/toy.whl", b"wheel")
    target.mkdir()
    with job.packed(source, 10001) as tar:
        job.unpack([tar.read()], target)
    assert [(path.name, path.read_bytes()) for path in target.iterdir()] == [("toy.whl", b"wheel")]
