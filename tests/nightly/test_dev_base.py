"""The dev flavour's base beside a Debian whose maintainer scripts have really run."""

import re
import subprocess
import tarfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from inferpack import base, recipes
from inferpack.rootfs import canonical
from inferpack.workshop import Workshop

# What the scripts made and we do not: by name, or by glob.
LEFT_OUT = (
    # the engine's, and the tools' own backups and locks
    *("dev/*", "etc/fstab", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/.pwd.lock"),
    *("etc/group-", "etc/passwd-", "*/lock", "*/lock-frontend", "*/Lock", "*-old"),
    # services and logins, which a container has none of
    *("etc/rc?.d/*", "etc/systemd/*", "var/lib/systemd/*", "var/log/*"),
    # what is made when it is missed: debconf's answers, links to single certificates
    *("var/cache/debconf/*", "etc/ssl/certs/*", "var/lib/python*", "var/lib/dpkg/arch"),
    # manual pages, and other documentation
    *("etc/alternatives/*.gz", "var/lib/dpkg/alternatives/builtins.7.gz", "usr/share/man/*"),
    *("usr/share/doc/*", "usr/share/info*", "usr/share/lintian*", "usr/share/locale*"),
    *("usr/share/cmake-*/Help*", "usr/lib/python3.11/EXTERNALLY-MANAGED"),
    # bytecode of what Debian compiles and no program imports
    "*/__pycache__*",
)
ADDED = {
    "etc/apt/apt.conf.d/inferpack",
    "etc/dpkg/dpkg.cfg.d/inferpack",
    "home/inferpack",
    "usr/sbin/policy-rc.d",
}
STATUS = "var/lib/dpkg/status"
OTHERWISE = {
    "etc/apt/sources.list",  # the security archive has two names
    "etc/ca-certificates.conf",  # without its comment
    "etc/ld.so.cache",  # without links that only compilers follow
    *("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"),  # and the image's own user
    # without manual pages
    *(f"var/lib/dpkg/alternatives/{name}" for name in ("awk", "c89", "c99", "lzma", "pager")),
    *(f"var/lib/dpkg/alternatives/{name}" for name in ("rmt", "which")),
    STATUS,  # in another order
}


def contents(tar: Path) -> dict[str, bytes | str]:
    """Every file's bytes and every link's target, by name; a folder's are empty."""
    found: dict[str, bytes | str] = {}
    with tarfile.open(tar) as archive:
        for item in archive:
            name = item.name.removeprefix("./").rstrip("/")
            file = archive.extractfile(item) if item.isreg() or item.islnk() else None
            found[name] = file.read() if file else target(name, item)
    found.pop(".", None)
    return found


def target(name: str, item: tarfile.TarInfo) -> str:
    """Where a link leads, however it is written."""
    if not item.issym():
        return ""
    return canonical(str(Path("/", name).parent / item.linkname))


@pytest.fixture(scope="module")
def ours(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes | str]:
    spec = recipes.load_bases(shop.recipes)["bookworm-dev"]
    cache = tmp_path_factory.mktemp("cache")
    built = base.ensure("bookworm-dev", spec, base.native(), cache=cache, committed=())
    return contents(built.tar)


@pytest.fixture(scope="module")
def theirs(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes | str]:
    """mmdebstrap's own root file system of the same packages."""
    spec = recipes.load_bases(shop.recipes)["bookworm-dev"]
    tar = tmp_path_factory.mktemp("debian") / "root.tar"
    merged = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"
    packages = [f"--include={name}" for name in spec.packages]
    argv = ["mmdebstrap", "--variant=custom", merged, *packages, spec.suite, str(tar)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return contents(tar)


def paragraphs(status: bytes | str) -> dict[str, dict[str, str]]:
    """dpkg's status file: each package's fields, by its name."""
    assert isinstance(status, bytes)
    found = {}
    for paragraph in status.decode().strip().split("\n\n"):
        fields = re.findall(r"^(\S+):((?:.|\n )*)$", paragraph, flags=re.MULTILINE)
        found[dict(fields)["Package"].strip()] = dict(fields)
    return found


def is_left_out(name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in LEFT_OUT)


def test_nothing_that_a_script_made_is_missing(
    ours: Mapping[str, bytes | str], theirs: Mapping[str, bytes | str]
) -> None:
    assert [name for name in sorted(theirs.keys() - ours.keys()) if not is_left_out(name)] == []


def test_only_what_the_image_needs_is_more(
    ours: Mapping[str, bytes | str], theirs: Mapping[str, bytes | str]
) -> None:
    more = ours.keys() - theirs.keys()
    assert {name for name in more if not is_left_out(name)} == ADDED


def test_what_both_have_is_the_same(
    ours: Mapping[str, bytes | str], theirs: Mapping[str, bytes | str]
) -> None:
    """dpkg's database with all scripts, PAM's files, the shells, …"""
    both = ours.keys() & theirs.keys()
    assert len([name for name in both if name.startswith("var/lib/dpkg/info/")]) > 500
    other = {name for name in both if ours[name] != theirs[name] and not is_left_out(name)}
    assert other == OTHERWISE


def test_dpkg_is_told_the_same_of_every_package(
    ours: Mapping[str, bytes | str], theirs: Mapping[str, bytes | str]
) -> None:
    told = paragraphs(ours[STATUS])
    assert told == paragraphs(theirs[STATUS])
    assert told["bash"]["Status"] == " install ok installed"
    assert told["bash"]["Conffiles"].count("\n /etc/") == 4
