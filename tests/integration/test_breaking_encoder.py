"""INT8 linear layers of a transformer, broken one by one: a single one in FP32 is one too many."""

import functools
import re
from pathlib import Path

import pytest

from inferpack import cli
from inferpack.model import Variant
from tests.integration.breaking import (
    DATA,
    MLAS,
    OPENVINO,
    PYTORCH,
    adapter,
    altered,
    assert_slow_linear_is_judged,
    failures,
)
from tests.integration.conftest import proven
from tests.integration.containers import Run, mounted

only = functools.partial(pytest.mark.parametrize, "variant", indirect=True)
encoders = only([MLAS, OPENVINO, PYTORCH])

LINEAR = "encoder: int8 kernels: linear"


def ran(what: str) -> str:
    """A regular expression for why a linear layer does not do on this machine's CPU."""
    row = re.escape("+".join(proven(MLAS).report.row or ()))
    return f"{LINEAR} ran {what}, this CPU \\({row}\\) should run .*int8.*"


FP32_IN_INT8 = {
    MLAS: (
        "onnx_encoder.py",
        "        read, scale = x\n",
        "        read, scale = x\n"
        "        if name == 'layer2.out':\n"
        "            return _Fp32.linear(self, name, read)\n",
        "CPUExecutionProvider/Gemm",
    ),
    OPENVINO: (
        "openvino_encoder.py",
        "        return stored(self._weights[name])\n",
        "        if name == 'layer2.out.weight':\n"
        "            return super()._weight(name)\n"
        "        return stored(self._weights[name])\n",
        r"(\S+ \(fast int8 for \w+\), )?\S+",  # without oneDNN's names, which no longer fit
    ),
    PYTORCH: (
        "pytorch_encoder.py",
        "        values, scale = x\n",
        "        values, scale = x\n"
        "        if name == 'layer2.out':\n"
        "            real = (values.float() - scale.zero_point) * scale.scale\n"
        "            return Fp32.linear(self, name, real)\n",
        "mkl:sgemm",
    ),
}


@encoders
def test_a_single_linear_layer_in_fp32_is_caught(
    run: Run, variant: Variant, tmp_path: Path
) -> None:
    """The answers stay right, and it is hardly slower."""
    *change, kernel = FP32_IN_INT8[variant.id]
    found = failures(run, volumes=adapter(tmp_path, *change))
    assert re.fullmatch(ran(rf"{kernel} \(not int8: f32\)"), found[LINEAR])
    assert not any(title.startswith("digits") for title in found)
    assert not {"encoder: int8 accuracy drop", "encoder: agreement"} & set(found)


@only([PYTORCH])
def test_a_reference_kernel_for_one_linear_layer_is_caught(run: Run, tmp_path: Path) -> None:
    source = "        values, scale = x\n"
    signed = "        if name == 'layer2.out':\n            values = values.div(2).to(torch.int8)\n"
    volumes = adapter(tmp_path, "pytorch_encoder.py", source, source + signed)
    assert_slow_linear_is_judged(run, "encoder", volumes)


@only([MLAS])
def test_attention_in_the_place_of_a_linear_layer_is_caught(run: Run, tmp_path: Path) -> None:
    """A product of two activations is none of the promised layers, whatever it is computed by."""
    change = ('        kind = "attention"\n', '        kind = "linear"\n')
    found = failures(run, volumes=adapter(tmp_path, "profile.py", *change))
    assert re.fullmatch(ran(r".*MatMul \(not int8: f32\)"), found[LINEAR])


@encoders
def test_wrong_weights_are_caught(run: Run, tmp_path: Path) -> None:
    path = f"{DATA}/encoder.npz"
    code = f"""
import base64, io, numpy
weights = dict(numpy.load("{path}"))
weights["layer1.query.weight"] = weights["layer1.query.weight"][::-1]
out = io.BytesIO()
numpy.savez(out, **weights)
print(base64.b64encode(out.getvalue()).decode())
"""
    changed = altered(run, code, tmp_path, "encoder.npz")
    found = failures(run, volumes=mounted(changed, path))
    accuracy = found["encoder: fp32 accuracy"]
    assert re.fullmatch(r"encoder: fp32 accuracy: 0\.\d{4}, should be >= 0\.98", accuracy)


@encoders
def test_a_corrupt_file_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    whole = (cli.ROOT / "selftest/data/encoder.npz").read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) // 2])
    finished = run(["selftest", "--json"], volumes=mounted(cut, f"{DATA}/encoder.npz"))
    assert (finished.code, finished.stdout) == (2, ""), finished.stderr
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"selftest: {DATA}/encoder.npz: missing or corrupt")
