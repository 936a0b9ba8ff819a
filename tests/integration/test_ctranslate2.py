"""CTranslate2's image: INT8 that runs elsewhere, or not at all, is caught."""

import re
from pathlib import Path

import pytest

from tests.integration.breaking import CTRANSLATE2, DATA, adapter, failures
from tests.integration.containers import Run, mounted, outcome, python, selftest

pytestmark = pytest.mark.parametrize("variant", [CTRANSLATE2], indirect=True)

LINEAR = "numbers: int8 kernels: linear"
MODEL = f"{DATA}/ctranslate2"
USED = f"""
import ctranslate2, numpy
model = ctranslate2.Translator("{MODEL}", compute_type="int8")
(result,) = model.translate_batch([list("40213")], beam_size=4, return_scores=True)
print(" ".join(result.hypotheses[0]))
assert model.compute_type == "int8_float32" and result.scores[0] < 0
assert numpy.asarray(ctranslate2.StorageView.from_array(numpy.ones(3, "f"))).sum() == 3
try:
    import ctranslate2.converters
except ModuleNotFoundError as err:
    print(err)
"""


def test_users_translate_and_convert_elsewhere(run: Run) -> None:
    assert python(run, USED).splitlines() == [
        "forty thousand two hundred thirteen",
        "No module named 'ctranslate2.converters'",
    ]


def test_each_layer_runs_in_onednns_int8(run: Run) -> None:
    code, report = selftest(run)
    assert code == 0
    (task,) = report["tasks"]
    found = {
        (one["operator"], one["types"], one["implementation"], one["count"])
        for one in task["int8"]["kernels"]
        if one["operator"] in task["operators"]
    }
    assert found == {("linear", "u8*s8->s32", "oneDNN/gemm", 68)}


def test_mkl_is_not_the_backend_that_the_image_is_named_for(run: Run) -> None:
    """On this wheel's other library, by the switch that we set."""
    found = failures(run, environment={"CT2_USE_MKL": "1"})
    assert "linear ran MKL/gemm (unnamed int8), this CPU " in found[LINEAR]


def test_lesser_instructions_are_caught(run: Run) -> None:
    found = failures(run, environment={"ONEDNN_MAX_CPU_ISA": "SSE41"})
    assert "linear ran oneDNN/gemm (slow int8 for sse4), this CPU " in found[LINEAR]


def test_float32_in_place_of_int8_is_caught(run: Run, tmp_path: Path) -> None:
    found = failures(run, volumes=adapter(tmp_path, "ctranslate2.py", ': "int8"}', ': "float32"}'))
    assert "linear ran oneDNN/gemm (not int8: f32), this CPU " in found[LINEAR]


def test_a_log_whose_format_has_changed_is_no_evidence(run: Run, tmp_path: Path) -> None:
    old = "return done.stdout"
    volumes = adapter(tmp_path, "gemm.py", old, f"{old}.replace(',exec,', ',run,')")
    found = failures(run, volumes=volumes)
    assert set(found) == {"numbers: fp32 kernels", LINEAR}
    assert "ran unseen (oneDNN's verbose log shows no matrix product)" in found[LINEAR]


def test_a_model_that_is_cut_off_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\6\0\0\0")
    volumes = mounted(tmp_path / "model.bin", f"{MODEL}/model.bin")
    code, stdout, stderr = outcome(run, ["selftest"], volumes=volumes)
    assert (code, stdout) == (2, "")
    said = rf"selftest: {MODEL}: ctranslate2 cannot load it \(.+\); pull the image again, .+\n"
    assert re.fullmatch(said, stderr)


def test_there_is_no_bench(run: Run) -> None:
    code, stdout, stderr = outcome(run, ["selftest", "--bench", "5"])
    assert (code, stdout) == (2, "")
    assert stderr.startswith("selftest: ctranslate2: runs none of the bench's networks; ")
