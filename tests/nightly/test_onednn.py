"""oneDNN's wheel, in the hands of others: a C++ program, masked CPUs, and other Arm CPUs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack import base, cli, wheel_tests, wheels
from inferpack.builder import reference
from inferpack.engine import Engine
from inferpack.wheel import WheelVariant
from inferpack.workshop import Workshop
from tests.integration.containers import mounted

VARIANTS = {variant.id: variant for variant in cli.shop().wheel_variants("inferpack-onednn")}

pytestmark = pytest.mark.parametrize("made", VARIANTS.values(), ids=VARIANTS, indirect=True)

CPP = """\
#include <cstdio>
#include "oneapi/dnnl/dnnl.hpp"

int main() {
    using memory = dnnl::memory;
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const memory::desc a({64, 64}, memory::data_type::s8, memory::format_tag::ab);
    const memory::desc b({64, 64}, memory::data_type::s8, memory::format_tag::any);
    const memory::desc c({64, 64}, memory::data_type::s32, memory::format_tag::ab);
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
RUN = "/tmp/build/user; LD_LIBRARY_PATH=onednn/lib /tmp/by-hand"


@pytest.fixture(scope="module")
def made(
    shop: Workshop, engine: Engine, request: pytest.FixtureRequest
) -> Iterator[tuple[WheelVariant, str]]:
    """A variant, and an image with its wheel."""
    variant: WheelVariant = request.param
    wheel = shop.wheel_folder(variant) / wheels.wheel(shop, variant).file.name
    yield variant, wheel_tests.build(shop, variant, wheel)
    engine.remove(wheel_tests.name(shop, variant))


def test_a_cpp_program_builds_against_it(
    made: tuple[WheelVariant, str], shop: Workshop, engine: Engine, tmp_path: Path
) -> None:
    """By CMake's package and by hand; it runs where this machine is of the wheel's architecture."""
    variant, _ = made
    (tmp_path / "user.cpp").write_text(CPP)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    volumes = mounted(tmp_path, "/user")
    volumes |= mounted(shop.wheel_folder(variant), "/wheel")
    script = BUILT + (RUN if variant.arch is base.native() else "")
    found = engine.run(
        engine.digest(reference(variant)) or "",
        ["sh", "-c", script],
        timeout=300.0,
        volumes=volumes,
        tmpfs={"/tmp": "exec,mode=1777"},
        environment={"CCACHE_DISABLE": "1"},
    )
    assert found.code == 0, found.stderr
    print(found.stdout)
