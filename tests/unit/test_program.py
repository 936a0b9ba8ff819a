"""Selftest's two layers: a change of its code leaves its data as it was, and the reverse."""

import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from inferpack import matrix, program
from inferpack.model import Compiler, Variant

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("opt", "opt/inferpack", "opt/inferpack/selftest")
DATA = "opt/inferpack/selftest/data"
PYTHON = Compiler(command=(sys.executable,), digest="this python")
ANOTHER = Compiler(command=(sys.executable,), digest="another python")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the program, free to be changed."""
    return shutil.copytree(ROOT / "selftest", tmp_path / "selftest")


def layers(
    variant: Variant, source: Path, compiler: Compiler = PYTHON, cache: str = "cache"
) -> dict[str, Path]:
    made = program.program_layers(
        variant,
        source,
        compiler=compiler,
        cache=source.with_name(cache),
        log=source.with_name("log"),
    )
    return {layer.name: layer.tar for layer in made}


def headers(tar: Path) -> dict[str, bytes]:
    """The entries' headers, which hold mode, owner and time, by the entries' names."""
    with tarfile.open(tar) as entries:
        return {entry.name: entry.tobuf(tarfile.GNU_FORMAT) for entry in entries}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("report.py", {"selftest"}),
        ("frameworks/onnxruntime.py", {"selftest"}),
        ("data/encoder.npz", {"selftest-data"}),
        ("data/onnxruntime/int8.onnx", {"selftest-data"}),
        ("data/openvino/int8.xml", set()),
    ],
)
def test_a_change_makes_only_its_own_layer_anew(
    onnxruntime: Variant, source: Path, name: str, changed: set[str]
) -> None:
    before = layers(onnxruntime, source)
    with (source / name).open("ab") as file:
        file.write(b"\n")
    after = layers(onnxruntime, source)
    assert {layer for layer in after if after[layer] != before[layer]} == changed


def test_data_is_the_same_for_every_architecture_and_python(
    variants: tuple[Variant, ...], onnxruntime: Variant, source: Path
) -> None:
    (arm,) = matrix.select(variants, "onnxruntime-mlas-py311-arm64")
    ours, theirs = layers(onnxruntime, source), layers(arm, source, ANOTHER)
    assert {name for name in ours if ours[name] == theirs[name]} == {"selftest-data"}


def test_both_made_again_have_the_same_bytes(onnxruntime: Variant, source: Path) -> None:
    first, again = (layers(onnxruntime, source, cache=name) for name in ("first", "again"))
    assert [path.read_bytes() for path in first.values()] == [
        path.read_bytes() for path in again.values()
    ]


def test_the_code_lies_above_the_data_and_both_agree_on_the_folders_they_share(
    onnxruntime: Variant, source: Path
) -> None:
    data, code = (headers(tar) for tar in layers(onnxruntime, source).values())
    assert data.keys() & code.keys() == {*FOLDERS}
    assert [data[name] for name in FOLDERS] == [code[name] for name in FOLDERS]
    assert data.keys() - {*FOLDERS} == {
        DATA,
        *(f"{DATA}/{name}" for name in ("digits.npz", "encoder.npz", "weights.npz")),
        *(f"{DATA}/onnxruntime{name}" for name in ("", "/fp32.onnx", "/int8.onnx")),
    }
