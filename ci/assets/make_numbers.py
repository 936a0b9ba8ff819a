# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "ctranslate2==4.8.5",
#     "numpy==2.4.6",
#     "torch==2.13.0",
# ]
# ///
"""Writes selftest/data/ctranslate2: a small translation model and the numbers it never saw.

    uv run --script ci/assets/make_numbers.py [FOLDER]

Takes some minutes. Reproducible: on one kind of machine, two runs write the same bytes.
"""

# ruff: noqa: E402 - the environment counts when a library loads
from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
warnings.filterwarnings("ignore")

import export_ctranslate2
import train_numbers

from selftest.numbers import words

ACCURACY_MIN = 0.98


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = train_numbers.load()
    text = "".join(f"{number}\n" for number in numbers.test)
    (folder / "numbers.txt").write_text(text, encoding="ascii")
    export_ctranslate2.save(train_numbers.train(numbers), folder)
    check(folder, numbers.test)


def check(folder: Path, numbers: tuple[int, ...]) -> None:
    """Prints how many translations are right in every word; fails when FP32 is not good."""
    right = [list(words(number)) for number in numbers]
    for compute_type in ("float32", "int8"):
        answers = export_ctranslate2.translated(
            folder, [list(str(number)) for number in numbers], compute_type
        )
        share = sum(a == b for a, b in zip(answers, right, strict=True)) / len(numbers)
        print(f"ctranslate2 {compute_type}: accuracy {share:.4f}")
        if compute_type == "float32" and share < ACCURACY_MIN:
            raise SystemExit(f"FP32 accuracy is under {ACCURACY_MIN}")
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:8} {path.name}")


if __name__ == "__main__":
    data = ROOT / "selftest" / "data" / "ctranslate2"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else data)
