"""What this machine needs, whether it is there, and the command that brings it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inferpack import console, process
from inferpack.engine import Engine
from inferpack.errors import InferpackError

EXTERNAL = "external"  # the value of INFERPACK_ENGINE that forbids installing an engine
INSTALL_ENGINE = "sudo ci/engine"
CONTAINERD = """add {"features": {"containerd-snapshotter": true}} to /etc/docker/daemon.json \
and restart Docker"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One prerequisite: `find` returns what was found, or None; `fix` is a command or advice."""

    name: str
    find: Callable[[], str | None]
    fix: str
    package: str = ""  # the Debian package of a program


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    need: Need
    found: str | None


def program(name: str, package: str) -> Need:
    fix = f"sudo apt-get install --yes --no-install-recommends {package}"
    return Need(name=name, find=lambda: shutil.which(name), fix=fix, package=package)


PROGRAMS = (
    program("mmdebstrap", "mmdebstrap"),
    program("dpkg-deb", "dpkg"),
    program("x86_64-linux-gnu-strip", "binutils-x86-64-linux-gnu"),
)


def needs(engine: Engine, logs: Path) -> tuple[Need, ...]:
    """The table of prerequisites, in the order in which they are needed."""

    def buildx() -> str | None:
        try:
            found = process.run(
                ["docker", "buildx", "version"], log=logs / "buildx.log", quiet=True
            )
        except InferpackError:
            return None
        return found.split()[1]

    def answering() -> str | None:
        try:
            return engine.version()
        except InferpackError:
            return None

    def containerd() -> str | None:
        return "on" if answering() and engine.stores_by_containerd() else None

    return (
        *PROGRAMS,
        Need(name="docker engine", find=answering, fix=INSTALL_ENGINE),
        Need(name="containerd image store", find=containerd, fix=CONTAINERD),
        Need(
            name="docker buildx",
            find=buildx,
            fix="sudo apt-get install --yes docker-buildx (or docker-buildx-plugin)",
        ),
    )


def examine(engine: Engine, logs: Path) -> tuple[Finding, ...]:
    return tuple(Finding(need=need, found=need.find()) for need in needs(engine, logs))


def may_install(environment: dict[str, str], uid: int) -> bool:
    """Only root on Debian or Ubuntu, and only where the user has not brought an engine."""
    forbidden = environment.get("INFERPACK_ENGINE") == EXTERNAL
    return uid == 0 and not forbidden and Path("/etc/debian_version").exists()


def install(findings: tuple[Finding, ...], root: Path, logs: Path) -> None:
    """Installs missing programs by apt and a missing engine by ci/engine; changes no setting."""
    missing = [finding.need for finding in findings if finding.found is None]
    packages = [need.package for need in missing if need.package]
    if packages:
        with console.step("apt-get install " + " ".join(packages)):
            apt = {"DEBIAN_FRONTEND": "noninteractive"}
            process.run(
                ["apt-get", "update", "-q"], log=logs / "apt-update.log", env=apt, quiet=True
            )
            argv = ["apt-get", "install", "-q", "--yes", "--no-install-recommends", *packages]
            process.run(argv, log=logs / "apt-install.log", env=apt, quiet=True)
    if any(need.fix == INSTALL_ENGINE for need in missing):
        with console.step("install and start a Docker engine"):
            process.run([root / "ci/engine"], log=logs / "engine.log", quiet=True)


def ensure(engine: Engine, root: Path, logs: Path) -> None:
    """Makes the machine able to build, or says in one line what is missing and how to get it."""
    missing = [finding for finding in examine(engine, logs) if finding.found is None]
    if missing and may_install(dict(os.environ), os.geteuid()):
        install(tuple(missing), root, logs)
        missing = [finding for finding in examine(engine, logs) if finding.found is None]
    if missing:
        raise explain(tuple(missing))


def explain(missing: tuple[Finding, ...]) -> InferpackError:
    names = ", ".join(finding.need.name for finding in missing)
    fixes = " && ".join(dict.fromkeys(finding.need.fix for finding in missing))
    return InferpackError("this machine", f"missing: {names}", f"run: {fixes}")
