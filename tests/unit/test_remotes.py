"""What the engine says of a registry: made-up answers, and what is made of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from docker.errors import APIError

from inferpack import cli, remotes
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from inferpack.remotes import Remote

HOST = "registry.example.org"
NAME = f"{HOST}/team/toy:1"
CUT = "failed to read expected number of bytes: unexpected EOF"
BELOW = "the same command continues where it stopped"


def engine(*events: Mapping[str, object], **registry: object) -> Engine:
    """One whose pulls and pushes say this, and whose registry has that."""

    def answer(*_: object, **__: object) -> Iterator[Mapping[str, object]]:
        yield from events

    images = SimpleNamespace(get_registry_data=lambda _: SimpleNamespace(attrs=registry))
    api = SimpleNamespace(pull=answer, push=answer)
    return cast(Engine, SimpleNamespace(client=SimpleNamespace(api=api, images=images)))


def test_what_is_in_an_index_and_is_no_image_is_no_platform() -> None:
    platforms = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    found = engine(Descriptor={"digest": "sha256:1"}, Platforms=platforms)
    assert remotes.find(found, NAME) == Remote(
        digest="sha256:1", platforms=frozenset({"linux/amd64"})
    )


@pytest.mark.parametrize(
    "work",
    [
        lambda found: remotes.pull(found, NAME, "linux/arm64"),
        lambda found: remotes.push(found, NAME, lambda _layer, _size: None),
    ],
    ids=["pull", "push"],
)
def test_a_failure_in_the_midst_is_told(work: Callable[[Engine], object]) -> None:
    begun = {"status": "Waiting", "progressDetail": {}, "id": "37ae32821e92"}
    work(engine(begun))
    with pytest.raises(InferpackError) as err:
        work(engine(begun, {"error": CUT, "errorDetail": {"message": CUT}}))
    assert str(err.value) == (
        f"{NAME}: the registry failed: {CUT}; check that {HOST} is up; {BELOW}"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "errors:\ndenied: no such right\nunauthorized: no such user\n",
            "the registry refuses: errors: denied: no such right unauthorized: no such user; "
            f"docker login {HOST}, with an account that has the right",
        ),
        (
            "received unexpected HTTP status:\n 500\n",
            "the registry failed: received unexpected HTTP status: 500; "
            f"check that {HOST} is up; {BELOW}",
        ),
    ],
)
def test_what_it_says_in_several_lines_is_one(said: str, told: str) -> None:
    with pytest.raises(InferpackError) as err, remotes.explained(NAME):
        raise APIError("500 Server Error", explanation=said)
    assert str(err.value) == f"{NAME}: {told}"


MISSING = f"""
import types, docker
from inferpack import errors, remotes
client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.45")
try:
    remotes.find(types.SimpleNamespace(client=client), "{NAME}")
except errors.InferpackError as err:
    print(err)
"""


def test_a_missing_credential_helper_is_one_line(tmp_path: Path) -> None:
    """In a process of its own: pytest has its own way with Python's warnings."""
    (tmp_path / "config.json").write_text('{"credsStore": "toy"}')
    done = subprocess.run(
        [sys.executable, "-c", MISSING],
        env={**os.environ, "DOCKER_CONFIG": str(tmp_path)},
        cwd=cli.ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (
        f"{NAME}: nobody tells the registry's password: docker-credential-toy not installed or not"
        f" available in PATH; set that right in Docker's config.json, then docker login {HOST}\n",
        "",
    )
