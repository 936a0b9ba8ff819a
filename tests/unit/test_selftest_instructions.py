"""Machine code as an assembler makes it, and what is seen in it; then a real loop, sampled."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import platform
import signal
from collections.abc import Callable

import pytest

from selftest import sampler
from selftest.instructions import INSTRUCTIONS, Instructions, Unsampled, Window, count

CODE = {
    "vpdpbusd": ("62 f2 75 48 50 c2", "62 72 7d 40 51 04 91"),
    "vpdpbusd.vex": ("c4 e2 75 50 c2", "c4 62 3d 51 c2"),
    "vpdpbssd": ("c4 e2 77 50 c2", "c4 e2 76 50 c2", "c4 e2 74 50 c2"),
    "tdpb": ("c4 e2 6b 5e c1", "c4 e2 69 5e c1", "c4 e2 6a 5e c1", "c4 e2 68 5e c1"),
    "vpmaddubsw": ("62 f2 75 48 04 c2", "62 f2 f5 48 04 c2"),
    "vpmaddwd": ("62 f1 75 48 f5 c2",),
    "vpmaddubsw.vex": ("c4 e2 75 04 c2",),
    "vpmaddwd.vex": ("c5 f5 f5 c2", "c4 c1 75 f5 c2"),
    "pmaddubsw": ("66 0f 38 04 c1", "66 45 0f 38 04 c1"),
    "pmaddwd": ("66 0f f5 c1", "66 44 0f f5 c1"),
    "mulps": ("0f 59 c1", "45 0f 59 c1", "c5 f4 59 c2", "c4 c1 74 59 c2"),
    "vfmadd": ("62 f2 75 48 b8 c2", "c4 e2 75 98 c2"),
}
OTHERS = (
    "62 f2 75 48 52 c2",  # vpdpwssd: 16-bit
    "c4 e2 75 52 c2",
    "0f 38 04 c1",  # pmaddubsw on MMX registers
    "0f f5 c1",
    "62 f1 74 48 58 c2",  # vaddps
    "62 f2 f5 48 b8 c2",  # vfmadd231pd
    "c4 e2 f5 b8 c2",
    "66 0f 59 c1",  # mulpd
    "c5 f5 59 c2",  # vmulpd
    "c4 e2 f3 5e c1 90",  # W = 1: no tile product
)


def seen(code: str) -> set[str]:
    window = Window(before=b"\x90" * 8, behind=bytes.fromhex(code) + b"\x90" * 8)
    return set(count([window]).seen)


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in CODE.items() for code in codes]
)
def test_an_instruction_is_known_by_its_encoding(name: str, code: str) -> None:
    assert seen(code) == {name}


def test_every_instruction_we_know_is_tested() -> None:
    assert [known.name for known in INSTRUCTIONS if known.name not in CODE] == []


@pytest.mark.parametrize("code", OTHERS)
def test_other_instructions_are_not_taken_for_one(code: str) -> None:
    assert seen(code) == set()


def window(code: str) -> Window:
    return Window(before=b"", behind=bytes.fromhex(code))


def test_shares_are_of_the_threads_that_compute() -> None:
    dot, other = window(CODE["vpdpbusd"][0]), window(OTHERS[0])
    spinning = Window(before=b"\xf3\x90" + bytes.fromhex(CODE["vpdpbusd"][0]), behind=b"")
    asleep = Window(before=b"\x0f\x05", behind=bytes.fromhex(CODE["vpdpbusd"][0]))
    assert count([dot, other, other, dot, spinning, asleep]) == Instructions(
        samples=4, seen={"vpdpbusd": 0.5}
    )
    assert count([]) == Instructions(samples=0, seen={})


def test_what_is_seen_once_in_a_while_does_not_count() -> None:
    rare = Instructions(samples=100, seen={"vpdpbusd": 0.04, "vpmaddubsw.vex": 0.3, "vfmadd": 0.6})
    assert (rare.isas, rare.int8) == ({"avx2": 0.3}, ("vpmaddubsw.vex",))


on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="samples x86-64 machine code")
LOOPS = {
    "pmaddubsw": "66 0f 38 04 c1 ff cf 75 f7 c3",  # pmaddubsw xmm0, xmm1; dec edi; jnz; ret
    "nothing": "66 0f fe c1 90 ff cf 75 f7 c3",  # paddd xmm0, xmm1; nop; dec edi; jnz; ret
}


@pytest.fixture
def loop() -> Callable[[str], Callable[[], object]]:
    pages: list[mmap.mmap] = []

    def make(code: str) -> Callable[[], object]:
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes.fromhex(code))
        pages.append(page)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        function = ctypes.CFUNCTYPE(None, ctypes.c_uint32)(address)
        return lambda: function(5_000_000)

    return make


@on_x86
@pytest.mark.parametrize(("name", "code"), LOOPS.items())
def test_a_real_loop_is_seen_running(
    name: str, code: str, loop: Callable[[str], Callable[[], object]]
) -> None:
    found = sampler.sample(loop(code))
    assert found.samples >= sampler.FEWEST
    assert set(found.isas) == ({"sse4"} if name in CODE else set())
    assert found.seen.get("pmaddubsw", 0.0) > (0.8 if name in CODE else -1.0)


@on_x86
def test_sampling_ends_and_leaves_no_timer_and_no_deadly_signal(
    loop: Callable[[str], Callable[[], object]],
) -> None:
    sampler.sample(loop(LOOPS["nothing"]))
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    signal.raise_signal(signal.SIGPROF)  # the default would end this process


def test_threads_that_spin_do_not_end_the_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine of ten samples are of threads that wait."""
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    runs, looks = itertools.count(1), []

    def computing(start: int, end: int) -> int:
        looks.append((start, end))
        return end // 10

    raw = [0]
    sampler._run(lambda: raw.__setitem__(0, 50 * next(runs)), lambda: raw[0], computing)
    assert raw[0] // 10 >= sampler.ENOUGH
    assert [start for start, _ in looks] == [0, *(end for _, end in looks[:-1])]


@on_x86
def test_a_program_that_never_computes_is_not_sampled_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampler, "SECONDS_FOR_FEWEST", 0.05)
    with pytest.raises(Unsampled, match=r"^only \d+ samples of computing threads$"):
        sampler.sample(lambda: signal.sigtimedwait([], 0.01))


def test_elsewhere_nothing_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(Unsampled, match="on x86-64 only"):
        sampler.sample(lambda: None)
