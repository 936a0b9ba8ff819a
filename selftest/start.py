"""What runs before every program of an image: is this CPU fit for it, how many threads may it use.

Ends by becoming the program (exec). Imports next to nothing, for it delays every start.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal itself costs 3 ms: it makes enums
import os
import sys

from selftest import cgroup, cpuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from selftest.cgroup import Reader

CANNOT_RUN = 126
"""What shells and Docker answer for a command that is there but cannot be executed."""
NOT_FOUND = 127

CHOICE = "INFERPACK_THREADS"
"""The user's own number of threads; 0 leaves all as it is."""

TEMPORARY = ("TMPDIR", "TEMP", "TMP")
DISKS = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where Python's tempfile looks
MEMORY = "/dev/shm"  # noqa: S108 - writable in a container even where its root is not

SYSFS = "/sys/devices/system/cpu"


class Image:
    """What the recipe says: `needs` to run at all, the variables that set `threads`, whether
    the framework obeys nothing but its affinity mask (`pinned`), and, where it is for some CPUs
    only, which image to take `instead`.
    """

    __slots__ = ("instead", "needs", "pinned", "threads", "variant")

    def __init__(
        self,
        *,
        variant: str,
        needs: tuple[str, ...],
        threads: tuple[str, ...],
        pinned: bool,
        instead: str = "",
    ) -> None:
        self.variant, self.needs, self.threads, self.pinned = variant, needs, threads, pinned
        self.instead = instead


def main(image: Image, argv: list[str]) -> NoReturn:
    """Becomes the program `argv`, or says in one line why not."""
    prepare(image)
    argv = argv or ["python3"]
    program = argv[0]
    # Python ignores these, and exec would pass that on.
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    try:
        os.execvp(program, argv)  # noqa: S606 - no shell, as Docker would
    except FileNotFoundError:
        hint = "it holds python3 and selftest, but no shell and no package manager"
        _refuse(f"{program}: no such program in {image.variant}; {hint}", NOT_FOUND)
    except (OSError, ValueError) as err:
        _refuse(f"{program}: cannot be executed ({err})", CANNOT_RUN)


def prepare(image: Image) -> None:
    """Checks this CPU, and sets this process's environment and affinity mask."""
    if image.needs:
        identity = cpuid.identify(os.uname().machine, lambda: cgroup.read("/proc/cpuinfo") or "")
        if problem := unfit(image, identity):
            _refuse(problem, CANNOT_RUN)
    text = os.environ.get(CHOICE, "")
    if text and not text.isdecimal():
        _refuse(f"{CHOICE}={text}: not a number; 0 leaves threads as they are", CANNOT_RUN)
    share(image, int(text) if text else None)
    os.environ.update(temporary_folder(os.environ))


def share(image: Image, choice: int | None) -> None:
    """Limits the threads to the user's choice, or else to the container's share of the machine."""
    allowed = sorted(os.sched_getaffinity(0))
    quota = cgroup.quota(cgroup.read)
    limited = is_limited(quota, len(allowed), os.cpu_count() or 1)
    if choice == 0 or (choice is None and not limited):
        return
    cores = cores_of(allowed, cgroup.read)
    count = choice or threads_for(quota, len(cores))
    os.environ.update(thread_variables(image.threads, count, os.environ))
    if image.pinned and (choice or quota) and count < len(allowed):
        places = cores if count <= len(cores) else allowed
        _pin(chosen(places, count, int.from_bytes(os.urandom(4), "little")))


def unfit(image: Image, identity: cpuid.Identity | None) -> str | None:
    """Why this CPU cannot run the image, in one line."""
    if identity is None:
        return None
    model, features, _ = identity
    hint = "use such a CPU, or let a virtual machine show its host's (QEMU: -cpu host)"
    if image.instead:
        hint = f"pull {image.instead}, which is for any CPU"
    for need in image.needs:
        if missing := cpuid.missing(need, features):
            return (
                f"{image.variant}: cannot run on this CPU ({model or 'unknown'}), which has no "
                f"{', '.join(missing)}: it needs {cpuid.SINCE[need]}; {hint}"
            )
    return None


def is_limited(quota: float | None, allowed: int, online: int) -> bool:
    """Whether the container may use less than the machine has."""
    return allowed < online or (quota is not None and quota < allowed)


def threads_for(quota: float | None, cores: int) -> int:
    """Whole CPUs of the quota, at least one: a thread more than it pays for stops all threads for
    the rest of each period (100 ms), which shows as latency.
    """
    return cores if quota is None else max(1, min(cores, int(quota)))


def cores_of(cpus: Sequence[int], read: Reader) -> list[int]:
    """The first CPU of each physical core among these: the second one's thread adds little."""
    seen: set[str] = set()
    firsts = []
    for cpu in cpus:
        siblings = read(f"{SYSFS}/cpu{cpu}/topology/thread_siblings_list") or f"only {cpu}"
        if siblings not in seen:
            seen.add(siblings)
            firsts.append(cpu)
    return firsts


def chosen(cores: Sequence[int], count: int, start: int) -> set[int]:
    """`count` neighbours from a random `start` on: near each other's memory, and away from what
    other containers on this machine have chosen.
    """
    return {cores[(start + step) % len(cores)] for step in range(count)}


def thread_variables(
    names: Sequence[str], count: int, environment: Mapping[str, str]
) -> dict[str, str]:
    """Only where the user has not set them."""
    return {name: str(count) for name in names if name not in environment}


def temporary_folder(environment: Mapping[str, str]) -> dict[str, str]:
    """Memory, where no disk can be written: PyTorch's DataLoader hangs then."""
    named = any(environment.get(name) for name in TEMPORARY)
    if named or any(os.access(folder, os.W_OK) for folder in DISKS):
        return {}
    return {"TMPDIR": MEMORY} if os.access(MEMORY, os.W_OK) else {}


def _pin(cpus: set[int]) -> None:
    """Where it is forbidden, or a CPU has just gone, the program runs with more threads instead."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        return


def _refuse(message: str, code: int) -> NoReturn:
    os.write(2, f"{message}\n".encode(errors="surrogateescape"))
    sys.exit(code)
