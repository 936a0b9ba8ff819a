"""A stack of its own for the signals of each thread.

A signal's frame goes below the stack pointer of the thread that it interrupts, where oneDNN 3.1's
matrix products (those of CTranslate2) do not expect it: the heap is corrupt then. Only a thread
itself can get a signal stack: so each is sent a signal, and the handler writes one where the kernel
finds it when the handler returns (sigreturn restores uc_stack).
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import platform
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

from selftest import machinecode

BYTES_LOG2 = 16  # a frame with the registers of AMX has 11 kB
THREADS_MAX = 1024
SECONDS = 0.5

HANDLER = (
    "48 b9 %s"  #              mov rcx, notes
    "48 83 7a 20 00"  #        cmp qword [rdx + 32], 0              ucontext: uc_stack.ss_size
    "75 33"  #                 jne seen                             it has one already
    "b8 01 00 00 00"  #        mov eax, 1
    "f0 48 0f c1 01"  #        lock xadd [rcx], rax                 notes[0] counts stacks
    "48 3d %s"  #              cmp rax, THREADS_MAX
    "73 21"  #                 jae seen
    "48 c1 e0 10"  #           shl rax, BYTES_LOG2
    "49 b8 %s"  #              mov r8, stacks
    "4c 01 c0"  #              add rax, r8
    "48 89 42 10"  #           mov [rdx + 16], rax                  uc_stack.ss_sp
    "83 62 18 00"  #           and dword [rdx + 24], 0              uc_stack.ss_flags
    "48 c7 42 20 %s"  #        mov qword [rdx + 32], 1 << BYTES_LOG2
    "f0 48 ff 41 08"  #  seen: lock inc qword [rcx + 8]             notes[1] counts signals
    "c3"  #                    ret
)
"""void handler(int, siginfo_t *, void *ucontext), System V ABI; ucontext as in the kernel's
arch/x86/include/uapi/asm/ucontext.h. On aarch64 no library is known to need it."""


def give(handle: Callable[[int], None]) -> None:
    """Gives a signal stack to each thread that now exists and has none.

    `handle` makes the code at an address the handler of SIGPROF, on such stacks. Raises OSError.
    """
    if platform.machine() != "x86_64":
        return
    notes, address, _ = _handler()
    handle(address)
    libc, before = ctypes.CDLL(None), notes[1]
    threads = [int(path.name) for path in Path("/proc/self/task").iterdir()]
    sent = sum(not libc.tgkill(os.getpid(), thread, int(signal.SIGPROF)) for thread in threads)
    end = time.perf_counter() + SECONDS  # a thread that blocks the signal never handles it
    while notes[1] - before < sent and time.perf_counter() < end:
        time.sleep(0.001)


@functools.cache
def _handler() -> tuple[ctypes.Array[ctypes.c_uint64], int, mmap.mmap]:
    """Memory for notes, the address of the handler, and the stacks; all stay until the end."""
    notes = (ctypes.c_uint64 * 2)()
    stacks = mmap.mmap(-1, THREADS_MAX << BYTES_LOG2, flags=mmap.MAP_PRIVATE)
    numbers = (
        struct.pack("<Q", ctypes.addressof(notes)),
        struct.pack("<I", THREADS_MAX),
        struct.pack("<Q", ctypes.addressof(ctypes.c_char.from_buffer(stacks))),
        struct.pack("<I", 1 << BYTES_LOG2),
    )
    code = HANDLER % tuple(number.hex() for number in numbers)
    return notes, machinecode.place(bytes.fromhex(code)), stacks
