import csv
import hashlib
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from inferpack import layers
from inferpack.errors import InferpackError, UsageError
from inferpack.model import SITE, Arch, Compiler
from inferpack.prune import Prune
from inferpack.store import EPOCH, file_digest

FILES = {
    "toy/__init__.py": "x = 1\n",
    "toy/tests/test_toy.py": "assert False\n",
    "toy/include/toy.h": "int toy;\n",
    "toy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
    "toy-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "toy-1.0.dist-info/entry_points.txt": "[console_scripts]\ntoy = toy:main\n",
    "toy-1.0.data/headers/toy.h": "int toy;\n",
}


def sha256(data: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def wheel(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "toy-1.0-py3-none-any.whl"
    rows = [f"{name},sha256={sha256(text.encode())},{len(text)}" for name, text in files.items()]
    rows.append("toy-1.0.dist-info/RECORD,,")
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(zipfile.ZipInfo(name), text)  # of no time: the same bytes every time
        out.writestr(zipfile.ZipInfo("toy-1.0.dist-info/RECORD"), "\n".join(rows) + "\n")
    return path


def layer(tmp_path: Path, prune: Prune, files: dict[str, str] = FILES) -> Path:
    path = wheel(tmp_path, files)
    return layers.wheel_layer(
        path,
        file_digest(path),
        prune=prune,
        arch=Arch.AMD64,
        compiler=Compiler(command=(sys.executable,), digest="this python"),
        cache=tmp_path / "cache",
        log=tmp_path / "log",
    )


def contents(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as entries:
        return {
            entry.name: handle.read() for entry in entries if (handle := entries.extractfile(entry))
        }


def test_a_layer_holds_what_is_kept_with_bytecode_and_scripts(tmp_path: Path) -> None:
    found = contents(layer(tmp_path, Prune(remove=("*/tests/*", "toy/include/*"))))
    tag = sys.implementation.cache_tag
    assert set(found) == {
        f"{SITE}/toy/__init__.py",
        f"{SITE}/toy/__pycache__/__init__.{tag}.pyc",
        f"{SITE}/toy-1.0.dist-info/METADATA",
        f"{SITE}/toy-1.0.dist-info/WHEEL",
        f"{SITE}/toy-1.0.dist-info/INSTALLER",
        f"{SITE}/toy-1.0.dist-info/RECORD",
        f"{SITE}/toy-1.0.dist-info/entry_points.txt",
        "usr/local/bin/toy",
    }


def test_the_record_tells_the_truth_about_every_file(tmp_path: Path) -> None:
    found = contents(layer(tmp_path, Prune(remove=("*/tests/*",))))
    record = found.pop(f"{SITE}/toy-1.0.dist-info/RECORD").decode()
    rows = {name: (digest, size) for name, digest, size in csv.reader(record.splitlines())}
    assert rows.pop("toy-1.0.dist-info/RECORD") == ("", "")
    assert rows == {
        name.removeprefix(f"{SITE}/").replace("usr/local/bin", "../../../bin"): (
            f"sha256={sha256(data)}",
            str(len(data)),
        )
        for name, data in found.items()
    }


def test_two_builds_of_a_layer_have_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert layer(first, Prune()).read_bytes() == layer(second, Prune()).read_bytes()


def test_bytecode_is_never_checked_against_its_source(tmp_path: Path) -> None:
    found = contents(layer(tmp_path, Prune()))
    (pyc,) = (
        data
        for name, data in found.items()
        if name.endswith(f"/__init__.{sys.implementation.cache_tag}.pyc")
    )
    assert int.from_bytes(pyc[4:8], "little") == 0b01  # PEP 552: hash-based, check_source unset


def test_entries_have_fixed_times_owners_and_modes(tmp_path: Path) -> None:
    with tarfile.open(layer(tmp_path, Prune())) as entries:
        facts = {(item.uid, item.gid, item.mtime, item.mode & 0o022) for item in entries}
        script = entries.getmember("usr/local/bin/toy")
    assert facts == {(0, 0, EPOCH, 0)}
    assert script.mode == 0o755


def test_a_layer_whose_inputs_are_known_is_not_made_again(tmp_path: Path) -> None:
    tar = layer(tmp_path, Prune())
    before = tar.stat()
    assert layer(tmp_path, Prune()).stat() == before


def test_a_layer_that_was_damaged_in_the_cache_is_made_again(tmp_path: Path) -> None:
    tar = layer(tmp_path, Prune())
    whole = tar.read_bytes()
    tar.write_bytes(whole.replace(b"x = 1", b"x = 2"))
    assert layer(tmp_path, Prune()).read_bytes() == whole


def test_a_prune_rule_that_matches_nothing_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as err:
        layer(tmp_path, Prune(remove=("toy/examples/*",)))
    assert str(err.value) == (
        "recipes: prune.toy: 'toy/examples/*' matches no file of toy-1.0-py3-none-any.whl;"
        " remove or fix it"
    )
    assert list((tmp_path / "cache/layers").iterdir()) == []


def test_a_wheel_cannot_write_outside_its_root(tmp_path: Path) -> None:
    evil = {**FILES, "../../../../../../../../tmp/evil.py": "x = 1\n"}
    with pytest.raises(ValueError, match="outside of the target directory"):
        layer(tmp_path, Prune(), evil)


def test_a_damaged_wheel_is_removed_and_said_so(tmp_path: Path) -> None:
    path = wheel(tmp_path, FILES)
    expected = file_digest(path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InferpackError) as err:
        layers.wheel_layer(
            path,
            expected,
            prune=Prune(),
            arch=Arch.AMD64,
            compiler=Compiler(command=(sys.executable,), digest="this python"),
            cache=tmp_path / "cache",
            log=tmp_path / "log",
        )
    assert str(err.value) == (
        f"{path}: was damaged in the cache, and is removed;"
        " run the command again: it is fetched anew"
    )
    assert not path.exists()


def test_another_strip_makes_another_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not of a wheel that it has nothing to do with."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / layers.STRIP[Arch.AMD64]
    files = {**FILES, "toy/one.so": "library"}
    stripped, plain = [], []
    for number in (1, 2):
        told, done = f"echo GNU strip {number}", f'echo {number} > "$2"'
        program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && {told} || {done}\n')
        program.chmod(0o755)
        stripped.append(layer(tmp_path, Prune(strip=("toy/*.so",)), files).read_bytes())
        plain.append(layer(tmp_path, Prune(), files).stat().st_ino)
    assert stripped[0] != stripped[1]
    assert plain[0] == plain[1]
