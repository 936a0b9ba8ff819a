"""What `start` decides before a program begins; that it does so is tested in test_entry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inferpack.model import Arch, Need, Variant
from inferpack.program import image_module
from selftest import arm, cpu, cpuid, start

ROOT = Path(__file__).resolve().parents[2]
V2 = cpuid.LEVELS["x86-64-v2"]
IMAGE = start.Image(
    variant="pytorch-onednn-py311-amd64",
    needs=("x86-64-v2",),
    threads=("OMP_NUM_THREADS",),
    pinned=False,
)


@pytest.mark.parametrize(
    ("quota", "cores", "threads"),
    [
        (None, 8, 8),  # a cpuset
        (4.0, 8, 4),
        (1.5, 8, 1),
        (3.99, 8, 3),
        (0.5, 8, 1),
        (0.01, 1, 1),
        (12.0, 8, 8),  # of 16 CPUs that are 8 cores
    ],
)
def test_threads_are_the_whole_cpus_of_the_quota(
    quota: float | None, cores: int, threads: int
) -> None:
    assert start.threads_for(quota, cores) == threads


@pytest.mark.parametrize(
    ("quota", "allowed", "online", "limited"),
    [
        (None, 16, 16, False),
        (16.0, 16, 16, False),
        (20.0, 16, 16, False),
        (15.5, 16, 16, True),
        (None, 4, 16, True),
        (None, 16, 4, False),  # a file system that hides CPUs (lxcfs)
    ],
)
def test_a_container_is_limited_by_its_quota_or_its_cpuset(
    quota: float | None, allowed: int, online: int, limited: bool
) -> None:
    assert start.is_limited(quota, allowed, online) == limited


def test_variables_are_set_only_where_the_user_has_not() -> None:
    names = ("OMP_NUM_THREADS", "ORT_INTRA_OP_NUM_THREADS")
    assert start.thread_variables(names, 3, {"OMP_NUM_THREADS": "8"}) == {
        "ORT_INTRA_OP_NUM_THREADS": "3"
    }
    assert start.thread_variables(names, 3, dict.fromkeys(names, "")) == {}


def test_the_second_thread_of_a_core_is_no_core() -> None:
    siblings = {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}
    files = {start.SYSFS + f"/cpu{n}/topology/thread_siblings_list": s for n, s in siblings.items()}
    assert start.cores_of((0, 1, 4, 5), files.get) == [0, 1]
    assert start.cores_of((4, 5), files.get) == [4, 5]
    assert start.cores_of((0, 1, 4, 5), lambda _: None) == [0, 1, 4, 5]


def test_a_pinned_program_gets_neighbouring_cores_from_anywhere_on() -> None:
    cores = (0, 2, 4, 6)
    assert start.chosen(cores, 2, 1) == {2, 4}
    assert start.chosen(cores, 2, 7) == {6, 0}
    assert {frozenset(start.chosen(cores, 1, n)) for n in range(100)} == {
        frozenset({core}) for core in cores
    }


@pytest.mark.parametrize("cpus", [set(), {1 << 14}])
def test_a_mask_that_the_kernel_refuses_stops_no_program(cpus: set[int]) -> None:
    before = os.sched_getaffinity(0)
    start._pin(cpus)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("writable", "environment", "expected"),
    [
        ({"/tmp", "/dev/shm"}, {}, {}),
        ({"/var/tmp", "/dev/shm"}, {}, {}),
        ({"/dev/shm"}, {}, {"TMPDIR": "/dev/shm"}),
        ({"/dev/shm"}, {"TMPDIR": ""}, {"TMPDIR": "/dev/shm"}),
        ({"/dev/shm"}, {"TMP": "/data"}, {}),
        (set(), {}, {}),
    ],
)
def test_temporary_files_go_to_memory_where_no_disk_can_be_written(
    writable: set[str],
    environment: dict[str, str],
    expected: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path in writable)
    assert start.temporary_folder(environment) == expected


def test_a_cpu_that_has_all_or_that_nothing_tells_of_may_run() -> None:
    assert start.unfit(IMAGE, ("AMD EPYC", V2, False)) is None
    assert start.unfit(IMAGE, None) is None


def test_a_cpu_that_lacks_something_is_told_so_in_one_line() -> None:
    assert start.unfit(IMAGE, ("Intel Core 2 Duo", ("sse3", "ssse3", "cx16"), False)) == (
        "pytorch-onednn-py311-amd64: cannot run on this CPU (Intel Core 2 Duo), which has no"
        " sse4_1, sse4_2, popcnt, lahf_lm: it needs x86-64-v2, Intel's CPUs from 2008 (Nehalem) and"
        " AMD's from 2011 (Bulldozer) on; use such a CPU, or let a virtual machine show its host's"
        " (QEMU: -cpu host)"
    )


def test_an_arm_cpu_is_told_so_by_its_name() -> None:
    image = start.Image(variant="some-arm64", needs=("armv8.2-a",), threads=(), pinned=False)
    assert start.unfit(image, ("Cortex-A72", ("neon", "crc32"), False)) == (
        "some-arm64: cannot run on this CPU (Cortex-A72), which has no lse, rdm: it needs"
        " Armv8.2-A, Arm's Neoverse N1 and Cortex-A76, Fujitsu's A64FX and what came after; use"
        " such a CPU, or let a virtual machine show its host's (QEMU: -cpu host)"
    )
    assert start.unfit(image, ("Neoverse N1", ("neon", "crc32", "lse", "rdm"), False)) is None


def test_an_image_that_needs_nothing_asks_no_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpuid, "identify", lambda *_: pytest.fail("asked"))
    monkeypatch.setattr(start, "share", lambda *_: None)
    start.prepare(start.Image(variant="some", needs=(), threads=(), pinned=False))


def test_whatever_a_recipe_needs_is_checked_and_explained(variants: tuple[Variant, ...]) -> None:
    needs = {need for variant in variants for need in variant.cell.needs}
    assert needs <= set(Need) <= set(cpuid.SINCE)
    for need in Need:
        known = cpuid.BITS if need.arch is Arch.AMD64 else arm.BITS
        assert set(cpuid.LEVELS.get(need, (need,))) <= set(known)


def test_every_x86_feature_that_selftest_reports_is_asked_of_the_cpu() -> None:
    assert set(cpu.X86_FEATURES) <= set(cpuid.BITS)


def test_an_image_for_one_cpu_target_names_the_one_for_any() -> None:
    image = start.Image(
        variant="toy-mlas-x86-64-v3-py311-amd64",
        needs=("x86-64-v3",),
        threads=(),
        pinned=False,
        instead="toy:1.0-mlas",
    )
    features = tuple(name for name in cpuid.LEVELS["x86-64-v3"] if name not in ("fma", "avx2"))
    assert start.unfit(image, ("Some CPU", features, False)) == (
        "toy-mlas-x86-64-v3-py311-amd64: cannot run on this CPU (Some CPU), which has no fma, avx2:"
        f" it needs {cpuid.SINCE['x86-64-v3']}; pull toy:1.0-mlas, which is for any CPU"
    )


def test_an_image_knows_what_its_recipe_says(onnxruntime: Variant) -> None:
    scope: dict[str, start.Image] = {}
    exec(image_module(onnxruntime), scope)  # noqa: S102 - our own rendering
    image, recipe = scope["IMAGE"], onnxruntime.recipe
    assert (image.variant, image.needs, image.threads, image.pinned, image.instead) == (
        onnxruntime.id,
        ("x86-64-v2",),
        recipe.threads,
        False,
        "",
    )


def test_a_program_gets_the_signals_back_that_python_ignores() -> None:
    code = (
        "from selftest import start;"
        "image = start.Image(variant='v', needs=(), threads=(), pinned=False);"
        "start.main(image, ['cat', '/proc/self/status'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    (ignored,) = (line for line in done.stdout.decode().splitlines() if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1) == 0
