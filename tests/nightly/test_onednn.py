"""oneDNN's wheel: what a C++ program makes of it, and its kernels on CPUs that differ."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from inferpack import base, wheel_tests, wheels
from inferpack.builder import reference
from inferpack.engine import Engine
from inferpack.model import SITE, Arch
from inferpack.wheel import WheelVariant
from inferpack.workshop import Workshop
from tests.integration.containers import mounted

Images = dict[Arch, str]

CPP = """\
#include <cstdio>
#include "oneapi/dnnl/dnnl.hpp"

int main() {
    using memory = dnnl::memory;
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const memory::desc a({64, 64}, memory::data_type::s8, memory::format_tag::ab);
    const memory::desc b({64, 64}, memory::data_type::s8, memory::format_tag::any);
    const memory::desc c({64, 64}, memory::data_type::f32, memory::format_tag::ab);
    const dnnl::matmul::primitive_desc matmul(engine, a, b, c);
    std::puts(matmul.impl_info_str());
}
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.16)
project(user CXX)
find_package(dnnl 3.7 REQUIRED CONFIG)
add_executable(user user.cpp)
target_link_libraries(user DNNL::dnnl)
"""
BUILT = """\
set -e
python3 -m zipfile -e /wheel/*.whl /tmp/wheel
cd /tmp/wheel
home="$(python3 -c 'import onednn; print(onednn.cmake())')"
cmake -S /user -B /tmp/build -DCMAKE_PREFIX_PATH="$home" >&2
cmake --build /tmp/build >&2
$CXX /user/user.cpp -Ionednn/include -Lonednn/lib -ldnnl -o /tmp/by-hand
"""
RUN = "/tmp/build/user\nLD_LIBRARY_PATH=onednn/lib /tmp/by-hand"


FLAGS = Path("/proc/cpuinfo").read_text().split()
SIGNED, NARROW = ("matmul", "s8*s8->f32"), ("convolution 3x3", "s8*s8->s8")


def variant(shop: Workshop, arch: Arch) -> WheelVariant:
    (found,) = shop.wheel_variants(f"inferpack-onednn-*-{arch}")
    return found


@pytest.fixture(scope="module")
def images(shop: Workshop, engine: Engine) -> Iterator[Images]:
    """Debian's Python with the wheel, for each architecture."""
    variants = {arch: variant(shop, arch) for arch in Arch}
    built = {arch: wheels.wheel(shop, own).file.name for arch, own in variants.items()}
    try:
        yield {
            arch: wheel_tests.build(shop, own, shop.wheel_folder(own) / built[arch])
            for arch, own in variants.items()
        }
    finally:
        for own in variants.values():
            engine.remove(wheel_tests.name(shop, own))


def examined(engine: Engine, image: str, **options: Any) -> dict[str, Any]:
    """What `python3 -m onednn --json` says; that may be that something is wrong."""
    command = ["python3", "-m", "onednn", "--json"]
    found = engine.run(image, command, timeout=120.0, **options)
    told: dict[str, Any] = json.loads(found.stdout)
    assert found.code == (1 if told["faults"] else 0)
    return told


def kernels(told: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(case["case"], case["types"]): case["implementation"] for case in told["cases"]}


@pytest.mark.parametrize("arch", list(Arch))
def test_a_cpp_program_builds_against_it(
    arch: Arch, images: Images, shop: Workshop, engine: Engine, tmp_path: Path
) -> None:
    """By CMake's package and by hand; what is of this machine's architecture runs, too."""
    tmp_path.chmod(0o755)  # the compiler runs as another user
    (tmp_path / "user.cpp").write_text(CPP)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    own, native = variant(shop, arch), arch is base.native()
    found = engine.run(
        engine.digest(reference(own)) or "",
        ["sh", "-c", BUILT + (RUN if native else "")],
        timeout=300.0,
        volumes={**mounted(tmp_path, "/user"), **mounted(shop.wheel_folder(own), "/wheel")},
        tmpfs={"/tmp": "exec,mode=1777"},
        environment={"CCACHE_DISABLE": "1"},
    )
    assert found.code == 0, found.stderr
    due = [kernels(examined(engine, images[arch]))[SIGNED]] * 2 if native else []
    assert found.stdout.split() == due


@pytest.mark.skipif(base.native() is Arch.ARM64, reason="an Arm machine emulates no Arm CPU")
@pytest.mark.parametrize(
    ("cpu", "isa", "convolution"),
    [
        ("cortex-a72", "advanced_simd", "gemm_s8s8s32:ref"),
        ("neoverse-n1", "advanced_simd", "gemm_s8s8s32:ref"),
        ("neoverse-v1", "sve_256", "gemm_s8s8s32:ref"),
        ("a64fx", "sve_512", "jit_int8:sve_512"),
    ],
)
def test_each_arm_cpu_has_its_kernels(
    cpu: str, isa: str, convolution: str, images: Images, engine: Engine
) -> None:
    """oneDNN 3.7.2 has fast convolutions in INT8 for SVE of 512 bits alone."""
    told = examined(engine, images[Arch.ARM64], environment={"QEMU_CPU": cpu})
    assert (told["isa"], told["faults"]) == (isa, [])
    found = kernels(told)
    assert (found[SIGNED], found[NARROW]) == ("lowp_gemm:acl", convolution)


@pytest.mark.skipif(base.native() is not Arch.AMD64, reason="they are x86-64's")
@pytest.mark.parametrize(
    ("limit", "matmul", "convolution"),
    [
        ("SSE41", "gemm:jit", "jit_uni_int8:sse41"),
        ("AVX2", "gemm:jit", "jit_uni_int8:avx2"),
    ],
)
def test_a_cpu_that_is_masked_runs_what_is_left(
    limit: str, matmul: str, convolution: str, images: Images, engine: Engine
) -> None:
    environment = {"ONEDNN_MAX_CPU_ISA": limit}
    told = examined(engine, images[Arch.AMD64], environment=environment)
    said = f"ONEDNN_MAX_CPU_ISA={limit}"
    assert (told["isa"], told["limit"], told["faults"]) == (limit.lower(), said, [])
    found = kernels(told)
    assert (found[SIGNED], found[NARROW]) == (matmul, convolution)


@pytest.mark.skipif("avx512_vnni" not in FLAGS, reason="this CPU has no AVX-512 VNNI")
def test_vnni_is_used_where_the_kernel_tells_of_it(images: Images, engine: Engine) -> None:
    environment = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}  # no AMX
    found = kernels(examined(engine, images[Arch.AMD64], environment=environment))
    assert [name for name in found.values() if "avx512_core_vnni" not in name] == []


@pytest.mark.parametrize("arch", list(Arch))
def test_a_reference_kernel_is_found_out(
    arch: Arch, images: Images, shop: Workshop, engine: Engine, tmp_path: Path
) -> None:
    """Of a library whose matrix product says, in as many letters, that it is one."""
    name = kernels(examined(engine, images[arch]))[SIGNED]
    own = variant(shop, arch)
    (wheel,) = shop.wheel_folder(own).glob("*.whl")
    with ZipFile(wheel) as archive:
        library = archive.read("onednn/lib/libdnnl.so.3")
    slow = f"ref:{name}"[: len(name)]
    changed = tmp_path / "libdnnl.so.3"
    changed.write_bytes(library.replace(f"{name}\0".encode(), f"{slow}\0".encode()))
    place = f"/{SITE}/onednn/lib/libdnnl.so.3"
    told = examined(engine, images[arch], volumes=mounted(changed, place))
    assert f"matmul s8*s8->f32 runs on {slow} (reference)" in told["faults"]
