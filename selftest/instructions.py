"""Which instructions multiply: machine code read around where a program was seen running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from selftest.encodings import X86_64, Encoding
from selftest.encodings_arm import AARCH64

ENCODINGS = {"x86_64": X86_64, "aarch64": AARCH64}
"""By what the kernel calls the machine."""

INSTRUCTIONS = tuple(known for one in ENCODINGS.values() for known in one.instructions)

LEAST = 0.05
"""Of the samples: what a kernel that computes shows many times over, and chance never."""

NEAR = 16


class Unsampled(Exception):
    """Why nothing could be seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Machine code before and behind the place where a thread was."""

    before: bytes
    behind: bytes

    def waits(self, encoding: Encoding) -> bool:
        """In a system call, or spinning: not computing."""
        near = self.before[-NEAR:] + self.behind[:NEAR]
        paused = any(pause in near for pause in encoding.pauses)
        return paused or self.before.endswith(encoding.system_call)

    def shows(self, encoding: Encoding) -> Iterator[str]:
        """The instructions in this code; of INT8's, those of the set that is nearest: the same
        product written for other CPUs stands beside it, and does not run.
        """
        code, place = self.before + self.behind, len(self.before)
        away = {
            known: min(abs(at - place) for at in places)
            for known in encoding.instructions
            if (places := encoding.places(known, code))
        }
        nearest = min((known for known in away if known.isa), key=away.__getitem__, default=None)
        for known in away:
            if nearest is None or known.isa in (None, nearest.isa):
                yield known.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Instructions:
    """`seen`: the share of samples of computing threads with each instruction in the code there."""

    samples: int
    seen: Mapping[str, float]

    @property
    def isas(self) -> Mapping[str, float]:
        """The INT8 instruction sets that really computed, each with the share of that instruction
        of it which is seen most: others stand beside it in the same code, and are no more of it.
        """
        shares: dict[str, float] = {}
        for known in INSTRUCTIONS:
            if known.isa and self._often(known.name):
                shares[known.isa] = max(shares.get(known.isa, 0.0), self.seen[known.name])
        return shares

    @property
    def int8(self) -> tuple[str, ...]:
        """The INT8 instructions that really computed, best first."""
        return tuple(known.name for known in INSTRUCTIONS if known.isa and self._often(known.name))

    def _often(self, name: str) -> bool:
        return self.seen.get(name, 0.0) >= LEAST


def count(windows: Iterable[Window], encoding: Encoding) -> Instructions:
    """Of the threads that compute; the same window is looked at once, however often it is there."""
    samples, found = 0, Counter(dict.fromkeys((one.name for one in encoding.instructions), 0))
    for window, times in Counter(windows).items():
        if not window.waits(encoding):
            samples += times
            found.update(dict.fromkeys(window.shows(encoding), times))
    shares = {name: round(times / samples, 4) for name, times in found.items() if times}
    return Instructions(samples=samples, seen=shares)
