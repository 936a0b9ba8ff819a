"""The engine's own failures, as users see them."""

import dataclasses
from pathlib import Path

import pytest

from inferpack.engine import Engine
from inferpack.errors import InferpackError


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


def test_what_the_engine_refuses_is_one_line(engine: Engine) -> None:
    fresh = dataclasses.replace(engine)
    with pytest.raises(InferpackError) as err, fresh.reporting():
        fresh.run("no-such-image:1", ["true"], timeout=1)
    assert str(err.value).startswith("docker engine: failed: 404 Client Error")
    assert str(err.value).endswith(
        "look at the engine's log; the same command continues where it stopped"
    )
