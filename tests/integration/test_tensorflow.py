"""TensorFlow's image: what users do works without what it lost; what INT8 claims can be refused."""

import functools
from pathlib import Path

import pytest

from tests.integration.breaking import adapter, failures
from tests.integration.containers import Run, outcome, selftest

ONEDNN = "tensorflow-onednn-py311-amd64"
pytestmark = pytest.mark.parametrize("variant", [ONEDNN], indirect=True)

CONVOLUTION, LINEAR = "digits: int8 kernels: convolution", "digits: int8 kernels: linear"
ON_ARM = ("tensorflow.py", 'platform.machine() == "x86_64"', "False")
"""INT8 as on Arm, by LiteRT, whose kernels for x86-64 are as nameless."""

USED = """
import os, tempfile
import numpy as np, tensorflow as tf
images = np.ones((4, 8, 8, 1), "f")
folder = tempfile.mkdtemp()
model = tf.keras.Sequential([
    tf.keras.layers.Input((8, 8, 1)),
    tf.keras.layers.Conv2D(8, 3, activation="relu"),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(10),
])
answer = model.predict(images, verbose=0)
def same(other):
    assert np.allclose(answer, other, atol=1e-5)
model.summary()
for name in ("model.keras", "model.h5"):
    model.save(f"{folder}/{name}")
    same(tf.keras.models.load_model(f"{folder}/{name}").predict(images, verbose=0))
model.export(f"{folder}/saved")
loaded = tf.saved_model.load(f"{folder}/saved")
same(loaded.serve(images))
converted = tf.lite.TFLiteConverter.from_saved_model(f"{folder}/saved").convert()
interpreter = tf.lite.Interpreter(model_content=converted)
interpreter.resize_tensor_input(0, images.shape)
interpreter.allocate_tensors()
interpreter.set_tensor(0, images)
interpreter.invoke()
same(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
for compiled in (False, True):
    function = tf.function(lambda x: tf.nn.relu(x @ x), jit_compile=compiled)
    assert function(tf.ones((3, 3))).numpy().sum() == 27
rows = tf.data.Dataset.range(10).batch(5).map(lambda x: 2 * x)
assert [list(row) for row in rows.as_numpy_iterator()] == [[0, 2, 4, 6, 8], [10, 12, 14, 16, 18]]
print("all of it")
"""


def test_what_users_do_with_models_works_in_the_pruned_image(run: Run) -> None:
    code, stdout, stderr = outcome(run, ["python3", "-c", USED], tmpfs={"/tmp": "mode=1777"})
    assert (code, stdout.splitlines()[-1:]) == (0, ["all of it"]), stderr


def test_int8_runs_in_onednn_and_all_of_it(run: Run) -> None:
    code, report = selftest(run)
    assert code == 0
    (task,) = report["tasks"]
    found = {(one["operator"], one["types"]) for one in task["int8"]["kernels"]}
    assert found == {
        ("convolution", "u8*s8->u8"),
        ("pool", "u8"),
        ("linear", "u8*s8->f32"),
    }


def test_a_log_whose_format_has_changed_is_no_evidence(run: Run, tmp_path: Path) -> None:
    old = "log = self._witness.log(task, precision, inputs)"
    volumes = adapter(tmp_path, "tensorflow.py", old, f"{old}.replace(',exec,', ',run,')")
    found = failures(run, volumes=volumes)
    assert "digits: fp32 kernels" in found
    for title in (CONVOLUTION, LINEAR):
        assert "ran unseen (oneDNN's verbose log shows no primitive)" in found[title]


def test_where_no_second_process_is_allowed_there_is_no_evidence(run: Run, tmp_path: Path) -> None:
    change = ("witness.py", "copy = os.fork()", 'raise OSError(11, "no more")')
    found = failures(run, volumes=adapter(tmp_path, *change))
    assert "ran unseen (no second process is allowed (no more))" in found[CONVOLUTION]


def test_with_onednn_switched_off_there_is_no_int8(run: Run) -> None:
    code, stdout, stderr = outcome(run, ["selftest"], environment={"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert (code, stdout) == (2, "")
    said = "selftest: tensorflow: inference failed ("
    assert sum(line.startswith(said) for line in stderr.splitlines()) == 1


def test_litert_is_judged_by_the_instructions_of_its_delegate(run: Run, tmp_path: Path) -> None:
    _, report = selftest(run, volumes=adapter(tmp_path, *ON_ARM))
    (task,) = report["tasks"]
    kernels = {
        one["implementation"]: one["kind"]
        for one in task["int8"]["kernels"]
        if one["operator"] in task["operators"]
    }
    assert kernels == {
        "LiteRT-XNNPACK/CONV_2D": "fast int8",
        "LiteRT-XNNPACK/DEPTHWISE_CONV_2D": "fast int8",
        "LiteRT-XNNPACK/FULLY_CONNECTED": "fast int8",
    }


def test_litert_without_its_delegate_is_caught(run: Run, tmp_path: Path) -> None:
    change = functools.partial(adapter, tmp_path)
    volumes = change(*ON_ARM)
    file = tmp_path / "frameworks/litert.py"
    old = "num_threads=threads)"
    source = file.read_text()
    assert source.count(old) == 1
    plain = "tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    file.write_text(
        source.replace(old, f"num_threads=threads, experimental_op_resolver_type={plain})")
    )
    found = failures(run, volumes=volumes)
    assert "LiteRT/CONV_2D" in found[CONVOLUTION] and "unnamed int8" in found[CONVOLUTION]
    assert "LiteRT/FULLY_CONNECTED" in found[LINEAR]
