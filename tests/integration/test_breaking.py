"""A proof that cannot fail proves nothing: here INT8 itself is broken in every way we know."""

import functools
import re
import time
from pathlib import Path

import pytest

from inferpack import cli
from inferpack.expectation import TASKS
from inferpack.model import Variant
from tests.integration.breaking import (
    DATA,
    MLAS,
    OPENVINO,
    PYTORCH,
    TENSORFLOW,
    THROTTLED,
    Volumes,
    adapter,
    altered,
    assert_slow_linear_is_judged,
    failures,
)
from tests.integration.conftest import proven
from tests.integration.containers import Run, mounted, selftest

SECONDS = 20  # 5 to 10 on an idle machine; where others compute too, it takes more samples

only = functools.partial(pytest.mark.parametrize, "variant", indirect=True)


def ran(title: str, what: str) -> str:
    """A regular expression for the reason why a kernel does not do on this machine's CPU."""
    row = re.escape("+".join(proven(MLAS).report.row or ()))
    return f"{title} ran {what}, this CPU \\({row}\\) should run .*int8.*"


def tasks(variant: Variant) -> list[str]:
    """What selftest runs in an image."""
    return list(TASKS[variant.recipe.name])


def test_an_unbroken_image_passes_every_check_soon(run: Run, variant: Variant) -> None:
    start = time.perf_counter()
    code, report = selftest(run)
    assert time.perf_counter() - start <= SECONDS
    assert code == 0
    assert [task["name"] for task in report["tasks"]] == tasks(variant)
    each = (
        "fp32 accuracy",
        "int8 accuracy drop",
        "agreement",
        "fp32 kernels",
        "fp32 instructions",
        "int8 instructions",
        "int8 speed",
    )
    assert {(item["task"], item["name"]) for item in report["checks"]} == {
        (None, "expectation for this CPU"),
        *((task, name) for task in tasks(variant) for name in each),
        *(
            (task["name"], f"int8 kernels: {kind}")
            for task in report["tasks"]
            for kind in task["operators"]
        ),
    }
    assert all(item["passed"] for item in report["checks"])
    assert not any("not sampled" in item["saw"] for item in report["checks"])
    int8 = [item for task in report["tasks"] for item in task["int8"]["kernels"]]
    assert {item["kind"] for item in int8 if "*" in item["types"]} <= {"fast int8", "slow int8"}


def test_the_report_of_an_unbroken_image_fits_a_screen(run: Run) -> None:
    lines = run(["selftest"]).stdout.splitlines()
    assert lines[-1] == "verdict: PASS"
    assert (len(lines) <= 48, max(map(len, lines)) <= 100) == (True, True), "\n".join(lines)


DEQUANTISED = {
    MLAS: (
        "onnxruntime.py",
        "options.log_severity_level = 3\n",
        "options.log_severity_level = 3\n    options.graph_optimization_level ="
        " onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL\n",
    ),
    OPENVINO: (
        "openvino.py",
        '"PERFORMANCE_HINT": "LATENCY"',
        '"PERFORMANCE_HINT": "LATENCY", "LP_TRANSFORMS_MODE": "NO"',
    ),
    PYTORCH: (
        "pytorch.py",
        "return Model(self, made(network, tensors, ranges))",
        "return Model(self, Fp32(network, tensors))",
    ),
    TENSORFLOW: (
        "tensorflow.py",
        "Model(tensorflow_graph.int8(DIGITS, weights, ranges), DIGITS)",
        "Model(tensorflow_graph.fp32(DIGITS, weights), DIGITS)",
    ),
}


@only(list(DEQUANTISED))
def test_a_quantised_model_that_computes_in_fp32_is_caught(
    run: Run, variant: Variant, tmp_path: Path
) -> None:
    """onnxruntime and OpenVINO: the real INT8 file, whose weights are turned back first."""
    found = failures(run, volumes=adapter(tmp_path, *DEQUANTISED[variant.id]))
    title = "digits: int8 kernels: convolution"
    assert re.fullmatch(ran(title, r".* \(not int8: f32\)"), found[title])
    speed = "digits: int8 speed"
    assert re.fullmatch(f"{speed}: .* times, should be >= .* times fp32", found[speed])


@only([MLAS, OPENVINO])
def test_an_fp32_file_in_place_of_the_int8_one_is_caught(run: Run, variant: Variant) -> None:
    folder = cli.ROOT / "selftest/data" / variant.recipe.name
    volumes: Volumes = {}
    for fp32 in sorted(folder.glob("fp32.*")):
        volumes |= mounted(fp32, f"{DATA}/{variant.recipe.name}/int8{fp32.suffix}")
    found = failures(run, volumes=volumes)
    for kind in ("convolution", "linear"):
        title = f"digits: int8 kernels: {kind}"
        assert re.fullmatch(ran(title, r".* \(not int8: f32\)"), found[title])


@only([OPENVINO])
def test_a_reference_kernel_is_caught(run: Run, tmp_path: Path) -> None:
    """A word in the model file is enough for OpenVINO to take one; the answers stay right."""
    source = (cli.ROOT / "selftest/data/openvino/int8.xml").read_text()
    wish = '<attribute name="primitives_priority" version="0" value="cpu:ref_any" />'
    convolution = r'(type="(?:Group)?Convolution" version="opset1">\n<data .*/>\n)'
    model = tmp_path / "int8.xml"
    model.write_text(re.sub(convolution, rf"\1<rt_info>\n{wish}\n</rt_info>\n", source))
    volumes = mounted(model, f"{DATA}/openvino/int8.xml")
    found = failures(run, volumes=volumes, timeout=400.0)
    title = "digits: int8 kernels: convolution"
    assert re.fullmatch(ran(title, r"ref:any \(reference\)"), found.pop(title))
    assert list(found) == ["digits: int8 speed"]


@only([PYTORCH])
def test_a_reference_kernel_for_one_small_layer_is_caught(run: Run, tmp_path: Path) -> None:
    """oneDNN has no fast kernel for a signed source, takes the reference one and says nothing."""
    source = "outputs[layer.source], *constants, bias, 1.0, 0, torch.float32"
    signed = source.replace("[layer.source]", "[layer.source].div(2).to(torch.int8)")
    volumes = adapter(tmp_path, "pytorch_int8.py", source, signed)
    assert_slow_linear_is_judged(run, "digits", volumes)


@only([MLAS])
def test_int8_that_gets_less_cpu_time_than_fp32_is_caught(
    run: Run, variant: Variant, tmp_path: Path
) -> None:
    """Around whatever framework: one tells as much as five, which take minutes."""
    last = '    return cast("Callable[[Path], Framework]", module.open_framework)(data)\n'
    found = failures(run, volumes=adapter(tmp_path, "__init__.py", last, last + THROTTLED))
    assert list(found) == [f"{task}: int8 speed" for task in tasks(variant)]
    for title, reason in found.items():
        assert re.fullmatch(rf"{title}: \d\.\d\d times, should be >= .* times fp32", reason)


# Where the weights of the largest convolution begin (64 x 64 x 3 x 3 bytes), and how many to turn
# around: in ONNX after the protobuf head of raw_data with that length; in OpenVINO's plain array.
TURNED = {
    "onnxruntime": ("int8.onnx", 'data.index(b"\\x4a\\x80\\xa0\\x02") + 4', 36_864),
    "openvino": ("int8.bin", "10_000", 20_000),
}
DROP = r"digits: int8 accuracy drop: 0\.\d{4} \(0\.98\d\d to 0\.\d{4}\), should be <= 0\.005"


@only([MLAS, OPENVINO])
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
    found = failures(run, volumes=mounted(altered(run, code, tmp_path, name), path))
    assert re.fullmatch(DROP, found["digits: int8 accuracy drop"])
    agreement = found["digits: agreement"]
    assert re.fullmatch(r"digits: agreement: 0\.\d{4}, should be >= 0\.98", agreement)


@only([PYTORCH])
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
    found = failures(run, volumes=mounted(changed, path))
    accuracy = found["digits: fp32 accuracy"]
    assert re.fullmatch(r"digits: fp32 accuracy: 0\.\d{4}, should be >= 0\.98", accuracy)


@only([PYTORCH])
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
    found = failures(run, volumes=mounted(changed, path))
    assert re.fullmatch(DROP, found["digits: int8 accuracy drop"])
