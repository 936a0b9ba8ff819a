"""dpkg's database, as dpkg leaves it after an installation: apt and dpkg go on from there."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping

from inferpack.deb import Deb
from inferpack.rootfs import File, Node, Tree

FOLDER = "var/lib/dpkg"
SCRIPTS = frozenset({"preinst", "postinst", "prerm", "postrm", "config"})


Owned = Mapping[str, Node]  # a package's files by its own absolute paths, in its order


def database(packages: Iterable[tuple[Deb, Owned]]) -> Tree:
    """The records of these packages, all of them installed and configured."""
    found = sorted(packages, key=lambda item: item[0].name)
    made: Tree = {f"{FOLDER}/info/format": File(b"1\n")}
    paragraphs = []
    for deb, own in found:
        paragraphs.append(paragraph(deb, own))
        made |= records(deb, own)
    made[f"{FOLDER}/status"] = File("\n".join(paragraphs).encode())
    return made | triggers(deb for deb, _ in found)


def paragraph(deb: Deb, own: Owned) -> str:
    """The package's part of the status file: it knows configuration files by their md5."""
    head, _, rest = deb.control.rstrip("\n").partition("\n")
    lines = [head, "Status: install ok installed", rest]
    gone = [
        f" {path} newconffile remove-on-upgrade" for path in conffiles(deb, "remove-on-upgrade ")
    ]
    if sums := [f" {path} {md5(own[path])}" for path in conffiles(deb)] + gone:
        lines += ["Conffiles:", *sums]
    return "\n".join([*lines, ""])


def conffiles(deb: Deb, flag: str = "") -> Iterator[str]:
    """The paths of a package's configuration files, or of those with a flag."""
    for line in deb.records.get("conffiles", b"").decode().splitlines():
        if line.startswith(f"{flag}/"):
            yield line.removeprefix(flag)


def records(deb: Deb, own: Owned) -> Tree:
    """The package's files in info/: its scripts and tables, and the list of what it owns."""
    start = f"{FOLDER}/info/{known_as(deb)}"
    listed = "".join(f"{'/.' if path == '/' else path}\n" for path in own)
    made: Tree = {f"{start}.list": File(listed.encode())}
    for name, data in {"md5sums": sums(deb, own), **deb.records}.items():
        made[f"{start}.{name}"] = File(data, 0o755 if name in SCRIPTS else 0o644)
    return made


def known_as(deb: Deb) -> str:
    """A package that can be there for several architectures carries its own in its file names."""
    several = deb.field("Multi-Arch", "no") == "same"
    return f"{deb.name}:{deb.field('Architecture')}" if several else deb.name


def sums(deb: Deb, own: Owned) -> bytes:
    """The md5sums that dpkg works out for a package without them."""
    plain = {path: node for path, node in own.items() if isinstance(node, File)}
    apart = set(conffiles(deb))
    lines = [f"{md5(node)}  {path[1:]}\n" for path, node in plain.items() if path not in apart]
    return "".join(lines).encode()


def md5(node: Node) -> str:
    data = node.data if isinstance(node, File) else b""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def triggers(debs: Iterable[Deb]) -> Tree:
    """Who is to be told of what: named triggers have a file each, paths share the file File."""
    named: dict[str, list[str]] = {"File": [], "Unincorp": []}
    for deb in debs:
        for line in deb.records.get("triggers", b"").decode().splitlines():
            kind, _, name = line.partition("#")[0].strip().partition(" ")
            if not kind.startswith("interest"):
                continue
            told = known_as(deb) + ("/noawait" if kind == "interest-noawait" else "")
            if name.startswith("/"):
                named["File"].append(f"{name} {told}")
            else:
                named.setdefault(name, []).append(told)
    return {
        posixpath.join(FOLDER, "triggers", name): File("".join(f"{x}\n" for x in lines).encode())
        for name, lines in named.items()
    }
