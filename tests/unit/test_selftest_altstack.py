"""Code that keeps data below its stack pointer, as oneDNN's does, survives being sampled."""

from __future__ import annotations

import ctypes
import platform
from concurrent.futures import ThreadPoolExecutor

import pytest

from selftest import altstack, machinecode, sampler

BELOW = (
    "48 b8 88 77 66 55 44 33 22 11"  # mov rax, …
    "48 89 84 24 00 fc ff ff"  #       mov [rsp - 1024], rax
    "66 0f 38 04 c1"  #                pmaddubsw xmm0, xmm1
    "ff cf"  #                         dec edi
    "75 f7"  #                         jnz
    "48 8b 8c 24 00 fc ff ff"  #       mov rcx, [rsp - 1024]
    "48 39 c8"  #                      cmp rax, rcx
    "0f 94 c0"  #                      sete al
    "0f b6 c0"  #                      movzx eax, al
    "c3"
)
THREAD_SIZE = 1 << 16

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="no library needs it elsewhere"
)


class Stack(ctypes.Structure):
    """stack_t"""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def stack() -> tuple[int | None, int]:
    """This thread's signal stack."""
    found = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found.start, found.size


def intact() -> set[int]:
    """Whether the data was, after each run in a thread that is sampled: 1 or 0."""
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)(
        machinecode.place(bytes.fromhex(BELOW))
    )
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # the thread exists
        sampler.sample(lambda: seen.add(pool.submit(function, 20_000_000).result()))
    return seen


def test_data_below_the_stack_pointer_survives() -> None:
    assert intact() == {1}


def test_without_a_signal_stack_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(altstack, "give", lambda handle: None)
    assert 0 in intact()


def test_each_thread_gets_one_of_its_own_and_keeps_it() -> None:
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pools = (one, other)
        assert [pool.submit(stack).result()[1] for pool in pools] == [0, 0]
        altstack.give(sampler._handle)
        first = [pool.submit(stack).result() for pool in pools]
        assert [size for _, size in first] == [THREAD_SIZE, THREAD_SIZE]
        assert len({start for start, _ in first}) == 2
        altstack.give(sampler._handle)
        assert [pool.submit(stack).result() for pool in pools] == first


def test_more_threads_than_there_are_stacks_stay_without(monkeypatch: pytest.MonkeyPatch) -> None:
    altstack.give(sampler._handle)  # all that exist
    monkeypatch.setattr(altstack, "THREADS_MAX", 1)
    monkeypatch.setattr(altstack, "_handler", altstack._handler.__wrapped__)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for pool in (one, other):
            pool.submit(int).result()
        altstack.give(sampler._handle)
        sizes = [pool.submit(stack).result()[1] for pool in (one, other)]
    assert sorted(sizes) == [0, THREAD_SIZE]
