"""What Debian's maintainer scripts would have done, as pure functions of the unpacked tree."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from inferpack import alternatives, dpkg, ldcache, rootfs, scripts
from inferpack.bases import Base
from inferpack.deb import Deb
from inferpack.errors import InferpackError
from inferpack.model import Arch, Package
from inferpack.rootfs import File, Folder, Link, Node, Tree

USER, UID = "inferpack", 10001

# base-passwd's first and last account, and the one images run as. Its home is writable for it,
# so that a derived image may keep caches there; under another uid it is just a folder.
PASSWD = f"""\
root:x:0:0:root:/root:/usr/sbin/nologin
{USER}:x:{UID}:{UID}:{USER}:/home/{USER}:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = f"root:x:0:\n{USER}:x:{UID}:\nnogroup:x:65534:\n"

NSSWITCH = """\
passwd:    files
group:     files
shadow:    files
hosts:     files dns
networks:  files
protocols: files
services:  files
rpc:       files
"""

AUTHORITIES = "usr/share/ca-certificates/"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def install(debs: Iterable[Deb], base: Base, arch: Arch) -> Tree:
    """The root file system of these packages, all but Python's bytecode.

    Raises InferpackError where `base` leaves out a library that a kept file needs, or where
    Debian's glibc is not the one it names (the tags of the wheels that fit depend on it).
    """
    debs = tuple(debs)
    check_glibc(debs, base)
    with ThreadPoolExecutor() as pool:  # nearly all of the time is decompression's
        owned = tuple(pool.map(lambda deb: dict(rootfs.entries(deb.data)), debs))
    tree = {name: node for own in owned for name, node in rootfs.placed(own.items()).items()}
    whole = is_whole(debs)
    written = developed(debs, owned, tree, base) if whole else accounts()
    tree |= rootfs.merged(tree) | folders() | links(base) | authorities(tree)
    tree = rootfs.whole(rootfs.without(tree, base.remove)) | written
    tree |= {} if whole else status(debs, tree)
    tree |= loader_cache(tree, arch)
    return rootfs.whole(tree)


def is_whole(packages: Iterable[Deb | Package]) -> bool:
    """Whether these packages are a Debian that goes on installing: the dev flavour's."""
    return any(package.name == "dpkg" for package in packages)


def developed(
    debs: tuple[Deb, ...], owned: tuple[dpkg.Owned, ...], tree: Mapping[str, Node], base: Base
) -> Tree:
    """What makes a whole Debian of it, in which apt goes on: its scripts' part and dpkg's."""
    scripts.refuse_unread(debs)
    user = f"{USER}:x:{UID}:{UID}:{USER}:/home/{USER}:/bin/bash"
    return (
        {f"home/{USER}": Folder(owner=UID)}
        | dpkg.database(zip(debs, owned, strict=True))
        | alternatives.links(tree)
        | scripts.made(tree, base.remove, user)
    )


def check_glibc(debs: Iterable[Deb], base: Base) -> None:
    for deb in debs:
        found = deb.field("Version").partition("-")[0]
        if deb.name == "libc6" and found != base.glibc:
            wrong = f"glibc = '{base.glibc}', but {base.suite} has {found}"
            raise InferpackError("recipes/bases.toml", wrong, f"write glibc = '{found}'")


def accounts() -> Tree:
    """base-passwd's and libc-bin's part; no shadow file: no account has a password."""
    return {
        "etc/passwd": File(PASSWD.encode()),
        "etc/group": File(GROUP.encode()),
        "etc/nsswitch.conf": File(NSSWITCH.encode()),
        f"home/{USER}": Folder(owner=UID),
    }


def folders() -> Tree:
    """base-files' part; the sticky bit keeps users out of each other's files."""
    return {
        "tmp": Folder(0o1777),
        "var/tmp": Folder(0o1777),
        "var/lock": Link("/run/lock"),
        "var/run": Link("/run"),
        "run/lock": Folder(),
    }


def links(base: Base) -> Tree:
    """python3-minimal's, openssl's and tzdata's part.

    Debian's openssl.cnf only sets what its command line tool reads; OpenSSL does without one.
    """
    return {
        "usr/bin/python3": Link(f"python{base.python}"),
        "usr/lib/ssl/certs": Link("/etc/ssl/certs"),
        "usr/lib/ssl/cert.pem": Link(f"/{BUNDLE}"),
        "etc/localtime": Link("/usr/share/zoneinfo/Etc/UTC"),
        "etc/timezone": File(b"Etc/UTC\n"),
    }


def authorities(tree: Mapping[str, Node]) -> Tree:
    """update-ca-certificates' bundle: every certificate, in byte order, each ending its line."""
    found = [
        node.data if node.data.endswith(b"\n") else node.data + b"\n"
        for name, node in sorted(tree.items(), key=lambda item: item[0].encode())
        if name.startswith(AUTHORITIES) and name.endswith(".crt") and isinstance(node, File)
    ]
    return {BUNDLE: File(b"".join(found))}


def status(debs: Iterable[Deb], tree: Mapping[str, Node]) -> Tree:
    """dpkg's records in the form of distroless images, which scanners know.

    One control paragraph per package, and the md5sums of those of its files that are here.
    """
    records: Tree = {}
    for deb in debs:
        name = deb.name
        head, _, rest = deb.control.partition("\n")
        paragraph = f"{head}\nStatus: install ok installed\n{rest}"
        sums = [
            line
            for line in deb.md5sums.splitlines()
            if rootfs.canonical(line.split("  ", 1)[1]) in tree
        ]
        records[f"var/lib/dpkg/status.d/{name}"] = File(paragraph.encode())
        records[f"var/lib/dpkg/status.d/{name}.md5sums"] = File("\n".join([*sums, ""]).encode())
    return records


def loader_cache(tree: Mapping[str, Node], arch: Arch) -> Tree:
    """/etc/ld.so.cache over the folders that Debian's ld.so.conf names."""
    files = rootfs.contents(tree)
    folders = ("usr/local/lib", f"usr/local/lib/{arch.multiarch}")
    system = (f"usr/lib/{arch.multiarch}", "usr/lib")
    known = ldcache.libraries(files, (*folders, *system))
    if lines := sorted(ldcache.missing(files, known, arch)):
        hint = "keep the package that has it, or remove what needs it too"
        raise InferpackError("recipes/bases.toml", f"leaves out {'; '.join(lines)}", hint)
    return {"etc/ld.so.cache": File(ldcache.encode(known, arch))}
