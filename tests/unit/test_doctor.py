from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from inferpack import doctor
from inferpack.doctor import Finding, Machine
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.model import Arch

JOIN = 'sudo usermod --append --groups docker "$USER" && newgrp docker'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A user's Debian machine where Docker has never been."""
    return Machine(
        engine=Engine(logs=tmp_path, host=""),
        root=tmp_path,
        logs=tmp_path,
        environment={},
        uid=1000,
        socket=tmp_path / "docker.sock",
        config=tmp_path / "daemon.json",
        debian=True,
    )


def root(machine: Machine) -> Machine:
    return replace(machine, uid=0)


def message(machine: Machine, *missing: Finding) -> str:
    return str(doctor.explain(missing, machine))


def program(name: str, package: str) -> Finding:
    return Finding(name=name, found=None, package=package)


def test_a_user_is_given_commands_that_can_be_pasted(machine: Machine) -> None:
    engine = doctor.missing_engine(machine)
    missing = (
        program("mmdebstrap", "mmdebstrap"),
        program("strip", "binutils"),
        engine,
        replace(engine, name="containerd image store"),
    )
    assert message(machine, *missing) == (
        "this machine: missing: mmdebstrap, strip, docker engine, containerd image store; "
        "run: sudo apt-get update && "
        "sudo apt-get install --yes --no-install-recommends mmdebstrap binutils && "
        f"sudo ci/engine && {JOIN}"
    )


def test_root_is_given_commands_without_sudo(machine: Machine) -> None:
    missing = program("mmdebstrap", "mmdebstrap"), doctor.missing_engine(root(machine))
    assert message(root(machine), *missing) == (
        "this machine: missing: mmdebstrap, docker engine; run: apt-get update && "
        "apt-get install --yes --no-install-recommends mmdebstrap && ci/engine"
    )


def test_an_engine_that_the_user_names_is_theirs_to_start(machine: Machine) -> None:
    remote = replace(root(machine), engine=Engine(logs=machine.logs, host="ssh://builder"))
    assert doctor.missing_engine(remote) == Finding(
        name="docker engine",
        found=None,
        advice="start the engine at DOCKER_HOST=ssh://builder, "
        "or run: unset DOCKER_HOST && ci/engine",
    )


@pytest.mark.parametrize(
    ("version", "host", "config", "message"),
    [
        (
            "26.1.5+dfsg1",
            "",
            False,
            'run: echo \'{"features": {"containerd-snapshotter": true}}\' | '
            "sudo tee {config} && sudo service docker restart",
        ),
        (
            "26.1.5",
            "",
            True,
            'add "features": {"containerd-snapshotter": true} to {config} '
            "and run: sudo service docker restart",
        ),
        (
            "26.1.5",
            "tcp://builder",
            True,
            'add "features": {"containerd-snapshotter": true} to the daemon.json of tcp://builder '
            "and restart it",
        ),
        ("20.10.24", "", True, "Docker 20.10.24 has none: install Docker 24 or newer"),
    ],
    ids=["no configuration", "a configuration", "another host", "too old"],
)
def test_the_containerd_store_is_the_user_s_to_switch_on(
    machine: Machine, version: str, host: str, config: bool, message: str
) -> None:
    if config:
        machine.config.touch()
    here = replace(machine, engine=Engine(logs=machine.logs, host=host))
    finding = doctor.missing_store(here, version)
    said = str(doctor.explain((finding,), here))
    expected = message.replace("{config}", str(machine.config))
    assert said == f"this machine: missing: containerd image store; {expected}"


def test_another_system_is_told_what_to_look_for(machine: Machine) -> None:
    other = replace(machine, debian=False)
    assert message(other, program("mmdebstrap", "mmdebstrap")) == (
        "this machine: missing: mmdebstrap; "
        "install it with this system's package manager (Docker 24 or newer)"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda machine: machine, None),
        (lambda machine: replace(machine, uid=1000), "it needs root"),
        (lambda machine: replace(machine, debian=False), "only Debian and Ubuntu are known"),
        (
            lambda machine: replace(machine, environment={"INFERPACK_ENGINE": "external"}),
            "INFERPACK_ENGINE=external forbids it",
        ),
    ],
    ids=["root on Debian", "a user", "another system", "an engine of one's own"],
)
def test_who_may_install(
    machine: Machine, change: Callable[[Machine], Machine], reason: str | None
) -> None:
    assert doctor.may_not_install(change(root(machine))) == reason


def test_our_script_runs_once_for_all_that_it_brings(machine: Machine) -> None:
    script = machine.root / "ci/engine"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "engine $*" >>{machine.root}/ran\n')
    script.chmod(0o755)
    engine = doctor.missing_engine(root(machine))
    doctor.install((engine, replace(engine, name="docker buildx")), root(machine))
    assert (machine.root / "ran").read_text() == "engine \n"


def test_nothing_missing_is_no_error(machine: Machine) -> None:
    doctor.insist(machine, (Finding(name="docker engine", found="26.1"),))
    with pytest.raises(InferpackError):
        doctor.insist(machine, (Finding(name="docker engine", found=None),))


def test_only_the_tests_need_a_browser_and_other_programs(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    names = {item.name for item in doctor.examine(machine, docker=False)}
    found = doctor.examine(machine, docker=False, tests=True)
    assert {item.name for item in found} - names == {"Chromium", *doctor.FOR_TESTS}
    lacking = Finding(name="Chromium", found=None, package="chromium-headless-shell")
    assert lacking in found
    assert message(machine, lacking) == (
        "this machine: missing: Chromium; run: sudo apt-get update && "
        "sudo apt-get install --yes --no-install-recommends chromium-headless-shell"
    )
    (tmp_path / "google-chrome").write_text("#!/bin/sh")
    (tmp_path / "google-chrome").chmod(0o755)
    assert doctor.browser() == str(tmp_path / "google-chrome")


def test_a_kernel_without_our_emulator_is_told_the_command(
    machine: Machine, tmp_path: Path
) -> None:
    emulator = tmp_path / "qemu-aarch64"
    finding = doctor.examine_emulation(machine, Arch.ARM64, emulator)
    assert finding == Finding(
        name="arm64 emulation",
        found=None,
        installer=("ci/engine", "emulator", str(emulator)),
        command=f"sudo ci/engine emulator {emulator}",
    )
    assert doctor.fix(finding, machine) == finding.command


def test_emulation_is_asked_of_the_machine_only_where_it_is_needed(machine: Machine) -> None:
    emulators = {Arch.ARM64: machine.root / "qemu-aarch64"}
    names = [item.name for item in doctor.examine(machine, docker=False)]
    more = [item.name for item in doctor.examine(machine, docker=False, emulators=emulators)]
    assert more == [*names, "arm64 emulation"]
