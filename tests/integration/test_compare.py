"""Two real images beside each other: one that lost INT8, and one that grew, are caught."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inferpack import cli, compare, matrix, store
from inferpack.difference import Change
from inferpack.engine import Engine
from inferpack.errors import UsageError
from inferpack.images import MB
from inferpack.model import SITE, Variant
from inferpack.workshop import Workshop
from tests.integration.checkout import Checkout
from tests.integration.conftest import VARIANTS
from tests.integration.containers import Run, python
from tests.unit import records

MLAS = "onnxruntime-mlas-py311-amd64"
NAME = "inferpack-test/compared:latest"
DATA = "opt/inferpack/selftest/data/onnxruntime"

only = pytest.mark.parametrize("variant", [MLAS], indirect=True)


@pytest.fixture(autouse=True)
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ROUNDS", 1)


@contextmanager
def altered(engine: Engine, image: str, files: dict[str, bytes]) -> Iterator[str]:
    """The image with these files put into it, under another name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    container = engine.client.containers.create(image, ["selftest"])
    try:
        container.put_archive("/", out.getvalue())
        container.commit(*NAME.split(":"))
        yield NAME
    finally:
        container.remove(force=True)
        engine.remove(NAME)


def worse(changed: tuple[Change, ...]) -> dict[str, str]:
    """By what changed. One round on a machine that others use too says nothing of speed."""
    return {
        change.what: str(change)
        for change in changed
        if change.worse and not change.what.endswith("speed")
    }


@only
def test_an_image_is_no_worse_than_itself(shop: Workshop, image: str, variant: Variant) -> None:
    changed = compare.references(shop, image, variant.reference)
    assert compare.told(changed) == "nothing changed"


@only
def test_another_build_of_an_image_is_no_worse(shop: Workshop, engine: Engine, image: str) -> None:
    """The same but for one file that no program reads: its selftest is run and compared."""
    with altered(engine, image, {"opt/inferpack/note.txt": b"built again"}) as other:
        assert engine.digest(other) != image
        assert worse(compare.references(shop, image, other)) == {}


@only
def test_an_image_that_fell_back_to_fp32_is_caught(
    shop: Workshop, engine: Engine, image: str, variant: Variant
) -> None:
    fp32 = (cli.ROOT / "selftest/data/onnxruntime/fp32.onnx").read_bytes()
    with altered(engine, image, {f"{DATA}/int8.onnx": fp32}) as other:
        found = worse(compare.references(shop, image, other))
    assert {"verdict", "digits int8 convolution", "digits int8 linear"} <= set(found)
    assert found["digits int8 convolution"].startswith(
        "digits int8 convolution: CPUExecutionProvider/QLinearConv → CPUExecutionProvider/Conv ("
    )
    assert found["verdict"].startswith("verdict: pass → FAIL, digits: int8 kernels: convolution: ")


@only
def test_a_package_that_grew_is_caught_by_its_name(
    shop: Workshop, engine: Engine, image: str, run: Run
) -> None:
    """Twenty megabytes more, as numpy's own RECORD lists them."""
    where = python(
        run, "import importlib.metadata as m; print(m.distribution('numpy')._path / 'RECORD')"
    )
    record = python(run, f"print(open('{where}').read())") + "\nnumpy/large.bin,,\n"
    files = {f"{SITE}/numpy/large.bin": bytes(20 * MB), where[1:]: record.encode()}
    with altered(engine, image, files) as other:
        changed = compare.references(shop, image, other)
    assert {"numpy", "unpacked"} == set(worse(changed))


@only
def test_an_image_that_is_not_there_is_bad_input(shop: Workshop, image: str) -> None:
    with pytest.raises(UsageError, match="nothing: is neither a file nor an image"):
        compare.references(shop, image, "nothing")


def test_the_exit_code_tells_nothing_worse_and_bad_input_apart(
    bare_checkout: Checkout, tmp_path: Path
) -> None:
    """Of ./inv itself; two files need no engine."""
    (variant,) = matrix.select(VARIANTS, MLAS)
    old, wrong = str(tmp_path / "old.json"), str(tmp_path / "wrong.json")
    new = str(store.write_record(tmp_path / "new.json", records.proof(variant, agreement=0.9)))
    store.write_record(tmp_path / "old.json", records.proof(variant))
    env = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    same, lost, bad = (
        bare_checkout.inv("compare", old, name, env=env) for name in (old, new, wrong)
    )
    assert (same.code, same.stdout, same.stderr) == (0, "nothing changed\n", "")
    assert (lost.code, lost.stdout) == (
        1,
        "WORSE  digits agreement: 99.80% → 90.00%\n1 change, 1 for the worse\n",
    )
    assert bad.error == (
        2,
        f"error: {wrong}: is no file; name a proof.json, bench.json or ladder.json below build/",
    )


def test_a_relative_name_is_of_the_folder_the_user_is_in(
    bare_checkout: Checkout, tmp_path: Path
) -> None:
    (variant,) = matrix.select(VARIANTS, MLAS)
    store.write_record(tmp_path / "build/proof.json", records.proof(variant))
    store.write_record(tmp_path / "new.json", records.proof(variant, agreement=0.9))
    done = subprocess.run(
        [bare_checkout.root / "inv", "compare", "proof.json", "../new.json"],
        cwd=tmp_path / "build",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (
        1,
        "WORSE  digits agreement: 99.80% → 90.00%\n1 change, 1 for the worse\n",
    )
