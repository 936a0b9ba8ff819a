"""Models and digits that a download cut off."""

from pathlib import Path

import pytest

from inferpack import cli
from inferpack.model import Variant
from tests.integration.breaking import DATA, MLAS, OPENVINO, PYTORCH, SELFTEST, TENSORFLOW
from tests.integration.containers import Run, mounted

WEIGHTS = {
    MLAS: "onnxruntime/int8.onnx",
    OPENVINO: "openvino/int8.bin",
    PYTORCH: "weights.npz",
    TENSORFLOW: "weights.npz",
}


@pytest.mark.parametrize("variant", list(WEIGHTS), indirect=True)
@pytest.mark.parametrize("name", ["digits.npz", "weights"])
def test_a_corrupt_file_is_one_clear_line(
    run: Run, variant: Variant, tmp_path: Path, name: str
) -> None:
    """As a download that was cut off leaves it."""
    file = WEIGHTS[variant.id] if name == "weights" else name
    whole = (cli.ROOT / "selftest/data" / file).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) // 2])
    finished = run(["selftest", "--json"], volumes=mounted(cut, f"{DATA}/{file}"))
    assert (finished.code, finished.stdout) == (2, ""), finished.stderr
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"selftest: {SELFTEST}/data/{Path(file).with_suffix('')}")
    assert "pull the image again" in line
