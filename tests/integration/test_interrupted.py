"""Builds that are stopped, refused or crash half-way: nothing unproven gets a name.

Those that are killed, at random moments: test_nightly.py.
"""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inferpack import matrix, proof, recipes
from inferpack.engine import Engine
from inferpack.errors import InferpackError
from tests.integration.checkout import (
    RECIPE,
    ROOT,
    VARIANT,
    Checkout,
    containers,
    docker,
    end,
    tags,
    until,
)

INTERRUPTED = "error: interrupted; the same command continues where it stopped"
POLITE = (signal.SIGINT, signal.SIGTERM)
CRASH = "import ctypes\nctypes.string_at(0)\n"
SLEEP = "import sys, time\nprint('dozing', file=sys.stderr, flush=True)\ntime.sleep(600)\n"


def in_layers(checkout: Checkout, _: Path) -> bool:
    return any((checkout.cache / "layers").glob(".tmp-*"))


def in_buildx(_: Checkout, log: Path) -> bool:
    return "docker buildx build" in log.read_text()


def in_selftest(checkout: Checkout, log: Path) -> bool:
    return "measure" in log.read_text() and bool(containers(f"{checkout.reference}-unproven"))


@pytest.mark.parametrize("moment", [in_layers, in_buildx, in_selftest])
@pytest.mark.parametrize("number", POLITE, ids=lambda it: it.name)
def test_an_interrupted_build_leaves_nothing_and_continues(
    checkout: Checkout,
    tmp_path: Path,
    moment: Callable[[Checkout, Path], bool],
    number: signal.Signals,
) -> None:
    log = tmp_path / "stderr"
    if moment is in_layers:
        for tar in (checkout.cache / "layers").iterdir():
            tar.unlink()
    process = checkout.start("image", "onnxruntime", to=log)
    try:
        until(lambda: process.poll() is not None or moment(checkout, log))
        code = end(process, number)
    finally:
        process.kill()
    stderr = log.read_text()
    assert "Traceback" not in stderr
    assert checkout.reference not in tags(checkout.reference)
    assert not (checkout.build / "proof.json").exists()
    assert (code, stderr.splitlines()[-1]) == (130, INTERRUPTED)
    assert containers(f"{checkout.reference}-unproven") == []
    built = ["build/" + VARIANT + "/image.json"] if moment is in_selftest else []
    assert checkout.half_written() == built
    done = checkout.image()
    assert done.code == 0, done.stderr
    assert tags(checkout.reference) == [checkout.reference]
    assert containers(checkout.reference) == []
    assert done.stdout.strip() == docker("inspect", "--format", "{{.Id}}", checkout.reference)


def test_an_image_over_its_budget_is_refused_and_the_old_one_stays(checkout: Checkout) -> None:
    assert checkout.image().code == 0
    before = docker("inspect", "--format", "{{.Id}}", checkout.reference)
    records = {path: path.read_bytes() for path in checkout.build.glob("*.json")}
    checkout.edit(RECIPE, r"budget-mb = \d+", "budget-mb = 1")
    checkout.edit(RECIPE, r"\[environment\]", '[environment]\nLARGER = "1"')
    code, error = checkout.image().error
    sizes = r"numpy-[\d.]+ [\d.]+, base [\d.]+, onnxruntime-[\d.]+ [\d.]+(, [\w.-]+ [\d.]+){2,7}"
    assert code == 1
    assert re.fullmatch(
        rf"error: {VARIANT}: [\d.]+ MB unpacked, over its budget of 1 MB; "
        rf"prune in {RECIPE}; largest in MB: {sizes}",
        error,
    )
    assert docker("inspect", "--format", "{{.Id}}", checkout.reference) == before
    assert tags(checkout.reference) == [checkout.reference]
    assert {path: path.read_bytes() for path in checkout.build.glob("*.json")} == records


@pytest.fixture
def broken(proven_checkout: Checkout, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes images like the proven one, but with another selftest; gives their digests."""
    made: list[str] = []

    def make(program: str) -> str:
        (tmp_path / "selftest").write_text(f"#!/usr/bin/python3\n{program}")
        (tmp_path / "selftest").chmod(0o755)
        (tmp_path / "Dockerfile").write_text(
            f"FROM {proven_checkout.reference}\nCOPY selftest /usr/local/bin/selftest\n"
        )
        tag = f"inferpack-test/broken:{len(made)}"
        docker("buildx", "build", "--load", "--provenance=false", "--tag", tag, str(tmp_path))
        made.append(tag)
        return docker("inspect", "--format", "{{.Id}}", tag)

    yield make
    if made:
        docker("image", "rm", "--force", *made)


BROKEN = {
    CRASH: "selftest was killed by SIGSEGV; it printed nothing on stderr",
    SLEEP: "selftest did not end within 3 s; its last line: dozing",
}


@pytest.mark.parametrize(("program", "message"), BROKEN.items(), ids=["crash", "sleep"])
def test_a_selftest_that_does_not_report_is_no_proof(
    broken: Callable[[str], str],
    tmp_path: Path,
    program: str,
    message: str,
) -> None:
    digest = broken(program)
    (variant,) = matrix.select(matrix.variants(recipes.load(ROOT / "recipes")), VARIANT)
    with pytest.raises(InferpackError) as caught:
        proof.prove(variant, Engine(logs=tmp_path), digest, timeout=3)
    assert str(caught.value) == f"{VARIANT}: {message}"
    assert containers(digest) == []
