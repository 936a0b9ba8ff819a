"""What a variant's Python accepts, worked out without running it."""

from collections.abc import Iterator

from packaging.markers import Environment, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags

from inferpack.model import Arch, Python

OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def environment(python: Python, arch: Arch) -> Environment:
    """Markers as CPython evaluates them on the target."""
    return {
        **default_environment(),
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": arch.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def tags(python: Python, arch: Arch, glibc: str) -> Iterator[Tag]:
    """What pip accepts on the target, best first."""
    major, minor = map(int, python.split("."))
    interpreter = python.wheel_tag
    accepted = platforms(arch, glibc)
    yield from cpython_tags((major, minor), abis=[interpreter], platforms=accepted)
    yield from compatible_tags((major, minor), interpreter=interpreter, platforms=accepted)


def platforms(arch: Arch, glibc: str) -> tuple[str, ...]:
    """PEP 600's tags from the target's glibc down to the architecture's first; then plain Linux."""
    oldest = {Arch.AMD64: 5, Arch.ARM64: 17}[arch]
    names = [
        f"{name}_{arch.machine}"
        for minor in range(minor_of(glibc), oldest - 1, -1)
        for name in (f"manylinux_2_{minor}", OLD_NAMES.get(minor))
        if name
    ]
    return (*names, f"linux_{arch.machine}")


def minor_of(glibc: str) -> int:
    return int(glibc.removeprefix("2."))
