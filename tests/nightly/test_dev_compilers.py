"""What people build in the dev flavour: extensions, C++ programs, compiled models."""

import functools
from typing import Any

import pytest

from inferpack import base
from inferpack.engine import Engine
from inferpack.model import Arch
from tests.integration.conftest import proven
from tests.integration.shells import SMALLEST, USER, bash

X86_64 = pytest.mark.skipif(base.native() is not Arch.AMD64, reason="an image for x86-64")


@pytest.fixture(scope="module")
def user(engine: Engine) -> Any:
    """Runs a script as the image's own user, without network."""
    return functools.partial(bash, engine, SMALLEST, **USER)


EXTENSION = r"""
mkdir /tmp/twice && cd /tmp/twice
cat > twice.c <<'END'
#include <Python.h>
static PyObject *twice(PyObject *self, PyObject *x) { return PyNumber_Add(x, x); }
static PyMethodDef methods[] = {{"twice", twice, METH_O, ""}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "twice", "", -1, methods};
PyMODINIT_FUNC PyInit_twice(void) { return PyModule_Create(&module); }
END
cat > setup.py <<'END'
from setuptools import Extension, setup
setup(name="twice", version="1", ext_modules=[Extension("twice", ["twice.c"])])
END
pip install --quiet --no-index --no-build-isolation . 2>&1
cd / && python3 -c 'import twice; print(twice.twice(21))'
"""


def test_pip_builds_an_extension_without_network(user: Any) -> None:
    assert user(EXTENSION) == "42"


CPP = r"""
cat > /tmp/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(hello CXX)
add_executable(hello hello.cpp)
END
echo '#include <iostream>
int main() { std::cout << "hello " << __cplusplus << std::endl; }' > /tmp/hello.cpp
cmake -S /tmp -B /tmp/build -G "$1" > /dev/null
cmake --build /tmp/build > /dev/null
/tmp/build/hello
"""


@pytest.mark.parametrize("generator", ["Ninja", "Unix Makefiles"])
def test_cmake_builds_with_ninja_and_make(user: Any, generator: str) -> None:
    assert user(CPP.replace("$1", generator)) == "hello 201703"


OPENVINO = r"""
cat > /tmp/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(twice CXX)
find_package(OpenVINO REQUIRED COMPONENTS Runtime)
add_executable(twice twice.cpp)
target_link_libraries(twice PRIVATE openvino::runtime)
END
cat > /tmp/twice.cpp <<'END'
#include <iostream>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
using namespace ov::opset13;
int main() {
    auto x = std::make_shared<Parameter>(ov::element::f32, ov::Shape{3});
    auto two = Constant::create(ov::element::f32, ov::Shape{1}, {2.0f});
    auto product = std::make_shared<Multiply>(x, two);
    auto model = std::make_shared<ov::Model>(ov::OutputVector{product}, ov::ParameterVector{x});
    auto request = ov::Core().compile_model(model, "CPU").create_infer_request();
    for (int i = 0; i < 3; i++) request.get_input_tensor().data<float>()[i] = i + 1;
    request.infer();
    const float *y = request.get_output_tensor().data<const float>();
    std::cout << y[0] << ' ' << y[1] << ' ' << y[2] << std::endl;
}
END
where=$(python3 -c 'import openvino; print(openvino.__path__[0])')
cmake -S /tmp -B /tmp/build -DCMAKE_PREFIX_PATH="$where" > /dev/null
cmake --build /tmp/build > /dev/null
/tmp/build/twice
"""


@X86_64
def test_a_program_in_cpp_runs_a_model_with_openvino(engine: Engine) -> None:
    assert bash(engine, "openvino-onednn-py311-amd64-dev", OPENVINO, **USER) == "2 4 6"


COMPILE = """
import glob, torch
from torch._inductor import metrics
from torch._inductor.runtime.cache_dir_utils import cache_dir
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(7200, 10)
).eval()
x = torch.randn(4, 3, 32, 32)
with torch.no_grad():
    print(torch.allclose(torch.compile(model)(x), model(x), atol=1e-5))
    print(metrics.generated_kernel_count > 0, metrics.generated_cpp_vec_kernel_count > 0)
print(len(glob.glob(cache_dir() + "/**/*.so", recursive=True)) > 0)
from torch.utils.cpp_extension import load_inline
source = "torch::Tensor twice(torch::Tensor x) { return x * 2; }"
print(load_inline("ext", source, functions=["twice"]).twice(torch.ones(1)).item())
"""


@X86_64
def test_torch_compile_makes_kernels_that_give_the_same_answer(engine: Engine) -> None:
    variant = "pytorch-onednn-py311-amd64-dev"
    finished = engine.run(proven(variant).digest, ["python3", "-c", COMPILE], timeout=900.0, **USER)
    assert finished.code == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines() == ["True", "True True", "True", "2.0"]


@X86_64
def test_the_runtime_flavour_has_no_compiler_and_torch_compile_says_so(engine: Engine) -> None:
    """What the test above sees is the dev flavour's doing."""
    digest = proven("pytorch-onednn-py311-amd64").digest
    finished = engine.run(digest, ["python3", "-c", COMPILE], timeout=900.0, **USER)
    assert finished.code == 1
    assert "InductorError" in finished.stderr
