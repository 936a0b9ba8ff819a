"""What this machine needs, whether it is there, and the command that brings it."""

import functools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from inferpack import binfmt, console, process
from inferpack.engine import Engine
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch

EXTERNAL = "external"  # the value of INFERPACK_ENGINE that forbids installing
STORE = "containerd image store"
NONE: Mapping[Arch, Path] = MappingProxyType({})
ENGINE, BUILDX = ("ci/engine",), ("ci/engine", "buildx")
JOIN_GROUP = 'sudo usermod --append --groups docker "$USER" && newgrp docker'
FEATURE = '"features": {"containerd-snapshotter": true}'
FIRST_WITH_CONTAINERD = 24  # Docker's major version
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "x86_64-linux-gnu-strip": "binutils-x86-64-linux-gnu",
    "aarch64-linux-gnu-strip": "binutils-aarch64-linux-gnu",
    "patch": "patch",  # to sources of wheels
}
FOR_TESTS = {"skopeo": "skopeo", "openssl": "openssl", "ip": "iproute2"}
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # Ubuntu comes without it


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Where inferpack runs, who runs it, and where Docker's own files are."""

    engine: Engine
    root: Path
    logs: Path
    environment: Mapping[str, str]
    uid: int
    socket: Path = Path("/var/run/docker.sock")
    config: Path = Path("/etc/docker/daemon.json")
    debian: bool = Path("/etc/debian_version").exists()

    @property
    def sudo(self) -> str:
        """What a command for root begins with; root's own machine may have no sudo."""
        return "" if self.uid == 0 else "sudo "


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One prerequisite: what was found, or None and then what brings it.

    `package` is Debian's name, `installer` our script with its arguments, `command` what a shell
    can run, and `advice` is for what only a person can do.
    """

    name: str
    found: str | None
    package: str = ""
    installer: tuple[str, ...] = ()
    command: str = ""
    advice: str = ""


def examine(
    machine: Machine,
    *,
    docker: bool = True,
    tests: bool = False,
    emulators: Mapping[Arch, Path] = NONE,
) -> tuple[Finding, ...]:
    """Every prerequisite, in the order of need; `docker`: also an engine, `tests`: also a browser
    and FOR_TESTS, `emulators`: also that the kernel runs other architectures by these.
    """
    wanted = PROGRAMS | FOR_TESTS if tests else PROGRAMS
    programs = (Finding(name=it, found=shutil.which(it), package=wanted[it]) for it in wanted)
    keys = Finding(
        name="Debian's archive keys",
        found=str(KEYRING) if KEYRING.exists() else None,
        package="debian-archive-keyring",
    )
    seen = (examine_browser(),) if tests else ()
    emulated = (examine_emulation(machine, arch, path) for arch, path in emulators.items())
    return (*programs, keys, *seen, *(examine_docker(machine) if docker else ()), *emulated)


def examine_emulation(machine: Machine, arch: Arch, emulator: Path) -> Finding:
    """Whether images of another architecture can be proven here."""
    installer = ("ci/engine", "emulator", str(emulator))
    return Finding(
        name=f"{arch} emulation",
        found=emulator.name if binfmt.serves(emulator) else None,
        installer=installer,
        command=machine.sudo + " ".join(installer),
    )


def examine_browser() -> Finding:
    """Any Chromium; Debian's headless one is the smallest that needs no display."""
    return Finding(name="Chromium", found=browser(), package=BROWSERS[0])


def browser() -> str | None:
    """The first Chromium in PATH."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def examine_docker(machine: Machine) -> tuple[Finding, ...]:
    version, buildx = engine_version(machine.engine), buildx_version(machine)
    if version is None:
        engine = missing_engine(machine)  # brings the others too
        store = replace(engine, name=STORE)
        return engine, store, replace(engine, name="docker buildx", found=buildx)
    command = machine.sudo + " ".join(BUILDX)
    return (
        Finding(name="docker engine", found=version),
        Finding(name=STORE, found="on")
        if machine.engine.stores_by_containerd()
        else missing_store(machine, version),
        Finding(name="docker buildx", found=buildx, installer=BUILDX, command=command),
    )


def engine_version(engine: Engine) -> str | None:
    try:
        return engine.version()
    except InferpackError:
        return None


def buildx_version(machine: Machine) -> str | None:
    log = machine.logs / "buildx.log"
    try:
        found = process.run(["docker", "buildx", "version"], log=log, quiet=True)
    except InferpackError:
        return None
    return found.split()[1]


def missing_engine(machine: Machine) -> Finding:
    """An engine the user names is the user's to start; one we may not use needs a group."""
    install = machine.sudo + " ".join(ENGINE)
    if machine.uid:
        install += f" && {JOIN_GROUP}"
    if host := machine.engine.host:
        advice = f"start the engine at DOCKER_HOST={host}, or run: unset DOCKER_HOST && {install}"
        return Finding(name="docker engine", found=None, advice=advice)
    if machine.socket.exists() and not os.access(machine.socket, os.R_OK | os.W_OK):
        return Finding(name="docker engine", found=None, command=JOIN_GROUP)
    return Finding(name="docker engine", found=None, installer=ENGINE, command=install)


def missing_store(machine: Machine, version: str) -> Finding:
    """Never switched on by us: it hides the images that the engine has now."""
    restart = f"{machine.sudo}service docker restart"
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) < FIRST_WITH_CONTAINERD:
        advice = f"Docker {version} has none: install Docker {FIRST_WITH_CONTAINERD} or newer"
        return Finding(name=STORE, found=None, advice=advice)
    if machine.engine.host:
        advice = f"add {FEATURE} to the daemon.json of {machine.engine.host} and restart it"
        return Finding(name=STORE, found=None, advice=advice)
    if machine.config.exists():
        advice = f"add {FEATURE} to {machine.config} and run: {restart}"
        return Finding(name=STORE, found=None, advice=advice)
    write = f"echo '{{{FEATURE}}}' | {machine.sudo}tee {machine.config}"
    return Finding(name=STORE, found=None, command=f"{write} && {restart}")


def may_not_install(machine: Machine) -> str | None:
    """Why nothing is installed here, or None where it is."""
    chosen = machine.environment.get("INFERPACK_ENGINE", "")
    if chosen not in ("", EXTERNAL):
        hint = f"'{EXTERNAL}' forbids installing; unset it otherwise"
        raise UsageError("INFERPACK_ENGINE", f"unknown value '{chosen}'", hint)
    if chosen == EXTERNAL:
        return f"INFERPACK_ENGINE={EXTERNAL} forbids it"
    if not machine.debian:
        return "only Debian and Ubuntu are known"
    return "it needs root" if machine.uid else None


def install(missing: tuple[Finding, ...], machine: Machine) -> None:
    """Installs missing programs by apt and a missing engine by ci/engine; changes no setting."""
    packages = [finding.package for finding in missing if finding.package]
    if packages:
        with console.step("apt-get install " + " ".join(packages)):
            apt, logs = {"DEBIAN_FRONTEND": "noninteractive"}, machine.logs
            update = ["apt-get", "update", "-q"]
            process.run(update, log=logs / "apt-update.log", env=apt, quiet=True)
            argv = ["apt-get", "install", "-q", "--yes", "--no-install-recommends", *packages]
            process.run(argv, log=logs / "apt-install.log", env=apt, quiet=True)
    for script, *words in dict.fromkeys(item.installer for item in missing if item.installer):
        with console.step(" ".join([script, *words])):
            process.run(
                [machine.root / script, *words], log=machine.logs / "engine.log", quiet=True
            )


def mend(
    machine: Machine,
    *,
    docker: bool = True,
    tests: bool = False,
    emulators: Mapping[Arch, Path] = NONE,
) -> tuple[Finding, ...]:
    """Installs what is missing, where that is allowed; what was found in the end."""
    asked = functools.partial(examine, machine, docker=docker, tests=tests, emulators=emulators)
    findings = asked()
    missing = lacking(findings)
    if not missing or may_not_install(machine) is not None:
        return findings
    install(missing, machine)
    return asked()


def insist(machine: Machine, findings: tuple[Finding, ...]) -> None:
    """One line that says what is missing and how to get it, where something is."""
    if missing := lacking(findings):
        raise explain(missing, machine)


def fix(finding: Finding, machine: Machine) -> str:
    """What brings one missing prerequisite."""
    apt = f"{machine.sudo}apt-get install --yes {finding.package}" if finding.package else ""
    return "" if finding.found else apt or finding.command or finding.advice


def lacking(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.found is None)


def explain(missing: tuple[Finding, ...], machine: Machine) -> InferpackError:
    """One line: what is missing, then the commands that bring it, ready to be pasted."""
    wrong = "missing: " + ", ".join(finding.name for finding in missing)
    if not machine.debian:
        by_hand = "install it with this system's package manager (Docker 24 or newer)"
        return InferpackError("this machine", wrong, by_hand)
    packages = " ".join(finding.package for finding in missing if finding.package)
    apt = f"{machine.sudo}apt-get update && {machine.sudo}apt-get install --yes "
    commands = [f"{apt}--no-install-recommends {packages}"] if packages else []
    commands += dict.fromkeys(finding.command for finding in missing if finding.command)
    advice = dict.fromkeys(finding.advice for finding in missing if finding.advice)
    hint = [f"run: {' && '.join(commands)}"] if commands else []
    return InferpackError("this machine", wrong, "; ".join([*hint, *advice]))
