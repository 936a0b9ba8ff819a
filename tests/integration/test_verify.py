"""An image is verified by building it again from its commit; one that is another is found out."""

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from inferpack import images, multiarch
from inferpack.engine import Engine
from inferpack.model import Arch
from tests.integration import registries
from tests.integration.checkout import ROOT, VARIANT, Checkout, docker, forget

SELFTEST = "usr/local/bin/selftest"
VARIANT_LABEL, REVISION = "io.inferpack.variant", "org.opencontainers.image.revision"


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    done = subprocess.run(
        ["git", "-C", root, *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def committed(
    proven_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """A clone of a repository, whose onnxruntime image is built from its one commit."""
    made = proven_checkout.copy(tmp_path_factory.mktemp("committed") / "checkout")
    shutil.copy(ROOT / ".gitignore", made.root)
    git(made.root, "init", "--quiet")
    git(made.root, "add", ".")
    git(made.root, "commit", "--quiet", "--message", "all of it")
    for name in ("debs", "wheels"):
        shutil.rmtree(made.cache / name, ignore_errors=True)
        (made.cache / name).symlink_to(ROOT / ".cache" / name)
    done = made.image()
    assert done.code == 0, done.stderr
    yield made
    forget(made)


@pytest.fixture
def reference(committed: Checkout) -> Iterator[str]:
    """A name beside the checkout's own, removed with its image."""
    name = f"{namespace(committed)}/other:1"
    yield name
    docker("image", "rm", name)


def namespace(committed: Checkout) -> str:
    return committed.reference.partition("/")[0]


def own(committed: Checkout) -> list[str]:
    """The names of its images; the engine lists those of one second in any order."""
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{namespace(committed)}/*")
    return sorted(listed.splitlines())


def build(dockerfile: str, reference: str, folder: Path, *, created: str = "") -> str:
    """Builds an image of a few lines; returns its digest."""
    (folder / "Dockerfile").write_text(dockerfile)
    words = ("--quiet", "--provenance=false", "--build-arg", f"SOURCE_DATE_EPOCH={created}")
    docker("buildx", "build", *words, "--tag", reference, str(folder))
    return digest(reference)


def digest(reference: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", reference)


def test_an_image_is_what_its_commit_makes_and_nothing_is_left_behind(committed: Checkout) -> None:
    names, files = own(committed), sorted(committed.root.glob("build/*"))
    done = committed.inv("verify", committed.reference)
    assert (done.code, done.stdout) == (0, f"{digest(committed.reference)}\n"), done.stderr
    assert f"  identical: {digest(committed.reference)}\n" in done.stderr
    assert own(committed) == names
    assert sorted(committed.root.glob("build/*")) == files
    assert len(git(committed.root, "worktree", "list").splitlines()) == 1


def test_an_index_in_a_registry_is_verified_on_all_its_platforms(
    committed: Checkout, engine: Engine, tmp_path: Path
) -> None:
    arm, recorded = VARIANT.replace("amd64", "arm64"), images.read(committed.build)
    assert recorded and committed.inv("render", arm).code == 0
    context, name = committed.root / "build" / arm / "context", f"{namespace(committed)}/arm64:1"
    made = engine.build(context, name=name, arch=Arch.ARM64, created=recorded.created)
    other = structs.replace(recorded, digest=made.digest, manifest_size=made.size)
    index = multiarch.document({Arch.AMD64: recorded, Arch.ARM64: other})
    with registries.running(tmp_path) as registry:
        reference = f"{registry.host}/{namespace(committed)}/onnxruntime:1"
        engine.load(multiarch.archive(reference, index), reference, "")
        docker("push", reference)
        docker("image", "rm", reference, name)
        done = committed.inv("verify", reference)
    try:
        assert (done.code, done.stdout) == (0, f"{digest(reference)}\n"), done.stderr
        told = re.sub(r" \(\d+\.\d s\)$", "", done.stderr, flags=re.MULTILINE).splitlines()
        assert [line for line in told if "pull" in line or "identical" in line] == [
            f"  ✓ docker pull {reference}",
            f"  ✓ docker pull {reference} linux/arm64",
            *(f"  identical: {item.digest}" for item in (recorded, other)),
        ]
    finally:
        docker("image", "rm", reference)


def test_a_file_put_over_an_image_is_named(
    committed: Checkout, reference: str, tmp_path: Path
) -> None:
    text = "#!/bin/sh\necho verdict: PASS\n"
    (tmp_path / "selftest").write_text(text)
    copy = f"COPY selftest /{SELFTEST} # buildkit"
    over = build(
        f"FROM {committed.reference}\n{copy[:-11]}\n",
        reference,
        tmp_path,
        created=seconds(committed),
    )
    content = hashlib.sha256(text.encode()).hexdigest()
    assert committed.inv("verify", reference).error == (
        1,
        f"error: {reference}: {VARIANT} {over} is not what commit {commit(committed)} makes:"
        f" {digest(committed.reference)}\n"
        f"  layer {layers(committed) + 1} ({copy}): {SELFTEST}: file sha256:{content} → absent\n"
        "what has been published is not what its labels say",
    )


def test_a_file_changed_in_a_layer_is_named(
    committed: Checkout, reference: str, engine: Engine, tmp_path: Path
) -> None:
    context = shutil.copytree(committed.build / "context", tmp_path / "context")
    before, after = alter(context / "layers/selftest.tar", tmp_path / "altered.tar")
    created = int(seconds(committed))
    made = engine.build(context, name=reference, arch=Arch.AMD64, created=created)
    assert committed.inv("verify", reference).error == (
        1,
        f"error: {reference}: {VARIANT} {made.digest} is not what commit {commit(committed)} makes:"
        f" {digest(committed.reference)}\n"
        f"  layer {layers(committed)} (selftest): {SELFTEST} content: {after} → {before}\n"
        "what has been published is not what its labels say",
    )


def layers(committed: Checkout) -> int:
    return len(list((committed.build / "context/layers").iterdir()))


def seconds(committed: Checkout) -> str:
    return git(committed.root, "log", "-1", "--format=%ct")


def commit(committed: Checkout) -> str:
    return git(committed.root, "rev-parse", "HEAD")[:12]


def alter(layer: Path, scratch: Path) -> list[str]:
    """Adds a comment to the selftest program in its layer; its digests before and after."""
    found = []
    with tarfile.open(layer) as old, tarfile.open(scratch, "w", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            content = old.extractfile(member)
            text = content.read() if content else b""
            if member.name == SELFTEST:
                altered = text + b"# altered\n"
                found = [f"sha256:{hashlib.sha256(item).hexdigest()}" for item in (text, altered)]
                text = altered
            member.size = len(text)
            new.addfile(member, io.BytesIO(text))
    scratch.replace(layer)
    return found


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        ({}, "is no image of inferpack: it has no label io.inferpack.variant"),
        (
            {VARIANT_LABEL: VARIANT, REVISION: "0" * 40 + "-dirty"},
            f"cannot be verified: it was built from uncommitted changes ({'0' * 40}-dirty);"
            " commit them and build it again",
        ),
        (
            {VARIANT_LABEL: VARIANT, REVISION: "unknown"},
            "cannot be verified: 'unknown' is no commit",
        ),
        (
            {VARIANT_LABEL: "*", REVISION: "0" * 40},
            "cannot be verified: '*' is no variant",
        ),
        (
            {VARIANT_LABEL: VARIANT, REVISION: "0" * 40},
            f"was built from commit {'0' * 40}, which this clone does not have;"
            " `git fetch --all --tags` (in a shallow clone: --unshallow), then again",
        ),
    ],
)
def test_what_cannot_be_built_again_is_one_line(
    committed: Checkout, reference: str, tmp_path: Path, labels: dict[str, str], wrong: str
) -> None:
    lines = [f'LABEL {name}="{value}"' for name, value in labels.items()]
    build("\n".join(["FROM scratch", "COPY Dockerfile /", *lines]), reference, tmp_path)
    assert committed.inv("verify", reference).error == (2, f"error: {reference}: {wrong}")


def test_an_image_that_is_nowhere_is_one_line(committed: Checkout, tmp_path: Path) -> None:
    with registries.running(tmp_path) as registry:
        done = committed.inv("verify", f"{registry.host}/no/image:1")
    assert done.error == (
        1,
        f"error: {registry.host}/no/image:1: is neither in the engine nor in a registry that shows"
        " it; check its name, or docker login",
    )
