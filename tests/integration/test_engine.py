"""The engine's own failures, as users see them."""

import dataclasses
from pathlib import Path

import pytest

from inferpack.engine import Engine
from inferpack.errors import InferpackError

SSH = """#!/bin/sh
echo "$@" >>"$0.log"
exec docker system dial-stdio
"""


def test_an_engine_that_is_not_there_is_one_line(tmp_path: Path, engine: Engine) -> None:
    host = f"unix://{tmp_path}/no.sock"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", host)
        gone = Engine(logs=engine.logs)
        with pytest.raises(InferpackError) as err:
            gone.version()
    assert str(err.value) == (
        f"{host}: no Docker engine answers; ./inv doctor shows what is missing"
    )


def test_an_engine_behind_ssh_is_reached_as_docker_reaches_it(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an `ssh` that leads to this machine, or nowhere."""
    (ssh := tmp_path / "ssh").write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    far = Engine(logs=engine.logs, host="ssh://me@far.example.com")
    assert (far.version(), far.arch) == (engine.version(), engine.arch)
    asked = (tmp_path / "ssh.log").read_text().splitlines()
    assert {line.partition(" -- ")[2] for line in asked} == {
        "far.example.com docker system dial-stdio"
    }
    ssh.write_text("#!/bin/sh\nexit 255\n")
    with pytest.raises(InferpackError) as err:
        dataclasses.replace(far).version()
    assert str(err.value) == (
        f"{far.host}: no Docker engine answers; ./inv doctor shows what is missing"
    )


def test_what_the_engine_refuses_is_one_line(engine: Engine) -> None:
    fresh = dataclasses.replace(engine)
    with pytest.raises(InferpackError) as err, fresh.reporting():
        fresh.run("no-such-image:1", ["true"], timeout=1)
    assert str(err.value).startswith("docker engine: failed: 404 Client Error")
    assert str(err.value).endswith(
        "look at the engine's log; the same command continues where it stopped"
    )
