"""What users do with published images, on an engine that has none: pull, run, compose, derive.

Each in Docker's two image stores, or in the classic one, which most users have.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest

from inferpack import base, cli, images
from inferpack.engine import Engine
from inferpack.model import Arch
from inferpack.serving import LOCAL
from inferpack.workshop import Workshop
from selftest import digits
from tests.integration.checkout import Done, docker
from tests.integration.publishing import Published, publishing
from tests.integration.registries import free_port
from tests.integration.second_engine import SecondEngine, beside
from tests.integration.shells import AUTHORITIES

EXAMPLES = cli.ROOT / "docs/examples"
BOTH = {arch: f"onnxruntime-mlas-py311-{arch}" for arch in Arch}
DEV = f"{BOTH[base.native()]}-dev"
CONFINED = [
    "--read-only",
    "--user=23456:23456",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
]
# Lines of docs/examples/deployment.yaml, and what a node's engine makes of each.
POD = {
    "runAsUser: 1000680000": "--user=1000680000:0",
    "readOnlyRootFilesystem: true": "--read-only",
    "allowPrivilegeEscalation: false": "--security-opt=no-new-privileges",
    'capabilities: {drop: ["ALL"]}': "--cap-drop=ALL",
    'limits: {cpu: "1", memory: 512Mi}': "--cpus=1 --memory=512m",
}
# Whom this machine trusts, where a proxy signs what an index sends.
SECRET = "type=secret,id=authorities,mode=0444,target=/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, shop: Workshop) -> Iterator[Published]:
    """onnxruntime's images, for both architectures and as dev image."""
    with publishing(shop, tmp_path_factory.mktemp("published"), *BOTH.values(), DEV) as made:
        yield made


@pytest.fixture(scope="session")
def classic(engine: Engine) -> Iterator[SecondEngine]:
    with beside(engine, containerd_store=False) as made:
        yield made


@pytest.fixture(scope="session")
def modern(engine: Engine) -> Iterator[SecondEngine]:
    with beside(engine, containerd_store=True) as made:
        yield made


@pytest.fixture(params=["classic", "modern"])
def user(request: pytest.FixtureRequest) -> SecondEngine:
    made: SecondEngine = request.getfixturevalue(request.param)
    return made


def inspected(user: SecondEngine, reference: str) -> dict[str, Any]:
    (found,) = json.loads(user.docker("image", "inspect", reference))
    return dict(found)


def pulled(user: SecondEngine, published: Published) -> str:
    """The name of the image for this machine."""
    user.docker("pull", "--quiet", name := f"{published.name}:latest")
    return name


def selftest(user: SecondEngine, *words: str) -> dict[str, Any]:
    """The report of a selftest that passes; words: options of `docker run`, and the image."""
    return dict(json.loads(user.docker("run", "--rm", *words, "selftest", "--json")))


@pytest.mark.parametrize("arch", Arch)
def test_a_tag_is_on_each_platform_what_was_proven_there(
    user: SecondEngine, published: Published, arch: Arch
) -> None:
    tag, platform = f"{published.name}:latest", f"--platform=linux/{arch}"
    said = user.docker("pull", platform, tag)
    assert f"Digest: {published.tags['latest']}\n" in said
    container = user.docker("create", platform, tag)
    (created,) = json.loads(user.docker("inspect", container))
    assert created["Config"]["Labels"]["io.inferpack.variant"] == BOTH[arch]


@pytest.mark.parametrize("arch", Arch)
def test_a_digest_is_one_platform_s_image_to_the_bit(
    user: SecondEngine, published: Published, shop: Workshop, arch: Arch
) -> None:
    (variant,) = shop.variants(BOTH[arch])
    image = images.read(shop.folder(variant))
    assert image
    name = f"{published.name}@{image.digest}"
    assert image.digest in user.docker("pull", f"--platform=linux/{arch}", name)
    ours = json.loads(docker("image", "inspect", image.digest))[0]
    theirs = inspected(user, name)
    for fact in ("Architecture", "Os", "Config", "RootFS"):
        assert theirs[fact] == ours[fact]
    assert name in theirs["RepoDigests"]


def test_a_pulled_image_passes_its_selftest(user: SecondEngine, published: Published) -> None:
    report = selftest(user, pulled(user, published))
    assert (report["variant"], report["passed"]) == (BOTH[base.native()], True)


def test_it_passes_on_another_architecture(modern: SecondEngine, published: Published) -> None:
    words = ["--platform=linux/arm64", f"{published.name}:latest"]
    if base.native() is not Arch.ARM64:  # see emulation.py
        words = ["--init", "--env=QEMU_CPU=neoverse-n1", "--env=INFERPACK_EMULATED=1", *words]
    report = selftest(modern, *words)
    assert (report["variant"], report["passed"]) == (BOTH[Arch.ARM64], True)


def test_it_passes_with_a_pod_s_security_context_and_limits(
    modern: SecondEngine, published: Published
) -> None:
    """Any uid, nothing writable, no capabilities; as many threads as it may use CPUs."""
    manifest = (EXAMPLES / "deployment.yaml").read_text()
    assert [line for line in POD if line not in manifest] == []
    options = [word for words in POD.values() for word in words.split()]
    report = selftest(modern, *options, "--network=none", pulled(modern, published))
    assert (report["passed"], report["cpu"]["quota"], report["cpu"]["threads"]) == (True, 1.0, 1)


def composed(
    user: SecondEngine, image: str, folder: Path, shop: Workshop, port: int
) -> Callable[..., Done]:
    """`docker compose` of the example in a folder."""
    user.plug(shop.tool("docker-compose"))
    env = {"IMAGE": image, "PORT": str(port)}
    return partial(user.tried, "compose", "--file", folder / "compose.yaml", env=env)


def asked(port: int, body: str) -> Any:
    try:
        with urlopen(f"http://{LOCAL}:{port}/", body.encode()) as answer:
            return json.load(answer)
    except HTTPError as err:
        return json.load(err)


def test_the_compose_example_serves(
    classic: SecondEngine, published: Published, shop: Workshop
) -> None:
    pulled(classic, published)
    compose = composed(classic, published.name, EXAMPLES, shop, port := free_port())
    known = digits.load(shop.selftest / "data")
    try:
        up = compose("up", "--wait")
        assert up.code == 0, up.stderr
        pictures = (known.images[:100, 0] * 16).tolist()
        answers = [asked(port, json.dumps(picture))["digit"] for picture in pictures]
        assert np.mean(np.array(answers) == known.labels[:100]) > 0.95
        assert asked(port, "[1]") == {"error": "8 rows of 8 numbers, please"}
    finally:
        compose("down")


def test_compose_tells_when_a_program_does_not_serve(
    classic: SecondEngine, published: Published, shop: Workshop, tmp_path: Path
) -> None:
    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    (folder / "app.py").write_text("import time; time.sleep(60)")
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace("retries: 10", "retries: 1"))
    pulled(classic, published)
    compose = composed(classic, published.name, folder, shop, free_port())
    try:
        up = compose("up", "--wait")
        assert (up.code, up.stderr.splitlines()[-1].split()[-1]) == (1, "unhealthy")
    finally:
        compose("down")


def built(user: SecondEngine, image: str, text: str, file: Path) -> Done:
    """`docker build` of a Dockerfile in docs/examples, as `mine`, by this machine's way outside."""
    file.write_text(text.replace("RUN pip ", f"RUN --mount={SECRET} pip "))
    words = ["--tag=mine", f"--build-arg=IMAGE={image}", f"--file={file}"]
    words += [f"--build-arg={key}" for key in os.environ if key.lower().endswith("_proxy")]
    return user.tried("build", *words, f"--secret=id=authorities,src={AUTHORITIES}", EXAMPLES)


@pytest.mark.parametrize("example", ["dev", "runtime"])
def test_an_image_can_be_built_upon(
    classic: SecondEngine, published: Published, tmp_path: Path, example: str
) -> None:
    """Under any uid it has the package that was added, and passes its selftest as before."""
    text = (EXAMPLES / f"{example}.Dockerfile").read_text()
    made = built(classic, published.name, text, tmp_path / "Dockerfile")
    assert made.code == 0, made.stderr
    code = "import onnxruntime, PIL.Image; print(PIL.Image.new('L', (8, 8)).size)"
    assert classic.docker("run", "--rm", *CONFINED, "mine", "python3", "-c", code) == "(8, 8)"
    assert selftest(classic, *CONFINED, "mine")["passed"]


def test_a_runtime_image_itself_installs_nothing(
    classic: SecondEngine, published: Published, tmp_path: Path
) -> None:
    text = (EXAMPLES / "dev.Dockerfile").read_text().replace("${TAG}-dev", "${TAG}")
    made = built(classic, published.name, text, tmp_path / "Dockerfile")
    assert made.code == 1 and '"/bin/sh": stat /bin/sh: no such file or directory' in made.stderr
