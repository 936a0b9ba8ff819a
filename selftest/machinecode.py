"""A few instructions of our own: bytes in, an address to call out."""

from __future__ import annotations

import os

FAILED = (1 << 64) - 1
"""MAP_FAILED of a 64-bit machine."""


def place(code: bytes) -> int:
    """The address of this code, in memory of its own that stays until the program ends.

    As with a library's code, the kernel maps a file that is executable and cannot be written: it
    then keeps Arm's instruction caches right, and nothing is writable and executable at once.

    Raises OSError where that is forbidden (SELinux, hardened kernels).
    """
    try:
        import ctypes  # noqa: PLC0415 - it needs executable memory itself on Python 3.11
        import mmap  # noqa: PLC0415
    except MemoryError as err:
        raise OSError(f"ctypes: {err}") from err
    size = -(-len(code) // mmap.PAGESIZE) * mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_uint64
    libc.mmap.argtypes = (*(ctypes.c_size_t,) * 2, *(ctypes.c_int,) * 3, ctypes.c_long)
    file = os.memfd_create("selftest")
    try:
        os.write(file, code.ljust(size, b"\0"))
        rights = mmap.PROT_READ | mmap.PROT_EXEC
        address = int(libc.mmap(0, size, rights, mmap.MAP_PRIVATE, file, 0))
    finally:
        os.close(file)
    if address == FAILED:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return address
