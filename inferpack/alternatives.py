"""The links that update-alternatives keeps, as Debian's maintainer scripts ask it for them."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from inferpack.rootfs import File, Link, Node, Tree, canonical


@dataclass(frozen=True, slots=True)
class Choice:
    """One call: the link, the program it stands for, its priority, and links that go with it."""

    link: str
    path: str
    priority: int
    slaves: Mapping[str, str] = field(default_factory=dict)


# Links to manual pages are left out, as the pages are.
CHOICES = (
    Choice("/usr/bin/awk", "/usr/bin/mawk", 5, {"/usr/bin/nawk": "/usr/bin/mawk"}),
    Choice("/usr/bin/c++", "/usr/bin/g++", 20),
    Choice("/usr/bin/c89", "/usr/bin/c89-gcc", 20),
    Choice("/usr/bin/c99", "/usr/bin/c99-gcc", 20),
    Choice("/usr/bin/cc", "/usr/bin/gcc", 20),
    Choice("/lib/cpp", "/usr/bin/cpp", 10),
    Choice(
        "/usr/bin/lzma",
        "/usr/bin/xz",
        20,
        {
            "/usr/bin/unlzma": "/usr/bin/unxz",
            **{
                f"/usr/bin/lz{tool}": f"/usr/bin/xz{tool}"
                for tool in ("cat", "cmp", "diff", "egrep", "fgrep", "grep", "less", "more")
            },
        },
    ),
    Choice("/usr/bin/pager", "/bin/more", 50),
    Choice("/usr/sbin/rmt", "/usr/sbin/rmt-tar", 50),
    Choice("/usr/bin/which", "/usr/bin/which.debianutils", 0),
)


def links(tree: Mapping[str, Node]) -> Tree:
    """The links and records of every choice whose program is there."""
    made: Tree = {}
    for choice in CHOICES:
        if canonical(choice.path) in tree:
            for link, path in {choice.link: choice.path, **choice.slaves}.items():
                name = posixpath.basename(link)
                made[canonical(link)] = Link(f"/etc/alternatives/{name}", exact=True)
                made[f"etc/alternatives/{name}"] = Link(path, exact=True)
            name = posixpath.basename(choice.link)
            made[f"var/lib/dpkg/alternatives/{name}"] = File(record(choice).encode())
    return made


def record(choice: Choice) -> str:
    """update-alternatives' own format: the links and their names, then the only choice."""
    slaves = sorted((posixpath.basename(link), link, path) for link, path in choice.slaves.items())
    head = ["auto", choice.link, *(text for name, link, _ in slaves for text in (name, link)), ""]
    tail = [choice.path, str(choice.priority), *(path for _, _, path in slaves), "", ""]
    return "\n".join([*head, *tail])
