"""What a failed build is told to its user: one line for what is missing, else the end of it."""

from pathlib import Path

import pytest

from inferpack import diagnosis

LOG = Path("/logs/wheel.log")
COMPILER = "aarch64-linux-gnu-g++ --sysroot=/opt/sysroot -fPIC -Isrc -c toy.cc -o build/toy.o"
SETUPTOOLS = f"""\
building 'toy' extension
{COMPILER.replace("toy", "fine")}
{COMPILER}
toy.cc:2:9: error: 'nothing' was not declared in this scope
error: command '/usr/lib/ccache/aarch64-linux-gnu-g++' failed with exit code 1

ERROR Backend subprocess exited when trying to invoke build_wheel
"""
NINJA = f"""\
[1/2] Building CXX object fine.o
[2/2] Building CXX object toy.o
FAILED: CMakeFiles/toy.dir/toy.cc.o
/usr/lib/ccache/{COMPILER}
/build/source/toy.cc:1:9: error: 'nothing' was not declared in this scope
ninja: build stopped: subcommand failed.
"""


def told(output: str, code: int = 1) -> str:
    return str(diagnosis.failure("wheels/toy.toml", code, output.splitlines(), LOG))


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("ERROR Missing dependencies:\n\tpybind11>=2.2\n", "the wheel 'pybind11>=2.2'"),
        (
            "ERROR Unmet dependencies (checked against python3):\n\tnumpy\n\t\tfound: no\n",
            "the wheel 'numpy'",
        ),
        ("ModuleNotFoundError: No module named 'pybind11'\n", "Python's module 'pybind11'"),
    ],
)
def test_a_build_backend_that_the_recipe_forgot_is_one_line(output: str, missing: str) -> None:
    assert told(output) == (
        f"wheels/toy.toml: the build needs {missing}, and does not find it; add it, pinned, to "
        "'requires' in the recipe, then ./inv lock; full log: /logs/wheel.log"
    )


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("toy.cc:2:10: fatal error: cblas.h: No such file or directory\n", "the header 'cblas.h'"),
        ("/usr/bin/ld: cannot find -lzzz: No such file or directory\n", "the library 'zzz'"),
        ("/usr/bin/ld: cannot find -lzzz\n", "the library 'zzz'"),
        (
            "CMake Error at FindPackageHandleStandardArgs.cmake:230 (message):\n"
            "  Could NOT find BLAS (missing: BLAS_LIBRARIES)\n",
            "CMake's package 'BLAS'",
        ),
        (
            "CMake Error at CMakeLists.txt:5 (find_package):\n"
            '  Could not find a package configuration file provided by "Eigen3" with any\n',
            "CMake's package 'Eigen3'",
        ),
    ],
)
def test_a_debian_package_that_the_recipe_forgot_is_one_line(output: str, missing: str) -> None:
    assert told(output) == (
        f"wheels/toy.toml: the build needs {missing}, and does not find it; add the Debian package "
        "that has it to 'packages' in the recipe, then ./inv lock; full log: /logs/wheel.log"
    )


def test_a_program_that_the_builder_has_not_is_one_line() -> None:
    assert told("/bin/sh: 1: gfortran: not found\n", 127) == (
        "wheels/toy.toml: the build needs the program 'gfortran', and does not find it; add the "
        "Debian package that has it to the builder in recipes/bases.toml, then ./inv lock; full "
        "log: /logs/wheel.log"
    )


def test_what_cmake_does_without_is_no_reason() -> None:
    assert "the build needs" not in told("-- Could NOT find OpenMP_C (missing: x)\nError 2\n")


def test_a_compiler_s_error_shows_the_command_and_the_end() -> None:
    end = "\n".join(line for line in SETUPTOOLS.splitlines() if line)
    assert told(SETUPTOOLS) == (
        f"wheels/toy.toml: the build exited with code 1 in: {COMPILER}\n{end}; "
        "full log: /logs/wheel.log"
    )


def test_ninja_names_the_command_that_failed() -> None:
    assert told(NINJA).startswith(
        f"wheels/toy.toml: the build exited with code 1 in: /usr/lib/ccache/{COMPILER}\n"
    )


def test_only_the_last_30_lines_are_shown() -> None:
    output = "\n".join([*(f"line {n}" for n in range(100)), COMPILER, "x.cc:1: error: no"])
    assert told(output).splitlines()[1] == "line 72"
    assert len(told(output).splitlines()) == 31


def test_a_build_that_was_killed_is_told_by_its_signal() -> None:
    assert told("[1/2] Building\n", 137) == (
        "wheels/toy.toml: the build was killed by SIGKILL:\n[1/2] Building; "
        "full log: /logs/wheel.log"
    )
