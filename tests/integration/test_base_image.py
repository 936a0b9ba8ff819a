"""The real base: Debian's packages, a real engine, and what runs in `FROM scratch` + one tar."""

import json
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import base, recipes, rootfs
from inferpack.base import BuiltBase
from inferpack.errors import InferpackError
from inferpack.model import Arch

BOOKWORM = recipes.load_bases(Path(__file__).parents[2] / "recipes")["bookworm"]
SHELLS = {"sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "csh", "perl"}
STICKY = ["tmp", "var/tmp"]

PROBE = """
import bz2, codecs, ctypes.util, hashlib, json, locale, lzma, os, platform, sqlite3, ssl, sys
import importlib.machinery, py_compile, readline, uuid, zoneinfo, decimal, multiprocessing
locale.setlocale(locale.LC_ALL, "")
cached = ssl.__cached__
print(json.dumps({
    "uid": os.getuid(),
    "authorities": len(ssl.create_default_context().get_ca_certs()) > 100,
    "sqlite3": sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0],
    "lzma": lzma.decompress(lzma.compress(b"x" * 99)) == b"x" * 99,
    "bz2": bz2.decompress(bz2.compress(b"x" * 99)) == b"x" * 99,
    "libraries": [ctypes.util.find_library(name) for name in ("c", "stdc++", "gomp", "nothing")],
    "call": ctypes.CDLL(ctypes.util.find_library("m")).abs(-3),
    "codecs": "\\u6f22".encode("gb18030").hex(),
    "sha3": hashlib.sha3_256(b"").hexdigest()[:8],
    "zone": str(zoneinfo.ZoneInfo("Europe/Berlin")),
    "encoding": [locale.getpreferredencoding(), sys.getfilesystemencoding()],
    "bytecode": int.from_bytes(open(cached, "rb").read()[4:8], "little"),
    "source": ssl.create_default_context.__code__.co_filename,
    "system": platform.freedesktop_os_release()["VERSION_CODENAME"],
    "python": sys.executable,
}))
"""


def seen(uid: int) -> dict[str, Any]:
    """What the probe says in a sound image."""
    return {
        "uid": uid,
        "authorities": True,
        "sqlite3": 42,
        "lzma": True,
        "bz2": True,
        "libraries": ["libc.so.6", "libstdc++.so.6", "libgomp.so.1", None],
        "call": 3,
        "codecs": "9d68",
        "sha3": "a7ffc6f8",
        "zone": "Europe/Berlin",
        "encoding": ["UTF-8", "utf-8"],
        "bytecode": 1,  # PEP 552: hash-based, unchecked
        "source": "/usr/lib/python3.11/ssl.py",
        "system": "bookworm",
        "python": "/usr/bin/python3",
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache with a space")


@pytest.fixture(scope="module")
def built(cache: Path) -> BuiltBase:
    return base.ensure("bookworm", BOOKWORM, base.native(), cache=cache, committed=())


@pytest.fixture(scope="module")
def image(built: BuiltBase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    context = tmp_path_factory.mktemp("context")
    shutil.copy(built.tar, context / "base.tar")
    lines = ["FROM scratch", "ADD base.tar /", "ENV LANG=C.UTF-8", "USER 10001:10001", ""]
    (context / "Dockerfile").write_text("\n".join(lines))
    tag = f"inferpack-test/base:{built.digest[:12]}"
    docker("buildx", "build", "--load", "--provenance=false", "--tag", tag, str(context))
    yield tag
    docker("image", "rm", "--force", tag)


def docker(*arguments: str) -> str:
    done = subprocess.run(
        [shutil.which("docker") or "docker", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def members(built: BuiltBase) -> list[tarfile.TarInfo]:
    with tarfile.open(built.tar) as tar:
        return tar.getmembers()


@pytest.mark.parametrize("uid", [10001, 54321, 0])
def test_python_works_under_any_user_read_only_and_without_network(image: str, uid: int) -> None:
    locked = ["--rm", "--read-only", "--network=none", f"--user={uid}", "--cap-drop=ALL"]
    answer = docker("run", *locked, image, "/usr/bin/python3", "-c", PROBE)
    assert json.loads(answer) == seen(uid)


def test_every_module_of_the_standard_library_that_is_here_imports(image: str) -> None:
    program = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
gone = set()
for name in sorted(sys.stdlib_module_names - {"antigravity", "this", "idlelib"}):
    try:
        importlib.import_module(name)
    except ImportError as err:
        gone.add(name)
print(*sorted(gone))
"""
    gone = docker("run", "--rm", image, "/usr/bin/python3", "-c", program).split()
    windows = {"_msi", "_overlapped", "_scproxy", "_winapi", "msilib", "msvcrt", "nt", "winreg"}
    debian_keeps_apart = {"_tkinter", "_gdbm", "ensurepip", "lib2to3", "tkinter", "turtledemo"}
    removed = {"_curses", "_curses_panel", "_dbm", "curses", "nis", "ossaudiodev"}
    removed |= {"pydoc_data", "turtle"}
    assert set(gone) - windows - debian_keeps_apart - {"winsound"} == removed


def test_there_is_no_shell(built: BuiltBase) -> None:
    assert [item.name for item in members(built) if Path(item.name).name in SHELLS] == []
    programs = [
        item.name for item in members(built) if Path(item.name).parent.name in {"bin", "sbin"}
    ]
    assert programs == [
        "usr/bin/python3",
        "usr/bin/python3.11",
        "usr/bin/tini",
        "usr/sbin/ldconfig",
    ]


def test_nothing_is_setuid_or_writable_for_everyone(built: BuiltBase) -> None:
    files = [item for item in members(built) if not item.issym()]
    special = stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP
    assert [item.name for item in files if item.mode & special and item.name not in STICKY] == []
    assert [(i.name, i.mode) for i in files if i.mode & stat.S_IWOTH] == [
        (name, 0o1777) for name in STICKY
    ]
    assert {(i.name, i.uid, i.gid) for i in files if i.uid or i.gid} == {
        ("home/inferpack", 10001, 10001)
    }


def test_scanners_see_exactly_the_packages(built: BuiltBase) -> None:
    folder = built.root / "var/lib/dpkg/status.d"
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".md5sums")
    assert names == [package.name for package in built.packages]
    paragraphs = [(folder / name).read_text().splitlines()[:2] for name in names]
    assert paragraphs == [[f"Package: {name}", "Status: install ok installed"] for name in names]
    assert not {package.name for package in built.packages} & set(BOOKWORM.without)


def test_every_package_has_its_licence(built: BuiltBase) -> None:
    without = [
        package.name
        for package in built.packages
        if not (built.root / f"usr/share/doc/{package.name}/copyright").exists()
    ]
    assert without == []


def test_the_loader_cache_says_what_ldconfig_would(built: BuiltBase, tmp_path: Path) -> None:
    def listed(root: Path) -> list[str]:
        argv = [str(built.root / "usr/sbin/ldconfig"), "-p", "-C", str(root / "etc/ld.so.cache")]
        text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return [line for line in text.splitlines() if " => " in line]

    theirs = tmp_path / "root"
    shutil.copytree(built.root, theirs, symlinks=True)
    (theirs / "etc/ld.so.cache").unlink()
    subprocess.run([built.root / "usr/sbin/ldconfig", "-r", theirs], check=True)
    assert listed(built.root) == listed(theirs)


def test_the_same_packages_give_the_same_bytes_without_network(
    built: BuiltBase, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cache / "debs", tmp_path / "debs")
    monkeypatch.setenv("PATH", str(tmp_path))  # no mmdebstrap to find
    again = base.ensure(
        "bookworm", BOOKWORM, base.native(), cache=tmp_path, committed=built.packages
    )
    assert (again.digest, again.packages) == (built.digest, built.packages)


def test_what_is_built_is_not_built_again(built: BuiltBase, cache: Path) -> None:
    before = built.tar.stat()
    again = base.ensure("bookworm", BOOKWORM, base.native(), cache=cache, committed=())
    assert (again, again.tar.stat()) == (built, before)
    assert {path.name for path in built.tar.parent.iterdir()} == {"base.json", "base.tar", "root"}


def test_a_library_that_something_needs_cannot_be_left_out(built: BuiltBase, cache: Path) -> None:
    short = msgspec.structs.replace(BOOKWORM, remove=(*BOOKWORM.remove, "*/libffi.so*"))
    folders = sorted((cache / "base").iterdir())
    with pytest.raises(InferpackError, match=r"leaves out libffi\.so\.8, needed by .*_ctypes"):
        base.ensure("b", short, base.native(), cache=cache, committed=built.packages)
    assert sorted((cache / "base").iterdir()) == folders


def test_the_other_architecture_is_built_without_emulation(built: BuiltBase, cache: Path) -> None:
    (other,) = set(Arch) - {base.native()}
    foreign = base.ensure("bookworm", BOOKWORM, other, cache=cache, committed=(), compiler=built)
    assert {package.arch for package in foreign.packages} == {other, "all"}
    ours, theirs = rootfs.bytecode(built.root), rootfs.bytecode(foreign.root)
    assert {name for name in ours.keys() ^ theirs.keys() if "_sysconfigdata_" not in name} == set()
    assert {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]} == set()
    machine = (foreign.root / "usr/bin/python3.11").read_bytes()[18:20]
    assert int.from_bytes(machine, "little") == {Arch.AMD64: 62, Arch.ARM64: 183}[other]
