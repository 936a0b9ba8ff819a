"""ci/engine emulator on a kernel of its own: a user namespace has its own table of emulators."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from inferpack import base
from inferpack.model import Arch
from inferpack.workshop import Workshop
from tests.integration.checkout import ROOT, Done, command

FOLDER = "/proc/sys/fs/binfmt_misc"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
MOUNT = f"mount -t binfmt_misc none {FOLDER}"
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00" + 8 * r"\xff" + r"\xfe\xff\xff\xff"
OTHER = f"printf %s ':qemu-aarch64:M::{MAGIC}:{MASK}:/bin/false:POF' >{FOLDER}/register"
"""As a distribution registers its own emulator."""

pytestmark = pytest.mark.skipif(
    base.native() is Arch.ARM64
    or subprocess.run([*NAMESPACE, MOUNT], check=False, capture_output=True).returncode != 0,
    reason="needs a kernel that gives each user namespace its own emulators (6.7 or newer)",
)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Programs of Arm, an emulator, and commands that run in a namespace made for them."""

    emulator: Path
    root: Path

    def run(self, *lines: str) -> Done:
        script = "\n".join(("set -e", MOUNT, *lines))
        return command(*NAMESPACE, script, cwd=ROOT)

    @property
    def register(self) -> str:
        return f"ci/engine emulator {self.emulator}"

    @property
    def arm(self) -> str:
        """Prints the machine that a program of Arm's believes to be on."""
        program = "/usr/bin/python3 -c 'import os; print(os.uname().machine)'"
        return f"chroot {self.root} {program}"


@pytest.fixture
def kernel(shop: Workshop, tmp_path: Path) -> Kernel:
    """The emulator under a path of the test's own: what a real kernel has is left alone."""
    emulator = tmp_path / "qemu-aarch64"
    emulator.symlink_to(shop.emulator(Arch.ARM64))
    name, spec = shop.base(shop.variants("onnxruntime")[0])
    root = base.ensure(name, spec, Arch.ARM64, cache=shop.cache, committed=()).root
    return Kernel(emulator=emulator, root=root)


def test_a_kernel_without_an_emulator_gets_ours_once(kernel: Kernel) -> None:
    show = f"head -n 3 {FOLDER}/inferpack-aarch64"
    seen = f"stat --format %y {FOLDER}/inferpack-aarch64"
    done = kernel.run(kernel.register, show, kernel.arm, seen, "sleep 0.1", kernel.register, seen)
    *lines, first, second = done.stdout.splitlines()
    assert (done.code, done.stderr) == (0, "")
    assert lines == ["enabled", f"interpreter {kernel.emulator}", "flags: POF", "aarch64"]
    assert first == second


def test_a_stale_emulator_of_ours_is_replaced(kernel: Kernel) -> None:
    stale = OTHER.replace("qemu-aarch64", "inferpack-aarch64")
    done = kernel.run(stale, kernel.register, kernel.arm, f"ls {FOLDER}")
    assert (done.code, done.stdout.split()) == (
        0,
        ["aarch64", "inferpack-aarch64", "register", "status"],
    )


def test_ours_comes_before_a_distributions_in_whatever_order_they_came(kernel: Kernel) -> None:
    for before, after in (((OTHER,), ()), ((), (OTHER,))):
        done = kernel.run(
            *before, "sleep 0.1", kernel.register, "sleep 0.1", *after, kernel.register, kernel.arm
        )
        assert (done.code, done.stdout) == (0, "aarch64\n")


def test_without_ours_the_distributions_runs_them(kernel: Kernel) -> None:
    """What the tests above would show if it were not replaced."""
    done = kernel.run(OTHER, kernel.arm)
    assert (done.code != 0, done.stdout) == (True, "")


def test_emulation_that_is_switched_off_is_switched_on(kernel: Kernel) -> None:
    off = f"echo 0 >{FOLDER}/status"
    done = kernel.run(kernel.register, off, kernel.register, kernel.arm)
    assert (done.code, done.stdout) == (0, "aarch64\n")


def test_where_binfmt_misc_cannot_be_mounted_the_line_says_what_to_do(kernel: Kernel) -> None:
    unmounted = f"umount {FOLDER}; mount -t tmpfs none {FOLDER}"
    fake = kernel.emulator.parent / "bin/mount"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 32\n")
    fake.chmod(0o755)
    done = kernel.run(unmounted, f"PATH={fake.parent}:$PATH {kernel.register}")
    assert (done.code, done.stderr) == (
        1,
        f"ci/engine: binfmt_misc cannot be mounted here, so the kernel cannot be told of"
        f" {kernel.emulator}; run as root on this machine's host:"
        f" mount -t binfmt_misc binfmt_misc {FOLDER}\n",
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "needs the full path of a qemu-aarch64 or qemu-x86_64, not ''"),
        (
            "qemu-aarch64",
            "needs the full path of a qemu-aarch64 or qemu-x86_64, not 'qemu-aarch64'",
        ),
        ("/nowhere/qemu-aarch64", "there is no program /nowhere/qemu-aarch64"),
    ],
)
def test_an_emulator_that_is_none_is_refused(path: str, why: str) -> None:
    done = command(ROOT / "ci/engine", "emulator", path)
    assert (done.code, done.stderr) == (1, f"ci/engine: emulator: {why}\n")
