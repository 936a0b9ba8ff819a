"""A small model becomes as large as one likes, without another answer."""

import os
from pathlib import Path

import pytest

from selftest.errors import BrokenInstallation
from selftest.frameworks import gguf
from selftest.frameworks.gguf import Reader, Tensor

DATA = Path(__file__).resolve().parents[2] / "selftest" / "data" / "llama-cpp"
GATE, DOWN = b"blk.0.ffn_gate.weight", b"blk.1.ffn_down.weight"


def contents(data: bytes) -> tuple[bytes, dict[bytes, tuple[Tensor, bytes]]]:
    """What stands before the tensors' descriptions, and each tensor with its data."""
    reader = Reader(data)
    reader.place = 8
    count, values = reader.number("Q"), reader.number("Q")
    for _ in range(values):
        reader.text()
        reader.skip(reader.number("I"))
    head = data[: reader.place]
    tensors = [reader.tensor() for _ in range(count)]
    start = -(-reader.place // gguf.ALIGNMENT) * gguf.ALIGNMENT
    ends = [*(tensor.offset for tensor in tensors[1:]), len(data) - start]
    return head, {
        tensor.name: (tensor, data[start + tensor.offset : start + end])
        for tensor, end in zip(tensors, ends, strict=True)
    }


def wide(name: str, factor: int) -> bytes:
    file = gguf.widened(DATA / name, factor)
    with os.fdopen(file, "rb") as made:
        made.seek(0)
        return made.read()


def test_once_as_wide_is_the_same_file() -> None:
    assert wide("q8_0.gguf", 1) == (DATA / "q8_0.gguf").read_bytes()


@pytest.mark.parametrize("name", ["f32.gguf", "q8_0.gguf"])
def test_hidden_units_are_copied_and_then_ignored(name: str) -> None:
    before, small = contents((DATA / name).read_bytes())
    after, large = contents(wide(name, 3))
    changed = [at for at, both in enumerate(zip(before, after, strict=True)) if both[0] != both[1]]
    assert len(changed) in (1, 2)  # bytes of their number
    assert (large[GATE][0].shape, large[GATE][1]) == ((128, 768), small[GATE][1] * 3)
    row = len(small[DOWN][1]) // 128
    rows = [large[DOWN][1][at : at + 3 * row] for at in range(0, len(large[DOWN][1]), 3 * row)]
    assert b"".join(one[:row] for one in rows) == small[DOWN][1]
    assert not any(any(one[row:]) for one in rows)
    same = {name for name in small if b"ffn_" not in name or b"norm" in name}
    assert {name: large[name][1] for name in same} == {name: small[name][1] for name in same}


@pytest.mark.parametrize("data", [b"", b"GGUF", b"GGUF\x09" + bytes(40), b"none" * 20])
def test_what_is_no_model_is_told_in_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(data)
    with pytest.raises(BrokenInstallation, match=r"bad\.gguf: missing or corrupt"):
        gguf.widened(tmp_path / "bad.gguf", 2)
