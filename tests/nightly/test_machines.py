"""Each architecture's images are built and proven on a machine of their own; one gets lost."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from inferpack import hosts, images, multiarch, proof
from inferpack.images import Image
from inferpack.model import Arch
from inferpack.proof import Proof
from tests.integration import machines
from tests.integration.checkout import ROOT, Checkout, Done, forget, scratch, until
from tests.integration.machines import Machine
from tests.integration.registries import Registry, running
from tests.integration.test_verify import git

IDS = {arch: f"onnxruntime-mlas-py311-{arch}" for arch in Arch}
BUILD = "$ docker --context {} buildx build"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A checkout, two machines for it, and a registry that all of them reach."""

    checkout: Checkout
    one: Machine
    two: Machine
    registry: Registry

    def environment(self, amd64: Machine, arm64: Machine) -> dict[str, str]:
        engines = f"amd64={amd64.context},arm64={arm64.context}"
        return {**self.one.client.environment, "INFERPACK_ENGINES": engines}

    def image(self, amd64: Machine, arm64: Machine) -> Done:
        words = ("image", "onnxruntime", "--arch", "all")
        return self.checkout.inv(*words, env=self.environment(amd64, arm64))

    def publish(self, amd64: Machine, arm64: Machine, namespace: str) -> dict[str, str]:
        """Platform → digest, of the index that `latest` then names."""
        words = ("publish", "onnxruntime", "--registry", f"{self.registry.host}/{namespace}")
        done = self.checkout.inv(*words, env=self.environment(amd64, arm64))
        assert done.code == 0, done.stderr
        index = self.registry.tags(f"{namespace}/onnxruntime")["latest"]
        listed = json.loads(self.registry.blob(index))["manifests"]
        return {item["platform"]["architecture"]: item["digest"] for item in listed}

    def folder(self, arch: Arch) -> Path:
        return self.checkout.root / "build" / IDS[arch]

    def recorded(self, arch: Arch) -> Image:
        """The image on record, proven."""
        image = images.read(self.folder(arch))
        assert image and self.proven(arch).digest == image.digest
        return image

    def proven(self, arch: Arch) -> Proof:
        found = proof.read(self.folder(arch))
        assert found and found.report.is_proof
        return found

    def latest(self, machine: Machine) -> str:
        """The digest of what the name means there."""
        name = f"{self.checkout.reference.partition(':')[0]}:latest"
        done = machine.docker("image", "inspect", "--format={{.Id}}", name)
        assert done.code == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        client = stack.enter_context(machines.client())
        one, two = (stack.enter_context(machines.machine(client)) for _ in range(2))
        registry = stack.enter_context(running(root / "registry"))
        for machine in (one, two):
            stack.enter_context(machines.on_loopback(machine, registry.host))
        checkout = scratch(root / "checkout")
        stack.callback(forget, checkout)
        (checkout.root / ".cache").symlink_to(ROOT / ".cache")
        shutil.copy(ROOT / ".gitignore", checkout.root)
        for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all of it")):
            git(checkout.root, *words)
        yield Desk(checkout=checkout, one=one, two=two, registry=registry)


def test_a_machine_that_is_lost_in_mid_build_stops_no_other(desk: Desk, tmp_path: Path) -> None:
    words = ("image", "onnxruntime", "--arch", "all")
    told = tmp_path / "stderr"
    began = desk.checkout.start(*words, to=told, env=desk.environment(desk.one, desk.two))
    building = BUILD.format(desk.one.context)
    until(lambda: building in told.read_text() or began.poll() is not None, seconds=300)
    time.sleep(0.5)
    desk.one.lose()
    assert (began.wait(timeout=300), building in told.read_text()) == (1, True)
    assert [line for line in told.read_text().splitlines() if line.startswith("error")] == [
        f"error: docker engine {desk.one.context}: was lost in mid-build: "
        f"tcp://{desk.one.address}:2376 answers no more; "
        "the same command continues where it stopped"
    ]
    assert images.read(desk.folder(Arch.AMD64)) is None
    assert desk.recorded(Arch.ARM64).digest in desk.two.images()


def test_what_was_lost_is_done_elsewhere_and_nothing_else(desk: Desk) -> None:
    kept = files(desk.folder(Arch.ARM64))
    done = desk.image(desk.two, desk.two)
    assert done.code == 0, done.stderr
    assert (done.stderr.count("$ docker"), files(desk.folder(Arch.ARM64))) == (1, kept)
    both = {arch: desk.recorded(arch) for arch in Arch}
    assert {image.digest for image in both.values()} < desk.two.images()
    assert desk.latest(desk.two) == index(both)
    assert [desk.proven(arch).report.emulated for arch in Arch] == [False, True]
    assert desk.proven(Arch.AMD64).machine == hosts.here()
    published = desk.publish(desk.two, desk.two, "first")
    assert published == {arch: image.digest for arch, image in both.items()}


def test_images_of_two_machines_become_one_index(desk: Desk) -> None:
    """The first one is back. It builds its image to the bit as the other did."""
    before = {arch: desk.recorded(arch).digest for arch in Arch}
    desk.one.start()
    done = desk.image(desk.one, desk.two)
    assert done.code == 0, done.stderr
    assert BUILD.format(desk.one.context) in done.stderr
    assert {arch: desk.recorded(arch).digest for arch in Arch} == before
    assert before[Arch.ARM64] not in desk.one.images()
    assert desk.latest(desk.one) == index({Arch.AMD64: desk.recorded(Arch.AMD64)})
    assert desk.publish(desk.one, desk.two, "second") == before


def index(found: Mapping[Arch, Image]) -> str:
    """Its digest."""
    return f"sha256:{sha256(multiarch.document(found)).hexdigest()}"


def files(folder: Path) -> Mapping[str, bytes]:
    """The records of a variant."""
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}
