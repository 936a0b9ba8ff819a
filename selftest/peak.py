"""What this CPU could compute at most: cycles per second, measured, times operations per cycle."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from selftest import cgroup, cpuid, machinecode, microarchitecture
from selftest.cpu import Cpu

IMUL = bytes.fromhex("480fafc0")  # imul rax, rax: waits for the one before
LATENCY = 3
"""Of a 64-bit IMUL: 3 cycles on Intel since Nehalem and on AMD since Zen (https://uops.info)."""
EOR = bytes.fromhex("210002ca")  # eor x1, x1, x2: one cycle on every core that Arm has a guide for
CYCLES = 96
"""Of a turn of either chain."""

TURNS = 20_000
REPEATS = 100
"""Of about 0.5 ms each: whatever disturbs us misses some."""

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """10^9 operations per second of all cores that we may use; `cores` is physical ones."""

    ghz: float
    cores: float
    fp32_gops: float
    int8_gops: float
    model: str
    source: str
    assumed: bool


def measure(cpu: Cpu) -> Peak | None:
    """None where the CPU is not in the table or emulated, or where it forbids measuring."""
    if cpu.arch not in CHAINS or cpu.emulated:
        return None
    core = _core(cpu)
    allowed = os.sched_getaffinity(0)
    cores = float(physical(allowed, _siblings))
    try:
        ghz = frequency(round(cores), CHAINS[cpu.arch](), time.thread_time)
    except OSError:  # memory may not be executed: SELinux, hardened kernels
        return None
    return None if core is None else peak(core, ghz, min(cores, cpu.quota or cores))


def _core(cpu: Cpu) -> microarchitecture.Core | None:
    if cpu.arch == "aarch64":
        return microarchitecture.ARM.get(cpu.model)
    cpuinfo = cpuid.first_processor(cgroup.read("/proc/cpuinfo") or "")
    return microarchitecture.find(cpuinfo, cpu.features)


def peak(core: microarchitecture.Core, ghz: float, cores: float) -> Peak:
    return Peak(
        ghz=ghz,
        cores=cores,
        fp32_gops=ghz * cores * core.fp32,
        int8_gops=ghz * cores * core.int8,
        model=core.name,
        source=core.source,
        assumed=core.assumed,
    )


def physical(allowed: Collection[int], siblings: Callable[[int], str]) -> int:
    """Cores behind these CPUs: hyperthreads of one core count once."""
    return len({siblings(cpu) for cpu in allowed})


def _siblings(cpu: int) -> str:
    path = f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    return (cgroup.read(path) or str(cpu)).strip()


def frequency(cores: int, chain: bytes, clock: Clock) -> float:
    """The most GHz seen of any core while all are busy (turbo depends on how many are).

    `chain`: a function of CYCLES per turn; `clock` is a thread's own, which stands still while
    another program has the core.
    """
    run = Compiled(chain)
    found = [0.0] * cores

    def compute(core: int) -> None:
        for _ in range(REPEATS):
            start = clock()
            run(TURNS)
            found[core] = max(found[core], TURNS * CYCLES / (clock() - start) / 1e9)

    threads = [threading.Thread(target=compute, args=(core,)) for core in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(found)


def counted(body: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """x86-64 machine code of a function that runs `body` as often as its argument says."""
    turn = body + bytes.fromhex("48ffcf")  # dec rdi
    back = (-len(turn) - 6).to_bytes(4, "little", signed=True)
    return before + turn + bytes.fromhex("0f85") + back + after + bytes.fromhex("c3")  # jnz; ret


def counted_arm(body: bytes) -> bytes:
    """The same for AArch64."""
    back = 0x54000001 | (-(len(body) // 4 + 1) & 0x7FFFF) << 5  # b.ne
    return body + struct.pack("<3I", 0xF1000400, back, 0xD65F03C0)  # subs x0, x0, #1; …; ret


CHAINS: Mapping[str, Callable[[], bytes]] = {
    "x86_64": lambda: counted(IMUL * (CYCLES // LATENCY)),
    "aarch64": lambda: counted_arm(EOR * CYCLES),
}


class Compiled:
    """Machine code as a function, during which other threads run.

    Raises OSError where memory may not be executed.
    """

    def __init__(self, code: bytes) -> None:
        self._function = ctypes.CFUNCTYPE(None, ctypes.c_uint64)(machinecode.place(code))

    def __call__(self, turns: int) -> None:
        self._function(turns)
