"""The map of engines: what INFERPACK_ENGINES says, and where each entry leads."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from inferpack import engines, hosts
from inferpack.endpoint import Endpoint
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError, UsageError
from inferpack.model import Arch

URL = "tcp://arm.example.com:2376"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that knows one context, `arm`."""
    program = tmp_path / "docker"
    known = "context inspect --format {{.Endpoints.docker.Host}} arm"
    program.write_text(f'#!/bin/sh\n[ "$*" = "{known}" ] && echo {URL}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


@pytest.mark.usefixtures("docker")
def test_each_architecture_may_have_an_engine_of_its_own(tmp_path: Path) -> None:
    found = engines.parsed("amd64=ssh://me@amd.example.com, arm64=arm", tmp_path)
    assert {arch: own.endpoint for arch, own in found.items()} == {
        Arch.AMD64: Endpoint(host="ssh://me@amd.example.com"),
        Arch.ARM64: Endpoint(host=URL, context="arm"),
    }
    arm = found[Arch.ARM64]
    assert (arm.endpoint.address, arm.endpoint.title) == (URL, "docker engine arm")
    assert (arm.endpoint.command, arm.builder) == (("docker", "--context", "arm"), "arm")
    ssh = found[Arch.AMD64].endpoint
    assert (ssh.command, ssh.is_local) == (("docker", "--host", "ssh://me@amd.example.com"), False)


def test_without_a_map_there_are_none(tmp_path: Path) -> None:
    assert engines.parsed("", tmp_path) == {}


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (
                text,
                f"INFERPACK_ENGINES: '{wrong}' does not give an architecture its engine; "
                "write amd64=CONTEXT,arm64=CONTEXT, or one of these",
            )
            for text, wrong in (
                ("arm", "arm"),
                ("arm64=", "arm64="),
                ("riscv64=arm", "riscv64=arm"),
                ("arm64=arm,arm64=arm", "arm64=arm"),
            )
        ),
        (
            "arm64=nobody",
            "nobody: is no context of Docker's; docker context ls shows what there is; "
            "docker context create nobody makes it",
        ),
    ],
)
def test_what_is_no_map_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as err:
        engines.parsed(text, tmp_path)
    assert str(err.value) == message


CPUINFO = "processor\t: 0\nmodel name\t: A CPU of 2030\nmodel name\t: A CPU of 2030\n"


@dataclass(frozen=True, kw_only=True)
class Remote(Engine):
    """An engine of another machine: its containers print what they are told, or cannot run."""

    host: str = "ssh://elsewhere"
    says: Callable[[str], str]
    arch: Arch = Arch.AMD64
    asked: list[str] = field(default_factory=list)

    def run(self, digest: str, command: list[str], **_: Any) -> Finished:
        self.asked.append(digest)
        return Finished(code=0, stdout=self.says(command[-1]), stderr="")


def test_the_cpu_of_another_machine_is_what_an_image_sees_there(tmp_path: Path) -> None:
    files = {str(hosts.CPUINFO): CPUINFO, str(hosts.BOOT): "another kernel\n"}
    engine = Remote(logs=tmp_path, says=lambda code: files[code.split("'")[1]])
    assert [hosts.processor(engine, digest) for digest in "ab"] == ["A CPU of 2030"] * 2
    assert engine.asked == ["a"]  # once is enough
    assert not hosts.is_here(engine, "c")


def test_an_engine_behind_a_url_may_be_of_this_machine(tmp_path: Path) -> None:
    engine = Remote(logs=tmp_path, says=lambda code: hosts.BOOT.read_text())
    assert hosts.is_here(engine, "a")
    local = replace(engine, host="unix:///var/run/docker.sock", probed={})
    assert hosts.is_here(local, "a")
    assert hosts.processor(local, "a") == hosts.here()


def test_what_cannot_run_there_tells_nothing(tmp_path: Path) -> None:
    def refuse(_: str) -> str:
        raise InferpackError("docker engine", "failed", "exec format error")

    engine = Remote(logs=tmp_path, says=refuse)
    assert not hosts.is_here(engine, "a")
    assert hosts.processor(engine, "a") == "x86_64"


def test_an_arm_cpu_is_told_by_its_designs_numbers() -> None:
    """Its /proc/cpuinfo has no model: a context may lead to a Neoverse N1 today, to a V1 later."""
    one = "processor : 0\nCPU implementer : 0x41\nCPU variant : 0x3\nCPU part : {}\n\n"
    assert hosts.model(one.format("0xd0c") * 4, "aarch64") == "aarch64 0x41/0xd0c"
    assert hosts.model(one.format("0xd05") + one.format("0xd0a"), "aarch64") == (
        "aarch64 0x41/0xd05, 0x41/0xd0a"
    )
    assert hosts.model("processor : 0\n", "aarch64") == "aarch64"
