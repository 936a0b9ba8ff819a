"""A proof that cannot fail proves nothing: here each way to lose INT8 is tried, and caught."""

import base64
import dataclasses
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inferpack import cli, images, pipeline, proof
from inferpack.engine import Engine, Finished
from inferpack.errors import InferpackError
from inferpack.expectation import Row
from inferpack.model import Variant
from inferpack.workshop import Workshop
from tests.integration.conftest import proven
from tests.integration.containers import Run, mounted, python, selftest

SELFTEST = "/opt/inferpack/selftest"
DATA = f"{SELFTEST}/data"
ONEDNN = ["openvino-onednn-py311-amd64", "pytorch-onednn-py311-amd64"]
MODELS = ["onnxruntime-mlas-py311-amd64", "openvino-onednn-py311-amd64"]
PYTORCH = ["pytorch-onednn-py311-amd64"]
NAMESPACE = "inferpack-test"
MLAS = ["onnxruntime-mlas-py311-amd64"]

only = functools.partial(pytest.mark.parametrize, "variant", indirect=True)


def masked(features: list[str]) -> str:
    """The value of ONEDNN_MAX_CPU_ISA that hides this CPU's best INT8 instructions."""
    if "avx512_vnni" in features:
        return "AVX512_CORE"
    if {"avx_vnni", "avx512f"} & set(features):
        return "AVX2"
    return "SSE41"


def failing(run: Run, **options: object) -> dict[str, str]:
    """What each failing check saw; the verdict must be a failure and the exit code say so."""
    code, report = selftest(run, **options)
    assert (code, report["passed"]) == (1, False)
    return {item["name"]: item["saw"] for item in report["checks"] if not item["passed"]}


def altered(run: Run, code: str, folder: Path, name: str) -> Path:
    """A file that `code`, run in the image, prints in base64."""
    path = folder / name
    path.write_bytes(base64.b64decode(python(run, code)))
    path.chmod(0o644)
    return path


def test_an_unbroken_image_passes_every_check(run: Run) -> None:
    code, report = selftest(run)
    assert code == 0
    assert {item["name"]: item["passed"] for item in report["checks"]} == dict.fromkeys(
        (
            "fp32 accuracy",
            "int8 accuracy drop",
            "agreement",
            "expectation for this CPU",
            "fp32 kernels",
            "int8 kernels: convolution",
            "int8 kernels: linear",
            "int8 speed",
        ),
        True,
    )


@only(ONEDNN)
def test_kernels_without_this_cpus_int8_instructions_are_caught(run: Run) -> None:
    features = proven(ONEDNN[1]).report.cpu.features
    hidden = {"ONEDNN_MAX_CPU_ISA": masked(list(features))}
    found = failing(run, environment=hidden)
    assert {"int8 kernels: convolution", "int8 kernels: linear"} <= set(found)
    assert "vnni" not in found["int8 kernels: convolution"]


@only(MODELS)
def test_a_model_that_falls_back_to_fp32_is_caught(run: Run, variant: Variant) -> None:
    folder = cli.ROOT / "selftest/data" / variant.recipe.name
    volumes = {
        key: value
        for fp32 in sorted(folder.glob("fp32.*"))
        for key, value in mounted(fp32, f"{DATA}/{variant.recipe.name}/int8{fp32.suffix}").items()
    }
    found = failing(run, volumes=volumes)
    assert found["int8 kernels: convolution"].startswith("f32: ")
    assert "int8 speed" in found


@only(PYTORCH)
def test_an_adapter_that_falls_back_to_fp32_is_caught(run: Run, tmp_path: Path) -> None:
    # The whole folder: bytecode in an image is not checked against a changed source.
    folder = tmp_path / "frameworks"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(cli.ROOT / "selftest/frameworks", folder, ignore=without)
    source = (folder / "pytorch.py").read_text()
    quantises = "if precision is Precision.INT8:"
    assert source.count(quantises) == 1
    (folder / "pytorch.py").write_text(source.replace(quantises, "if precision is None:"))
    found = failing(run, volumes=mounted(folder, f"{SELFTEST}/frameworks"))
    assert found["int8 kernels: convolution"].startswith("f32: ")
    assert found["int8 kernels: linear"] == "unseen (no evidence of any)"


# Where the weights of the largest convolution begin (64 x 64 x 3 x 3 bytes), and how many to turn
# around: in ONNX after the protobuf head of raw_data with that length; in OpenVINO's plain array.
TURNED = {
    "onnxruntime": ("int8.onnx", 'data.index(b"\\x4a\\x80\\xa0\\x02") + 4', 36_864),
    "openvino": ("int8.bin", "10_000", 20_000),
}


@only(MODELS)
def test_a_quantised_model_with_wrong_weights_is_caught(
    run: Run, variant: Variant, tmp_path: Path
) -> None:
    name, start, count = TURNED[variant.recipe.name]
    path = f"{DATA}/{variant.recipe.name}/{name}"
    code = f"""
import base64
data = bytearray(open("{path}", "rb").read())
start = {start}
data[start:start + {count}] = data[start:start + {count}][::-1]
print(base64.b64encode(data).decode())
"""
    found = failing(run, volumes=mounted(altered(run, code, tmp_path, name), path))
    assert {"int8 accuracy drop", "agreement"} <= set(found)


@only(PYTORCH)
def test_wrong_weights_are_caught(run: Run, tmp_path: Path) -> None:
    path = f"{DATA}/weights.npz"
    code = f"""
import base64, io, numpy
weights = dict(numpy.load("{path}"))
name = next(key for key in weights if key.startswith("dense.weight"))
weights[name] = weights[name][::-1]
out = io.BytesIO()
numpy.savez(out, **weights)
print(base64.b64encode(out.getvalue()).decode())
"""
    changed = altered(run, code, tmp_path, "weights.npz")
    assert "fp32 accuracy" in failing(run, volumes=mounted(changed, path))


@only(PYTORCH)
def test_a_wrong_calibration_is_caught(run: Run, tmp_path: Path) -> None:
    path = f"{DATA}/digits.npz"
    code = f"""
import base64, io, numpy
digits = dict(numpy.load("{path}"))
digits["calibration_images"] = digits["calibration_images"] // 12
out = io.BytesIO()
numpy.savez(out, **digits)
print(base64.b64encode(out.getvalue()).decode())
"""
    changed = altered(run, code, tmp_path, "digits.npz")
    assert "int8 accuracy drop" in failing(run, volumes=mounted(changed, path))


@only(MLAS)
def test_no_evidence_is_a_failure(run: Run) -> None:
    found = failing(run, ipc_mode="none")
    assert found["int8 kernels: convolution"].startswith("unseen (onnxruntime wrote no profile")


def test_a_corrupt_file_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(b"PK\x03\x04 and then nothing that makes sense")
    finished = run(["selftest", "--json"], volumes=mounted(path, f"{DATA}/digits.npz"))
    assert (finished.code, finished.stdout) == (2, "")
    assert finished.stderr.startswith("selftest: ") and "digits.npz" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.fixture
def apart(shop: Workshop, variant: Variant, engine: Engine, tmp_path: Path) -> Iterator[Workshop]:
    """A workshop that shares caches with the real one, but builds and names elsewhere."""
    for name in ("recipes", "templates", "selftest", ".cache", ".git"):
        (tmp_path / name).symlink_to(shop.root / name)
    yield dataclasses.replace(shop, root=tmp_path)
    own = dataclasses.replace(variant, namespace=NAMESPACE)
    for reference in (own.reference, images.unproven(own)):
        engine.remove(reference)


@only(MLAS)
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            Row(cpu=(), kernels={"convolution": "warp drive"}, speedup=1.0),
            "int8 kernels: convolution: expected warp drive, saw CPUExecutionProvider/QLinearConv",
        ),
        (
            Row(cpu=(), kernels={"convolution": ".*"}, speedup=1000.0),
            "int8 speed: expected >= 1000 times fp32, saw ",
        ),
    ],
)
def test_an_image_whose_proof_fails_is_not_named(
    engine: Engine, variant: Variant, apart: Workshop, row: Row, reason: str
) -> None:
    """The whole pipeline, with an expectation that nothing meets."""
    expectation = msgspec.structs.replace(variant.recipe.proof, rows=(row,))
    recipe = msgspec.structs.replace(variant.recipe, proof=expectation)
    impossible = dataclasses.replace(variant, recipe=recipe, namespace=NAMESPACE)
    with pytest.raises(InferpackError) as err:
        pipeline.image(apart, impossible)
    assert str(err.value).startswith(f"{variant.id}: INT8 is not proven: {reason}")
    assert engine.digest(impossible.reference) is None
    assert proof.read(apart.folder(variant)) is None


class Crashing(Engine):
    """An engine in which every container dies of SIGSEGV."""

    def run(self, *_words: Any, **_options: Any) -> Finished:
        return Finished(code=139, stdout="", stderr="")


@only(MLAS)
def test_a_proof_that_fails_later_is_forgotten(variant: Variant, apart: Workshop) -> None:
    own = dataclasses.replace(variant, namespace=NAMESPACE)
    assert pipeline.image(apart, own).report.passed
    broken = dataclasses.replace(apart, engine=Crashing(logs=apart.engine.logs))
    with pytest.raises(InferpackError, match="selftest was killed by SIGSEGV"):
        pipeline.image(broken, own, again=True)
    assert proof.read(apart.folder(variant)) is None
