"""What the maintainer scripts of a whole Debian would have done, apart from links and records.

The runtime's few packages need little of it, and have that from `debian`.
"""

from collections.abc import Iterable, Mapping

from inferpack.deb import Deb
from inferpack.errors import UsageError
from inferpack.rootfs import File, Folder, Link, Node, Tree

# The packages whose scripts were read. What those do is done here, in `alternatives`, `debian` or
# by compiling Python; or it is about services, logins and upgrades from older releases.
READ = """
adduser apt base-files base-passwd bash ca-certificates ccache cmake-data coreutils cpp
cpp-12-aarch64-linux-gnu cpp-12-x86-64-linux-gnu dash debconf debian-archive-keyring debianutils
dpkg g++ g++-12-aarch64-linux-gnu g++-12-x86-64-linux-gnu gcc gcc-12-aarch64-linux-gnu
gcc-12-x86-64-linux-gnu init-system-helpers libc-bin libc6 libcrypt-dev libgcrypt20
libgssapi-krb5-2 libpam-modules libpam-runtime libpam0g libpython3.11-minimal login mawk netbase
openssl passwd perl-base pkgconf procps python3 python3-build python3-distutils
python3-importlib-metadata python3-lib2to3 python3-minimal python3-more-itertools
python3-packaging python3-pep517 python3-pip python3-pkg-resources python3-setuptools python3-toml
python3-tomli python3-typing-extensions python3-wheel python3-zipp python3.11 python3.11-minimal
python3.11-venv readline-common scons tar tzdata usr-is-merged util-linux util-linux-extra
xz-utils
"""

COPIES = {
    "etc/inputrc": "usr/share/readline/inputrc",
    "etc/motd": "usr/share/base-files/motd",
    "etc/nsswitch.conf": "usr/share/libc-bin/nsswitch.conf",
    "etc/profile": "usr/share/base-files/profile",
    "root/.bashrc": "usr/share/base-files/dot.bashrc",
    "root/.profile": "usr/share/base-files/dot.profile",
}
FOLDERS = (
    *("etc/opt", "media", "mnt", "opt", "srv", "var/mail", "var/opt"),
    *("usr/local/bin", "usr/local/etc", "usr/local/games", "usr/local/include", "usr/local/sbin"),
    *("usr/local/share/ca-certificates", "usr/local/share/man", "usr/local/src"),
    "usr/local/lib/python3.11/dist-packages",
    # Scripts of packages that come later write links there, and fail where there is no folder
    *(f"usr/share/man/man{section}" for section in range(1, 9)),
)
NETWORKS = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n"
PYTHON = "[DEFAULT]\n# how to byte-compile (comma separated: standard, optimize)\n"
DIVERSIONS = {  # dash's
    "/usr/share/man/man1/sh.1.gz": "/usr/share/man/man1/sh.distrib.1.gz",
    "/bin/sh": "/bin/sh.distrib",
}
# Of packages to come: no services are started, no translations fetched, no archives kept.
POLICY = "#!/bin/sh\n# A container has no init that services could belong to.\nexit 101\n"
APT = 'Acquire::Languages "none";\nAPT::Keep-Downloaded-Packages "false";\n'

# pam-auth-update's choice where there are no modules but its own: each module with its rule, the
# first in the "primary" block, the second in the "additional" one.
UNIX = ("unix", "required\tpam_unix.so ")
PERMIT = ("null", "[default=1]\t\t\tpam_permit.so")
PAM = {
    "account": (("unix", "[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so "),),
    "auth": (("unix", "[success=end default=ignore]\tpam_unix.so nullok"),),
    "password": (("unix", "[success=end default=ignore]\tpam_unix.so obscure yescrypt"),),
    "session": (PERMIT, UNIX),
    "session-noninteractive": (PERMIT, UNIX),
}


def refuse_unread(debs: Iterable[Deb]) -> None:
    """Raises UsageError for a package whose scripts do nobody knows what."""
    for deb in debs:
        if deb.records.keys() & {"preinst", "postinst"} and deb.name not in READ.split():
            wrong = f"nobody has read the maintainer scripts of '{deb.name}', which do not run here"
            hint = "do what they do in inferpack/scripts.py, and add its name to READ there"
            raise UsageError("recipes/bases.toml", wrong, hint)


def made(tree: Mapping[str, Node], removed: Iterable[str], user: str) -> Tree:
    """What the scripts would have made of an unpacked tree; `user` is a line of /etc/passwd."""
    return {
        **{name: Folder() for name in FOLDERS},
        **{name: tree[source] for name, source in COPIES.items()},
        **accounts(tree, user),
        **authentication(tree),
        **shells(tree),
        **certificates(tree),
        **package_managers(tree, removed),
        "etc/dpkg/origins/default": Link("debian"),
        "etc/environment": File(b""),
        "etc/networks": File(NETWORKS.encode()),
        "etc/python3/debian_config": File(f"{PYTHON}byte-compile = standard\n".encode()),
        "etc/security/opasswd": File(b"", 0o600),
        "usr/local/man": Link("share/man"),
        "var/spool/mail": Link("../mail"),
    }


def accounts(tree: Mapping[str, Node], user: str) -> Tree:
    """Debian's own accounts and the image's; none has a password."""
    name, _, uid, *_ = user.split(":")
    passwd = [*lines(tree, "usr/share/base-passwd/passwd.master"), user]
    group = [*lines(tree, "usr/share/base-passwd/group.master"), f"{name}:x:{uid}:"]
    names = [line.partition(":")[0] for line in passwd]
    groups = [line.partition(":")[0] for line in group]
    return {
        "etc/passwd": text(line.replace(":*:", ":x:", 1) for line in passwd),
        "etc/group": text(line.replace(":*:", ":x:", 1) for line in group),
        "etc/shadow": text((f"{name}:*::0:99999:7:::" for name in names), 0o640),
        "etc/gshadow": text((f"{name}:*::" for name in groups), 0o640),
        "etc/subuid": File(b""),
        "etc/subgid": File(b""),
    }


def authentication(tree: Mapping[str, Node]) -> Tree:
    """pam-auth-update's part: `su` and `chpasswd` read it."""
    made: Tree = {"var/lib/pam/seen": text(["unix", "mkhomedir"])}
    for kind, modules in PAM.items():
        made[f"var/lib/pam/{kind}"] = text(
            line for name, rule in modules for line in (f"Module: {name}", rule.rstrip())
        )
        wanted = [rule.replace("success=end", "success=1") for _, rule in modules]
        blocks = iter([f"{kind.partition('-')[0]}\t{rule}" for rule in wanted])
        filled = (
            next(blocks, None) if line.startswith("$") else line
            for line in lines(tree, f"usr/share/pam/common-{kind}")
        )
        made[f"etc/pam.d/common-{kind}"] = text(line for line in filled if line is not None)
    return made


def certificates(tree: Mapping[str, Node]) -> Tree:
    """ca-certificates' answer to its own question: trust them all."""
    folder = "usr/share/ca-certificates/"
    names = [name.removeprefix(folder) for name in sorted(tree) if name.startswith(folder)]
    return {"etc/ca-certificates.conf": text(name for name in names if name.endswith(".crt"))}


def shells(tree: Mapping[str, Node]) -> Tree:
    """update-shells' part: every shell that a package has, also by its place below /usr."""
    first = lines(tree, "usr/share/debianutils/shells")
    folder = "usr/share/debianutils/shells.d/"
    found = [line for name in sorted(tree) if name.startswith(folder) for line in lines(tree, name)]
    named = [line for line in first if line.startswith("/")] + found
    both = [line for name in named for line in (name, f"/usr{name}")]
    comments = [line for line in first if line.startswith("#")]
    return {"etc/shells": text([*comments, *both]), "var/lib/shells.state": text(both)}


def package_managers(tree: Mapping[str, Node], removed: Iterable[str]) -> Tree:
    """apt's sources from its own example, and for dpkg what this base does without."""
    example = lines(tree, "usr/share/doc/apt/examples/sources.list")
    sources = [" ".join(line.split()[:4]) for line in example if line.startswith("deb ")]
    rules = [
        f"path-include=/{rule[1:]}" if rule.startswith("!") else f"path-exclude=/{rule}"
        for rule in removed
    ]
    diverted = [line for pair in DIVERSIONS.items() for line in (*pair, "dash")]
    return {
        "etc/apt/apt.conf.d/inferpack": File(APT.encode()),
        "etc/apt/sources.list": text(sources),
        "etc/dpkg/dpkg.cfg.d/inferpack": text(rules),
        "usr/sbin/policy-rc.d": File(POLICY.encode(), 0o755),
        "var/lib/dpkg/diversions": text(diverted),
    }


def lines(tree: Mapping[str, Node], name: str) -> list[str]:
    node = tree[name]
    return node.data.decode().splitlines() if isinstance(node, File) else []


def text(content: Iterable[str], mode: int = 0o644) -> File:
    return File("".join(f"{line}\n" for line in content).encode(), mode)
