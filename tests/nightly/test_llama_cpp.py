"""llama.cpp's image, of a wheel that is built here: INT8 that is none is caught."""

import re
from pathlib import Path

import pytest

from tests.integration.breaking import DATA, LLAMA_CPP, adapter, failures
from tests.integration.containers import Run, mounted, outcome, python, selftest

pytestmark = pytest.mark.parametrize("variant", [LLAMA_CPP], indirect=True)

TASKS = ("generation", "numbers")
LINEAR = "numbers: int8 kernels: linear"
MODELS = f"{DATA}/llama-cpp"
USED = f"""
from pathlib import Path
from llama_cpp import Llama, llama_print_system_info
model = Llama("{MODELS}/q8_0.gguf", n_ctx=64, verbose=False)
answer = model("40213=", max_tokens=9, temperature=0.0)
print(answer["choices"][0]["text"].strip())
print(answer["usage"]["completion_tokens"])
maps = Path("/proc/self/maps").read_text()
loaded = {{line.rpartition("/")[2] for line in maps.splitlines() if "/libggml-cpu-" in line}}
home = Path("/usr/local/lib/python3.11/dist-packages/llama_cpp/lib")
print(len(loaded), len(list(home.glob("libggml-cpu-*.so"))))
import llama_cpp.mtmd_cpp
"""


def test_users_complete_a_text_with_one_of_many_backends(run: Run) -> None:
    assert python(run, USED).splitlines() == ["forty thousand two hundred thirteen", "5", "1 14"]


def test_an_import_says_nothing(run: Run) -> None:
    assert outcome(run, ["python3", "-c", "import llama_cpp"]) == (0, "", "")


def test_each_layer_runs_in_q8_0(run: Run) -> None:
    code, report = selftest(run)
    assert code == 0
    assert tuple(task["name"] for task in report["tasks"]) == TASKS
    for task in report["tasks"]:
        (linear,) = (one for one in task["int8"]["kernels"] if one["operator"] == "linear")
        assert (linear["types"], linear["count"]) == ("s8*s8->f32", 150)
        assert re.fullmatch(r"ggml-cpu-\w+/mul_mat", linear["implementation"])
        assert task["unit"] == "tokens"


def test_float32_in_place_of_q8_0_is_caught(run: Run, tmp_path: Path) -> None:
    volumes = adapter(tmp_path, "llama_cpp.py", '"q8_0.gguf"', '"f32.gguf"')
    found = failures(run, volumes=volumes)
    assert re.search(r"linear ran ggml-cpu-\w+/mul_mat \(not int8: f32\), this CPU ", found[LINEAR])


def test_a_graph_that_nobody_can_read_is_no_evidence(run: Run, tmp_path: Path) -> None:
    volumes = adapter(tmp_path, "ggml.py", "NAME(address) != result.name", "result.name")
    found = failures(run, volumes=volumes)
    assert "ran unseen (ggml's tensors have a format that we do not know)" in found[LINEAR]


def test_a_model_that_is_cut_off_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q8_0.gguf").write_bytes(b"GGUF\3\0\0\0")
    volumes = mounted(tmp_path / "q8_0.gguf", f"{MODELS}/q8_0.gguf")
    code, stdout, stderr = outcome(run, ["selftest"], volumes=volumes)
    assert (code, stdout) == (2, "")
    said = rf"selftest: {MODELS}/q8_0\.gguf: missing or corrupt \(.+\); pull the image again, .+"
    assert re.fullmatch(said, stderr.splitlines()[-1])


def test_a_quota_limits_the_threads_of_those_who_ask_for_more(run: Run) -> None:
    """llama.cpp's threads are counted by its caller: by default, half of the machine's CPUs."""
    code = f"""
import os, sys
from llama_cpp import Llama
model = Llama("{MODELS}/q8_0.gguf", n_ctx=64, n_threads=7, n_threads_batch=7, verbose=False)
before = len(os.listdir("/proc/self/task"))
model("7=", max_tokens=2)
print(len(os.listdir("/proc/self/task")) - before)
"""
    assert python(run, code, nano_cpus=1_000_000_000) == "0"
    assert python(run, code, environment={"INFERPACK_THREADS": "0"}) == "6"
