"""docs/publish.md and docs/pull.md, word for word: two frameworks are built for both architectures,
published, promoted, checked by programs that are not ours, and pulled by another engine.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from inferpack import cli
from inferpack.engine import Engine
from inferpack.model import Arch
from tests.integration.checkout import Checkout, forget
from tests.integration.desk import MOVING
from tests.integration.registries import free_port
from tests.integration.second_engine import beside
from tests.integration.test_verify import git
from tests.unit import advisory_data

PLACE = "127.0.0.1:5000"
DOCS = cli.ROOT / "docs"
NAMES = ("onnxruntime", "openvino")


def block(page: str, start: str) -> str:
    """The one block of a page that begins with this."""
    text = (DOCS / page).read_text()
    (found,) = (
        b for b in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S) if b.startswith(start)
    )
    return str(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """A checkout, and the port of its registry."""

    checkout: Checkout
    port: int

    def run(self, script: str) -> str:
        """What a page's commands print: as a user's shell would run them, and on another port."""
        words = script.replace(PLACE, f"127.0.0.1:{self.port}")
        words = words.replace("./inv registry\n", f"./inv registry --port {self.port}\n")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'export PATH="$(./inv tools):$PATH"\n{words}'],
            cwd=self.checkout.root,
            env=os.environ | {"INFERPACK_ENGINE": "external"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def desk(proven_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(
        checkout=proven_checkout.copy(tmp_path_factory.mktemp("publishing") / "checkout"),
        port=free_port(),
    )
    shutil.copy(cli.ROOT / ".gitignore", made.checkout.root)
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "all")):
        git(made.checkout.root, *words)
    try:
        made.run(block("publish.md", "./inv image"))
        made.run(block("publish.md", "./inv promote"))
        yield made
    finally:
        made.run("./inv registry --stop")
        forget(made.checkout)


def test_programs_that_are_not_ours_find_it_whole(desk: Desk) -> None:
    said = desk.run(block("publish.md", "skopeo"))
    assert set(MOVING) < set(said.split())
    layout = desk.checkout.root / "build/onnxruntime"
    (index,) = json.loads((layout / "index.json").read_text())["manifests"]
    digest = index["digest"].removeprefix("sha256:")
    archs = json.loads((layout / "blobs/sha256" / digest).read_text())["manifests"]
    records = [
        json.loads(
            (desk.checkout.root / f"build/onnxruntime-mlas-py311-{arch}/image.json").read_text()
        )
        for arch in Arch
    ]
    assert {item["digest"] for item in archs} == {item["digest"] for item in records}


def test_a_puller_verifies_signature_proof_and_parts(desk: Desk) -> None:
    desk.run(block("pull.md", "cosign verify "))
    said = desk.run(block("pull.md", "IMAGE="))
    for kind in ("cyclonedx", "in-toto", "inferpack.proof"):
        assert f"application/vnd.{kind}" in said
    payloads = [json.loads(line) for line in said.splitlines() if line.startswith('{"payloadType"')]
    assert len(payloads) == 3


def test_another_engine_pulls_both_and_int8_is_fast(desk: Desk, engine: Engine) -> None:
    with beside(engine, containerd_store=True) as user:
        for name in NAMES:
            image = f"127.0.0.1:{desk.port}/release/{name}:latest"
            user.docker("pull", "--quiet", image)
            assert json.loads(user.docker("run", "--rm", image, "selftest", "--json"))["passed"]


def test_a_scan_reads_what_is_on_record(desk: Desk) -> None:
    tracked = advisory_data.tracker("openssl", CVE_2026_1=advisory_data.release("open", "low"))
    (desk.checkout.root / "tracker.json").write_text(json.dumps(tracked))
    desk.run(block("publish.md", "./inv scan"))


def test_nothing_new_is_soon_told(desk: Desk) -> None:
    lines = block("publish.md", "./inv image").splitlines()
    (command,) = (line for line in lines if line.startswith("./inv publish"))
    start = time.monotonic()
    said = desk.run(f'export COSIGN_PASSWORD="a password of yours"\n{command} 2>&1')
    assert said.count("unchanged: nothing is pushed") == len(NAMES)
    assert time.monotonic() - start < 10  # 1.2 s where nothing else runs
