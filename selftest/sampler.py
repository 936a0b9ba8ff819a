"""Where this program's threads compute: CPU time interrupts them, and their place is noted.

The kernel sends SIGPROF to whichever thread uses the CPU time that ITIMER_PROF counts. The handler
is machine code, since a handler in Python runs only between bytecodes and never in a thread of a
library. It needs no privilege, no second process and no file: a seccomp profile that lets OpenMP
run lets this run, and QEMU's user mode emulates it.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import platform
import signal
import struct
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

from selftest.instructions import Instructions, Unsampled, Window, count

PERIOD = 0.001  # s; in fact once per kernel tick (1 to 10 ms) and running thread
ENOUGH, FEWEST = 150, 20  # samples
SECONDS, SECONDS_FOR_FEWEST = 0.5, 4.0
REACH = 128  # bytes of code on either side: more shows no more, and less misses loops
CAPACITY = 1 << 16

SA_SIGINFO, SA_ONSTACK, SA_RESTART = 0x4, 0x08000000, 0x10000000

HANDLER = (
    "48 8b 82 a8 00 00 00"  # mov rax, [rdx + 168]      ucontext: uc_mcontext.gregs[REG_RIP]
    "48 b9 %s"  #             mov rcx, notes
    "ba 01 00 00 00"  #       mov edx, 1
    "f0 48 0f c1 11"  #       lock xadd [rcx], rdx      notes[0] counts
    "48 81 fa %s"  #          cmp rdx, CAPACITY
    "73 05"  #                jae end
    "48 89 44 d1 08"  #       mov [rcx + rdx*8 + 8], rax
    "c3"  #              end: ret
)
"""void handler(int, siginfo_t *, void *ucontext), System V ABI; ucontext as in the kernel's
arch/x86/include/uapi/asm/sigcontext.h."""


class _Action(ctypes.Structure):
    """glibc's struct sigaction on x86-64."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def sample(run: Callable[[], object]) -> Instructions:
    """Runs `run` again and again while watching it; call it from the main thread.

    Raises Unsampled where that cannot be done.
    """
    if platform.machine() != "x86_64":
        raise Unsampled("instructions are read on x86-64 only")
    notes, code = _handler()
    notes[0] = 0
    windows: list[Window] = []

    def computing(start: int, end: int) -> int:
        windows.extend(_windows(list(notes[1 + start : 1 + min(end, CAPACITY)])))
        return sum(not window.waits for window in windows)

    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    action = _Action(handler=address, flags=SA_SIGINFO | SA_ONSTACK | SA_RESTART)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sigaction(signal.SIGPROF, ctypes.byref(action), None):
        raise Unsampled(f"no handler for SIGPROF is allowed (errno {ctypes.get_errno()})")
    try:
        _run(run, lambda: int(notes[0]), computing)
    finally:
        # Ignoring it also drops a signal that is still on its way; the default would end us.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
    found = count(windows)
    if found.samples < FEWEST:
        raise Unsampled(f"only {found.samples} samples of computing threads")
    return found


def _run(
    run: Callable[[], object], taken: Callable[[], int], computing: Callable[[int, int], int]
) -> None:
    """Until there are enough samples of threads that compute, however many others wait and spin.

    `computing`: looks at the samples from here to there, and counts those of all looks.
    """
    start, looked, found = time.perf_counter(), 0, 0
    try:
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)
    except OSError as err:
        raise Unsampled(f"setitimer is forbidden ({err.strerror})") from err
    try:
        while found < ENOUGH:
            run()
            late = time.perf_counter() - start > SECONDS
            end = taken()
            # Not after every run: while we look, we are seen ourselves.
            if end - looked >= (FEWEST if late else max(FEWEST, ENOUGH - found)):
                looked, found = end, computing(looked, end)
            if time.perf_counter() - start > (
                SECONDS if found >= 2 * FEWEST else SECONDS_FOR_FEWEST
            ):
                break
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    computing(looked, taken())


@functools.cache
def _handler() -> tuple[ctypes.Array[ctypes.c_uint64], mmap.mmap]:
    """Memory for notes and for the handler; both stay until the program ends."""
    notes = (ctypes.c_uint64 * (1 + CAPACITY))()
    address = struct.pack("<Q", ctypes.addressof(notes)).hex()
    code = bytes.fromhex(HANDLER % (address, struct.pack("<I", CAPACITY).hex()))
    try:
        memory = mmap.mmap(
            -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        )
    except OSError as err:
        raise Unsampled(
            f"executable memory is forbidden ({err.strerror}); allow it (SELinux: execmem)"
        ) from err
    memory.write(code)
    return notes, memory


def _windows(places: list[int]) -> Iterator[Window]:
    """The code around each place that lies in readable memory."""
    regions = _readable()
    starts = [start for start, _ in regions]
    for place in places:
        index = bisect_right(starts, place) - 1
        if index < 0 or place >= regions[index][1]:
            continue
        start, end = max(regions[index][0], place - REACH), min(regions[index][1], place + REACH)
        yield Window(
            before=ctypes.string_at(start, place - start),
            behind=ctypes.string_at(place, end - place),
        )


def _readable() -> list[tuple[int, int]]:
    """Start and end of all memory that holds code we may read, in order."""
    regions = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, rights = line.split()[:2]
        start, _, end = span.partition("-")
        if rights.startswith("r-x") or rights.startswith("rwx"):
            regions.append((int(start, 16), int(end, 16)))
    return sorted(regions)
