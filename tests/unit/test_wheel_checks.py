"""An honest wheel passes; each kind of lie is refused, with its reason."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from inferpack import wheel_archive, wheel_checks
from inferpack.errors import InferpackError
from inferpack.model import Arch
from tests.unit import toy_wheels
from tests.unit.machine_code import libc, library
from tests.unit.toy_wheels import BASELINE

ABOUT = "toy_wheel-1.0+inferpack.3.dist-info"
RST = "Description-Content-Type: text/x-rst"


def metadata(version: str = "1.0+inferpack.3") -> str:
    return toy_wheels.METADATA.replace("Version: 1.0", f"Version: {version}")


def described(tags: str, build: int = 3) -> str:
    each = "".join(f"Tag: {tag}\n" for tag in tags.split())
    return f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nBuild: {build}\n{each}"


def wheel(
    folder: Path, arch: Arch, files: dict[str, Path | str], *, glibc: str = "2_34", tag: str = ""
) -> Path:
    """A finished wheel; `files` beside, or instead of, those of an honest one."""
    tag = tag or f"py3-none-manylinux_{glibc}_{arch.machine}"
    basic: dict[str, Path | str] = {
        f"{ABOUT}/METADATA": metadata(),
        f"{ABOUT}/WHEEL": described(tag),
        f"{ABOUT}/licenses/LICENSE": "MIT\n",
    }
    tree = folder / "tree"
    for name, content in {**basic, **files}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())
    return wheel_archive.pack(tree, folder / f"toy_wheel-1.0+inferpack.3-3-{tag}.whl")


def toy(folder: Path, arch: Arch, glibc: str = "2.34", **options: Any) -> Path:
    """A library that asks for this glibc."""
    stub = libc(folder / "stub", arch, glibc)
    made = {"calls": "clock", "needs": (stub,), **options}
    return library(folder / "made/libtoy.so", arch, **made)


def examine(path: Path, arch: Arch, **recipe: Any) -> wheel_checks.Examined:
    return wheel_checks.examine(
        path,
        toy_wheels.variant(arch, **recipe),
        baseline=BASELINE[arch],
        log=path.parent / "log",
    )


def refused(path: Path, arch: Arch, **recipe: Any) -> str:
    """Why it was."""
    with pytest.raises(InferpackError) as err:
        examine(path, arch, **recipe)
    return str(err.value).removeprefix(f"{path.name}: ")


@pytest.mark.parametrize("arch", Arch)
def test_an_honest_wheel_passes_every_check(tmp_path: Path, arch: Arch) -> None:
    path = wheel(tmp_path, arch, {"toy_wheel/libtoy.so": toy(tmp_path, arch)})
    found = examine(path, arch)
    assert found == wheel_checks.Examined(
        checks=tuple(map(wheel_checks.title, wheel_checks.CHECKS)),
        tags=(f"py3-none-manylinux_2_34_{arch.machine}",),
        glibc="2.34",
    )


def test_a_tag_that_lies_about_glibc(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.ARM64, "2.36")
    path = wheel(tmp_path, Arch.ARM64, {"toy_wheel/libtoy.so": code}, glibc="2_28")
    assert refused(path, Arch.ARM64) == (
        "its glibc is as claimed: toy_wheel/libtoy.so needs glibc 2.36, the tag promises 2.28"
    )


def test_a_tag_that_asks_for_more_than_the_recipe_allows(tmp_path: Path) -> None:
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel/libtoy.so": toy(tmp_path, Arch.AMD64)})
    assert refused(path, Arch.AMD64, glibc="2.28") == (
        "its glibc is as claimed: its tag asks for glibc 2.34, the recipe allows 2.28"
    )


def test_a_tag_that_promises_no_glibc(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.AMD64)
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel/libtoy.so": code}, tag="py3-none-linux_x86_64")
    assert refused(path, Arch.AMD64) == (
        "its glibc is as claimed: py3-none-linux_x86_64 promises no glibc: manylinux_2_N is due"
    )


@pytest.mark.parametrize(
    ("arch", "code", "found"),
    [
        (Arch.AMD64, "vaddps %zmm0,%zmm1,%zmm2\nvaddps %ymm0,%ymm1,%ymm2", "1 of avx512, 1 of avx"),
        (Arch.ARM64, "sdot v0.4s,v1.16b,v2.16b\nret", "1 of dotprod"),
    ],
)
def test_a_wheel_for_newer_cpus_than_it_says(
    tmp_path: Path, arch: Arch, code: str, found: str
) -> None:
    path = wheel(tmp_path, arch, {"toy_wheel/libtoy.so": toy(tmp_path, arch, code=code)})
    assert refused(path, arch) == (
        "no older cpu is shut out: toy_wheel/libtoy.so has instructions that"
        f" {BASELINE[arch]} lacks: {found}"
    )


def test_a_library_that_asks_the_cpu_first_may_have_newer_code(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.AMD64, code="vaddps %zmm0,%zmm1,%zmm2")
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel.libs/libtoy-0123abcd.so": code})
    assert refused(path, Arch.AMD64, dispatched=("*/libother.so",)).startswith("no older cpu")
    assert "without a licence" in refused(path, Arch.AMD64, dispatched=("*/libtoy.so",))


def test_machine_code_of_another_machine(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.ARM64)
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel/libtoy.so": code})
    assert refused(path, Arch.AMD64) == (
        "its machine code is the tags: toy_wheel/libtoy.so is for arm64, not for amd64"
    )


def test_a_module_that_pythons_import_would_not_find(tmp_path: Path) -> None:
    name = "toy_wheel.cpython-311-x86_64-linux-gnu.so"
    path = wheel(tmp_path, Arch.ARM64, {name: toy(tmp_path, Arch.ARM64)})
    assert refused(path, Arch.ARM64) == (
        f"its machine code is the tags: {name} is named for x86_64:"
        " Python on aarch64 would not find it"
    )


def test_a_platform_tag_without_machine_code(tmp_path: Path) -> None:
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel.py": "x = 1\n"})
    assert refused(path, Arch.AMD64) == (
        "its machine code is the tags: it has no machine code at all, but a platform tag"
    )


@pytest.mark.parametrize(
    "search",
    [
        *("/usr/src/build", "$ORIGIN/../../lib", "$ORIGIN:/opt", "lib", "${ORIGIN}/../.."),
        "$ORIGIN/../torch/lib",  # in the folder of all packages, but another's
    ],
)
def test_a_search_path_that_leaves_the_wheel(tmp_path: Path, search: str) -> None:
    code = toy(tmp_path, Arch.ARM64, search=search)
    path = wheel(tmp_path, Arch.ARM64, {"toy_wheel/libtoy.so": code})
    assert refused(path, Arch.ARM64) == (
        "its search paths stay inside: toy_wheel/libtoy.so looks for libraries in"
        f" '{search.rpartition(':')[2]}', outside the wheel"
    )


def test_a_library_that_it_needs_and_does_not_bring(tmp_path: Path) -> None:
    far = library(tmp_path / "far/libfar.so.1", Arch.ARM64, defines="far")
    near = libc(tmp_path / "stub", Arch.ARM64, "2.34")
    code = toy(tmp_path, Arch.ARM64, needs=(near, far))
    path = wheel(tmp_path, Arch.ARM64, {"toy_wheel/libtoy.so": code})
    assert refused(path, Arch.ARM64) == (
        "auditwheel agrees: linux_aarch64 is due: it needs libfar.so.1 and does not bring it"
    )


def test_debug_symbols(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.AMD64, debug=True)
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel/libtoy.so": code})
    assert refused(path, Arch.AMD64).startswith("it is stripped: toy_wheel/libtoy.so has .debug_")


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("METADATA", metadata("1.0"), "METADATA has ('toy-wheel', <Version('1.0')>), not "),
        ("METADATA", "Metadata-Version: 2.4\n", "they cannot be read: 'Name'"),
        ("WHEEL", described("py3-none-any"), "WHEEL has {'py3-none-any'}, not "),
    ],
)
def test_names_that_disagree(tmp_path: Path, name: str, text: str, wrong: str) -> None:
    files: dict[str, str | Path] = {f"{ABOUT}/{name}": text}
    path = wheel(tmp_path, Arch.AMD64, {**files, "libtoy.so": toy(tmp_path, Arch.AMD64)})
    assert refused(path, Arch.AMD64).startswith(f"its names agree: {wrong}")


def test_a_build_number_of_another_recipe(tmp_path: Path) -> None:
    path = wheel(tmp_path, Arch.AMD64, {"libtoy.so": toy(tmp_path, Arch.AMD64)})
    assert "(and " in refused(path, Arch.AMD64, build=4)


def test_a_record_that_lies(tmp_path: Path) -> None:
    path = wheel(tmp_path, Arch.AMD64, {"libtoy.so": toy(tmp_path, Arch.AMD64)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("sitecustomize.py", "x = 1\n")
    assert refused(path, Arch.AMD64) == (
        "the record is true: RECORD does not list sitecustomize.py"
    )


def test_a_damaged_wheel(tmp_path: Path) -> None:
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel.py": "x = 1\n" * 100})
    path.write_bytes(path.read_bytes()[:-30])
    assert refused(path, Arch.AMD64) == "is no wheel: File is not a zip file"


@pytest.mark.parametrize("name", ["AUTHORS", "pybind11/LICENSE"])
def test_a_wheel_without_a_licence_of_its_own(tmp_path: Path, name: str) -> None:
    path = wheel(tmp_path, Arch.ARM64, {"toy_wheel/libtoy.so": toy(tmp_path, Arch.ARM64)})
    folder = tmp_path / "tree" / ABOUT / "licenses"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / "LICENSE").rename(folder / name)
    wheel_archive.pack(tmp_path / "tree", path)
    found = refused(path, Arch.ARM64, compiled_in=("pybind11",))
    assert found == "its licences are there: it has none of its own"


def test_a_description_that_an_index_would_refuse(tmp_path: Path) -> None:
    text = metadata().replace("Description-Content-Type: text/markdown", RST)
    files: dict[str, str | Path] = {
        f"{ABOUT}/METADATA": text + "\n.. code:: python\n\n  x\n\n`a\n=\n"
    }
    path = wheel(tmp_path, Arch.AMD64, {**files, "libtoy.so": toy(tmp_path, Arch.AMD64)})
    assert "`long_description` has syntax errors in markup" in refused(path, Arch.AMD64)


def test_a_module_that_breaks_the_stable_abi(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.AMD64, calls="PyCode_New")  # what it takes differs between Pythons
    tag = "cp311-abi3-manylinux_2_34_x86_64"
    path = wheel(tmp_path, Arch.AMD64, {"toy_wheel.abi3.so": code}, tag=tag)
    assert "PyCode_New" in refused(path, Arch.AMD64)


def test_a_module_that_keeps_the_stable_abi(tmp_path: Path) -> None:
    code = toy(tmp_path, Arch.ARM64, calls="PyLong_FromLong")
    tag = "cp311-abi3-manylinux_2_34_aarch64"
    path = wheel(tmp_path, Arch.ARM64, {"toy_wheel.abi3.so": code}, tag=tag)
    assert examine(path, Arch.ARM64).tags == (tag,)
