"""./inv image --builder: another builder builds, and the engine gets the image to the bit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inferpack.engine import Engine
from tests.integration import buildkit
from tests.integration.checkout import Checkout, command
from tests.integration.second_engine import beside

FARM = "$ docker buildx build --builder farm "


@pytest.fixture
def farm(engine: Engine, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which buildx knows `farm`, a BuildKit with an image store of its own."""
    environment = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    with beside(engine, containerd_store=True) as made, buildkit.listening(made) as url:
        words = ("buildx", "create", "--name", "farm", "--driver", "remote", url)
        assert command("docker", *words, env=environment).code == 0
        yield environment
        assert made.docker("images", "--quiet") == ""


def test_another_builder_gives_the_same_image(
    checkout: Checkout, engine: Engine, farm: dict[str, str]
) -> None:
    done = checkout.inv("image", "onnxruntime", "--builder", "farm", env=farm)
    assert (done.code, FARM in done.stderr) == (0, True), done.stderr
    digest = done.stdout.strip()
    assert engine.digest(checkout.reference) == digest
    (checkout.build / "image.json").unlink()
    own = checkout.image()
    assert (own.code, own.stdout.strip(), "$ docker buildx" in own.stderr) == (0, digest, True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "buildx has no builder 'nobody'; docker buildx ls shows those it has"),
        (
            "default",
            "'default' is an engine's own builder; "
            "leave it out; INFERPACK_ENGINES names other engines",
        ),
    ],
)
def test_what_is_no_builder_is_one_line(bare_checkout: Checkout, name: str, message: str) -> None:
    done = bare_checkout.inv("image", "onnxruntime", "--builder", name)
    assert done.error == (2, f"error: --builder: {message}")
