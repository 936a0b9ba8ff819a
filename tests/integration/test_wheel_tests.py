"""A wheel's own test in a real container: what it finds there, and a CPU that lacks something."""

import dataclasses
from pathlib import Path

import pytest

from inferpack import base, wheel_tests
from inferpack.errors import InferpackError
from inferpack.model import Arch
from inferpack.workshop import Workshop
from tests.unit.index_server import wheel

LOCKED_DOWN = """\
import os, socket, sys, importlib.metadata, numpy
assert importlib.metadata.version("helpful") == "1.0"
assert os.getuid() != 0 and sys.flags.isolated
open("/tmp/here", "w").close()
for path in ("/here", "/opt/here", numpy.__path__[0] + "/here"):
    try:
        open(path, "w")
    except OSError:
        continue
    sys.exit(f"{path} can be written")
try:
    socket.create_connection(("192.0.2.1", 80), 3)
except OSError as err:
    assert "unreachable" in str(err), err
print("as locked down as it should be")
"""
# vxorps ymm0, ymm0, ymm0; ret
AVX = """\
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("c5fc57c0c3"))
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
"""


def passing(shop: Workshop, root: Path, script: str, arch: Arch) -> list[str]:
    """The CPUs on which a test passes, of a wheel that holds nothing."""
    for name in ("recipes", "templates", ".cache"):
        (root / name).symlink_to(shop.root / name)
    (root / "wheels/tests").mkdir(parents=True)
    for name in ("fasttext.toml", "patches", "locks"):
        (root / "wheels" / name).symlink_to(shop.wheels / name)
    (root / "wheels/tests/fasttext.py").write_text(script)
    path = root / "helpful-1.0-py3-none-any.whl"
    path.write_bytes(wheel("helpful", "1.0"))
    own = dataclasses.replace(shop, root=root)
    (variant,) = own.wheel_variants(f"fasttext-plain-{arch}")
    found = [item.model for item in wheel_tests.run(own, variant, path)]
    assert shop.engine.digest(wheel_tests.name(own, variant)) is None
    return found


@pytest.mark.parametrize("arch", list(Arch))
def test_it_runs_where_users_would_run_it(shop: Workshop, tmp_path: Path, arch: Arch) -> None:
    least = {Arch.AMD64: "Nehalem", Arch.ARM64: "cortex-a72"}[arch]
    known = ["", least] if arch is base.native() else [least]
    assert passing(shop, tmp_path, LOCKED_DOWN, arch) == known


@pytest.mark.skipif(base.native() is not Arch.AMD64, reason="AVX is amd64's")
def test_machine_code_that_the_least_cpu_lacks_is_found(shop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(InferpackError) as err:
        passing(shop, tmp_path, AVX, Arch.AMD64)
    assert str(err.value).startswith(
        "fasttext-plain-amd64: its test on x86-64-v2 emulated was killed by SIGILL; "
        "it has an instruction that this CPU does not know; full log: "
    )


def test_the_tests_own_words_are_the_error(shop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(InferpackError, match=r"exited with code 1: accuracy 0\.31; full log: "):
        passing(shop, tmp_path, "import sys; sys.exit('accuracy 0.31')", base.native())
