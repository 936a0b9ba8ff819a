# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "gguf==0.19.0",
#     "numpy==2.4.6",
#     "torch==2.13.0",
# ]
# ///
"""Writes selftest/data/llama-cpp: a small Llama in F32 and Q8_0, and the numbers it never saw.

    uv run --script ci/assets/tiny_gguf.py [FOLDER]

Takes some minutes. Reproducible: on one kind of machine, two runs write the same bytes.
"""

# ruff: noqa: E402 - the environment counts when a library loads
from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import gguf
import numpy as np
import train_llama
import train_numbers
from numpy.typing import NDArray

from selftest import language
from selftest.numbers import translations

ACCURACY_MIN = 0.98
NAME = "numbers in words"
CONTEXT = 256  # what llama.cpp rounds each line up to
TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {"f32": gguf.LlamaFileType.ALL_F32, "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
ENDINGS = ("<unk>", "<s>", "</s>")


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = train_numbers.load()
    text = "".join(f"{number}\n" for number in numbers.test)
    (folder / "numbers.txt").write_text(text, encoding="ascii")
    model = train_llama.train(numbers)
    check(model, numbers.test)
    for precision in TYPES:
        save(model, folder / f"{precision}.gguf", precision)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:8} {path.name}")


def check(model: train_llama.Llama, numbers: tuple[int, ...]) -> None:
    """Prints how many answers are right in every word; fails when too few are."""
    found = language.answers(train_llama.answered(model, numbers))
    share = float((found == translations(numbers)).all(1).mean())
    print(f"torch fp32: accuracy {share:.4f}")
    if share < ACCURACY_MIN:
        raise SystemExit(f"accuracy is under {ACCURACY_MIN}")


def save(model: train_llama.Llama, path: Path, precision: str) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(NAME)
    writer.add_file_type(FILE_TYPES[precision])
    describe(writer)
    vocabulary(writer)
    for name, parameter in model.state_dict().items():
        array: NDArray[np.float32] = parameter.numpy()
        kind = TYPES[precision] if array.ndim == 2 else TYPES["f32"]
        stored = gguf.quants.quantize(array, kind)
        writer.add_tensor(name, stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(train_llama.WIDTH)
    writer.add_feed_forward_length(train_llama.HIDDEN)
    writer.add_block_count(train_llama.LAYERS)
    writer.add_head_count(train_llama.HEADS)
    writer.add_head_count_kv(train_llama.HEADS)
    writer.add_layer_norm_rms_eps(train_llama.EPSILON)
    writer.add_rope_dimension_count(train_llama.HEAD)
    writer.add_rope_freq_base(train_llama.BASE)
    writer.add_vocab_size(train_llama.TOKENS)


def vocabulary(writer: gguf.GGUFWriter) -> None:
    """SentencePiece's kind, without merges: digits are single letters, and words stand whole."""
    spare = (f"<{number}>" for number in range(len(language.VOCABULARY), train_llama.TOKENS))
    tokens = [*language.VOCABULARY, *spare]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([kind_of(number, token) for number, token in enumerate(tokens)])
    writer.add_unk_token_id(language.UNKNOWN_TOKEN)
    writer.add_bos_token_id(language.START)
    writer.add_eos_token_id(language.END)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)


def kind_of(number: int, token: str) -> gguf.TokenType:
    if number == language.UNKNOWN_TOKEN:
        return gguf.TokenType.UNKNOWN
    if token in ENDINGS:
        return gguf.TokenType.CONTROL
    if number >= len(language.VOCABULARY):
        return gguf.TokenType.UNUSED
    if token == language.LINE:
        return gguf.TokenType.BYTE
    return gguf.TokenType.USER_DEFINED if token.startswith(" ") else gguf.TokenType.NORMAL


if __name__ == "__main__":
    data = ROOT / "selftest" / "data" / "llama-cpp"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else data)
