"""selftest on Arm CPUs that QEMU's user mode emulates: what they are, and what runs on them.

Nothing here needs Docker: Python of our own base for arm64 runs under the emulator.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inferpack import base, cli, recipes
from inferpack.model import Arch
from inferpack.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]

Completed = subprocess.CompletedProcess[str]
Emulated = Callable[..., Completed]

EXAMINE = """
import dataclasses, json, os
from selftest import arm, cpu
print(json.dumps(dataclasses.asdict(cpu.examine(os.environ)) | {"midr": arm.executed_midr()}))
"""
CPUS = {
    "cortex-a72": ("Cortex-A72", ["neon"]),
    "neoverse-n1": ("Neoverse N1", ["neon", "fp16", "dotprod"]),
    "neoverse-v1": ("Neoverse V1", ["neon", "fp16", "dotprod", "bf16", "i8mm", "sve"]),
    "neoverse-n2": ("Neoverse N2", ["neon", "fp16", "dotprod", "bf16", "i8mm", "sve", "sve2"]),
    "a64fx": ("A64FX", ["neon", "fp16", "sve"]),
}
SAMPLE = """
import ctypes, json, struct, sys
from selftest import machinecode, sampler
word = int(sys.argv[1], 16)
# three of them; subs w0, w0, #1; b.ne; ret
code = struct.pack("<6I", word, word, word, 0x71000400, 0x54FFFF81, 0xD65F03C0)
loop = ctypes.CFUNCTYPE(None, ctypes.c_uint32)(machinecode.place(code))
found = sampler.sample(lambda: loop(100_000))
print(json.dumps([found.samples, dict(found.seen), dict(found.isas)]))
"""
WORDS = {
    "smull": ("0e21c002", "cortex-a72", "neon"),
    "sdot": ("4e849410", "neoverse-n1", "dotprod"),
    "smmla": ("4e84a408", "neoverse-v1", "i8mm"),
    "smmla.sve": ("45049808", "neoverse-v1", "i8mm"),
    "sdot.sve": ("44840008", "a64fx", "sve"),
    "fmla": ("4e24cc08", "cortex-a72", None),
}
THREADS = """
import ctypes, json, os, struct, threading
from selftest import machinecode, sampler
code = struct.pack("<4I", 0x0E21C002, 0x71000400, 0x54FFFFC1, 0xD65F03C0)  # a loop of smull
loop = ctypes.CFUNCTYPE(None, ctypes.c_uint32)(machinecode.place(code))
def run():
    # long enough that starting them, which the emulator translates first, hardly counts
    threads = [threading.Thread(target=loop, args=(30_000_000,)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(json.dumps(sampler.sample(run).seen))
"""
MARKS = """
from selftest import marker
for _ in range(2):
    for phase in (marker.FP32, marker.INT8, marker.OTHER):
        marker.mark(phase)
"""
PREPARE = """
import sys
from selftest import start
image = start.Image(variant="some-arm64", needs=(sys.argv[1],), threads=(), pinned=False)
start.main(image, ["true"])
"""
SHARE = """
import json, os, sys
from selftest import start
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[1])])
image = start.Image(variant="some-arm64", needs=(), threads=("OMP_NUM_THREADS",), pinned=True)
start.prepare(image)
print(json.dumps([os.environ.get("OMP_NUM_THREADS"), len(os.sched_getaffinity(0))]))
"""
ALL = len(os.sched_getaffinity(0))
several_cpus = pytest.mark.skipif(ALL < 2, reason="one CPU cannot be shared")


@pytest.fixture(scope="module")
def emulated(shop: Workshop) -> Emulated:
    """Runs Python code on an emulated CPU."""
    spec = recipes.load_bases(cli.ROOT / "recipes")["bookworm"]
    root = base.ensure("bookworm", spec, Arch.ARM64, cache=shop.cache, committed=()).root
    qemu = shop.emulator(Arch.ARM64)

    def run(cpu: str, code: str, *arguments: str, **environment: str) -> Completed:
        own = {"QEMU_CPU": cpu, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        python = [str(qemu), "-L", str(root), str(root / "usr/bin/python3.11")]
        return subprocess.run(
            [*python, "-c", code, *arguments],
            env={"PATH": os.environ["PATH"]} | own | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def answer(done: Completed) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(("cpu", "expected"), CPUS.items())
def test_a_cpu_is_known_by_its_register_and_its_features_and_as_emulated(
    emulated: Emulated, cpu: str, expected: tuple[str, list[str]]
) -> None:
    found = answer(emulated(cpu, EXAMINE))
    assert (found["model"], found["features"]) == expected
    assert (found["arch"], found["emulated"]) == ("aarch64", True)
    assert found["midr"] >> 24 in (0x41, 0x46)


@pytest.mark.parametrize("name", WORDS)
def test_a_loop_is_seen_running_by_its_instructions(emulated: Emulated, name: str) -> None:
    word, cpu, isa = WORDS[name]
    samples, seen, isas = answer(emulated(cpu, SAMPLE, word))
    assert samples >= 20
    assert list(seen) == [name] and seen[name] > 0.8
    assert list(isas) == ([isa] if isa else [])


def test_threads_are_seen_wherever_they_compute(emulated: Emulated) -> None:
    assert answer(emulated("cortex-a72", THREADS))["smull"] > 0.8


def test_an_instruction_that_the_cpu_lacks_ends_the_program(emulated: Emulated) -> None:
    """So what was seen was possible: emulation is faithful, and sdot needs no Armv8.0 CPU."""
    done = emulated("cortex-a72", SAMPLE, WORDS["sdot"][0])
    assert done.returncode == -4, done.stderr  # SIGILL


def test_marks_show_phases_in_the_emulators_log(emulated: Emulated, tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = emulated("neoverse-n1", MARKS, QEMU_LOG="in_asm", QEMU_LOG_FILENAME=str(log))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in log.read_text().splitlines() if line.startswith("0x")]
    places = [at for at, line in enumerate(lines) if line[1] == "d28bc3f0"]
    marks = [(lines[at + 1][1], lines[at + 2][1]) for at in places]
    phases = ("d2800031", "d2800051", "d2800011")
    assert marks == [(phase, "d65f03c0") for phase in phases] * 2
    assert len({lines[at][0] for at in places}) == len(marks)


@pytest.mark.parametrize(
    ("cpu", "need", "missing"),
    [
        ("cortex-a72", "armv8.2-a", "Cortex-A72), which has no lse, rdm: it needs Armv8.2-A"),
        ("cortex-a72", "dotprod", "Cortex-A72), which has no dotprod: it needs dot products"),
        ("neoverse-n1", "i8mm", "Neoverse N1), which has no i8mm: it needs 8-bit matrix products"),
        ("neoverse-n1", "sve", "Neoverse N1), which has no sve: it needs SVE"),
    ],
)
def test_an_image_that_cannot_run_says_so_in_one_line(
    emulated: Emulated, cpu: str, need: str, missing: str
) -> None:
    done = emulated(cpu, PREPARE, need)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (126, "", 1)
    assert done.stderr.startswith(f"some-arm64: cannot run on this CPU ({missing}")


@pytest.mark.parametrize(("cpu", "need"), [("neoverse-n1", "armv8.2-a"), ("a64fx", "sve")])
def test_an_image_that_can_run_becomes_the_program(emulated: Emulated, cpu: str, need: str) -> None:
    done = emulated(cpu, PREPARE, need)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@several_cpus
@pytest.mark.parametrize(
    ("cpus", "environment", "expected"),
    [
        (1, {}, ["1", 1]),
        (ALL, {"INFERPACK_THREADS": "1"}, ["1", 1]),
        (ALL, {"INFERPACK_THREADS": "1", "OMP_NUM_THREADS": "3"}, ["3", 1]),
        (ALL, {"INFERPACK_THREADS": "0"}, [None, ALL]),
    ],
)
def test_a_program_gets_the_threads_that_its_container_or_its_user_says(
    emulated: Emulated, cpus: int, environment: dict[str, str], expected: list[object]
) -> None:
    assert answer(emulated("cortex-a72", SHARE, str(cpus), **environment)) == expected
