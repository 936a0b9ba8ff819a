"""Real loops of machine code, sampled while they run."""

from __future__ import annotations

import ctypes
import itertools
import platform
import signal
from collections.abc import Callable

import pytest

from selftest import machinecode, sampler
from selftest.instructions import Unsampled

LOOPS = {
    "x86_64": {
        "pmaddubsw": "66 0f 38 04 c1 ff cf 75 f7 c3",  # pmaddubsw xmm0, xmm1; dec edi; jnz; ret
        "nothing": "66 0f fe c1 90 ff cf 75 f7 c3",  # paddd xmm0, xmm1; nop; dec edi; jnz; ret
    },
    "aarch64": {
        # smull v2.8h, v0.8b, v1.8b; subs w0, w0, #1; b.ne; ret
        "smull": "02c0210e 00040071 c1ffff54 c0035fd6",
        # add v2.8h, v0.8h, v1.8h; …
        "nothing": "0284614e 00040071 c1ffff54 c0035fd6",
    },
}.get(platform.machine(), {})
ISAS = {"pmaddubsw": {"sse4"}, "smull": {"neon"}, "nothing": set()}
sampled = pytest.mark.skipif(not LOOPS, reason="machine code that nothing reads")


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "SECONDS", 0.3)


def loop(name: str) -> Callable[[], object]:
    address = machinecode.place(bytes.fromhex(LOOPS[name]))
    function = ctypes.CFUNCTYPE(None, ctypes.c_uint32)(address)
    return lambda: function(5_000_000)


@sampled
@pytest.mark.parametrize("name", LOOPS)
def test_a_real_loop_is_seen_running(name: str) -> None:
    found = sampler.sample(loop(name))
    assert found.samples >= sampler.FEWEST
    assert set(found.isas) == ISAS[name]
    assert found.seen.get(name, 0.0) > (0.8 if ISAS[name] else -1.0)


@sampled
def test_sampling_ends_and_leaves_no_timer_and_no_deadly_signal() -> None:
    sampler.sample(loop("nothing"))
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


@sampled
def test_a_program_that_never_computes_is_not_sampled_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampler, "SECONDS_FOR_FEWEST", 0.05)
    with pytest.raises(Unsampled, match=r"^only \d+ samples of computing threads$"):
        sampler.sample(lambda: signal.sigtimedwait([], 0.01))


def test_elsewhere_nothing_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(Unsampled, match="on x86_64 and aarch64 only"):
        sampler.sample(lambda: None)
