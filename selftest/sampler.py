"""Where this program's threads compute: CPU time interrupts them, and their place is noted.

The kernel sends SIGPROF to whichever thread uses the CPU time that ITIMER_PROF counts. The handler
is machine code, since a handler in Python runs only between bytecodes and never in a thread of a
library. It needs no privilege, no second process and no file: a seccomp profile that lets OpenMP
run lets this run, and QEMU's user mode emulates it, with places that begin blocks of code.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import signal
import struct
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from selftest import altstack, machinecode
from selftest.instructions import ENCODINGS, Instructions, Unsampled, Window, count

PERIOD = 0.001  # s; in fact once per kernel tick (1 to 10 ms) and running thread
ENOUGH, FEWEST = 150, 20  # samples
SECONDS, SECONDS_FOR_FEWEST = 1.5, 4.0
REACH = 128  # bytes of code on either side: more shows no more, and less misses loops
CAPACITY = 1 << 16

SA_SIGINFO, SA_ONSTACK, SA_RESTART = 0x4, 0x08000000, 0x10000000

HANDLERS = {
    "x86_64": (
        "48 8b 82 a8 00 00 00"  # mov rax, [rdx + 168]      ucontext: uc_mcontext.gregs[REG_RIP]
        "48 b9 %s"  #             mov rcx, notes
        "ba 01 00 00 00"  #       mov edx, 1
        "f0 48 0f c1 11"  #       lock xadd [rcx], rdx      notes[0] counts
        "48 81 fa %s"  #          cmp rdx, CAPACITY
        "73 05"  #                jae end
        "48 89 44 d1 08"  #       mov [rcx + rdx*8 + 8], rax
        "c3"  #              end: ret
    ),
    "aarch64": (
        "40 dc 40 f9"  #       ldr x0, [x2, #440]           ucontext: uc_mcontext.pc
        "61 01 00 58"  #       ldr x1, notes
        "83 01 00 18"  #       ldr w3, CAPACITY
        "22 7c 5f c8"  # more: ldxr x2, [x1]                notes[0] counts
        "44 04 00 91"  #       add x4, x2, #1
        "24 7c 05 c8"  #       stxr w5, x4, [x1]            no LSE before Armv8.1
        "a5 ff ff 35"  #       cbnz w5, more
        "5f 00 03 eb"  #       cmp x2, x3
        "62 00 00 54"  #       b.hs end
        "21 0c 02 8b"  #       add x1, x1, x2, lsl #3
        "20 04 00 f9"  #       str x0, [x1, #8]
        "c0 03 5f d6"  #  end: ret
        "%s %s"
    ),
}
"""void handler(int, siginfo_t *, void *ucontext) by the ABI; ucontext as in the kernel's
arch/{x86,arm64}/include/uapi/asm/{sigcontext,ucontext}.h."""


class _Action(ctypes.Structure):
    """glibc's struct sigaction, on both."""

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
    machine = platform.machine()
    if machine not in HANDLERS:
        raise Unsampled(f"instructions are read on {' and '.join(HANDLERS)} only")
    encoding = ENCODINGS[machine]
    notes, address = _handler(machine)
    notes[0] = 0
    windows: Counter[Window] = Counter()

    def computing(start: int, end: int) -> int:
        for window, times in _windows(notes[1 + start : 1 + min(end, CAPACITY)]):
            windows[window] += times
        return sum(times for window, times in windows.items() if not window.waits(encoding))

    _give_stacks()
    _handle(address)
    try:
        _run(run, lambda: int(notes[0]), computing)
    finally:
        # Ignoring it also drops a signal that is still on its way; the default would end us.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
    found = count(windows.elements(), encoding)
    if found.samples < FEWEST:
        raise Unsampled(f"only {found.samples} samples of computing threads")
    return found


def _give_stacks() -> None:
    try:
        altstack.give(_handle)
    except OSError as err:
        raise Unsampled(f"no signal stacks for threads ({err.strerror})") from err


def _handle(address: int) -> None:
    """Makes this code the handler of SIGPROF."""
    action = _Action(handler=address, flags=SA_SIGINFO | SA_ONSTACK | SA_RESTART)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sigaction(signal.SIGPROF, ctypes.byref(action), None):
        raise Unsampled(f"no handler for SIGPROF is allowed (errno {ctypes.get_errno()})")


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
def _handler(machine: str) -> tuple[ctypes.Array[ctypes.c_uint64], int]:
    """Memory for notes, and the address of the handler; both stay until the program ends."""
    notes = (ctypes.c_uint64 * (1 + CAPACITY))()
    address = struct.pack("<Q", ctypes.addressof(notes)).hex()
    code = bytes.fromhex(HANDLERS[machine] % (address, struct.pack("<I", CAPACITY).hex()))
    try:
        return notes, machinecode.place(code)
    except OSError as err:
        raise Unsampled(
            f"executable memory is forbidden ({err.strerror}); allow it (SELinux: execmem)"
        ) from err


def _windows(places: Iterable[int]) -> Iterator[tuple[Window, int]]:
    """The code around each place that lies in readable memory, and how often it was seen."""
    regions = _readable()
    starts = [start for start, _ in regions]
    for place, times in Counter(places).items():
        index = bisect_right(starts, place) - 1
        if index < 0 or place >= regions[index][1]:
            continue
        start, end = max(regions[index][0], place - REACH), min(regions[index][1], place + REACH)
        window = Window(
            before=ctypes.string_at(start, place - start),
            behind=ctypes.string_at(place, end - place),
        )
        yield window, times


def _readable() -> list[tuple[int, int]]:
    """Start and end of all memory that holds code we may read, in order."""
    regions = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, rights = line.split()[:2]
        start, _, end = span.partition("-")
        if rights.startswith("r-x") or rights.startswith("rwx"):
            regions.append((int(start, 16), int(end, 16)))
    return sorted(regions)
