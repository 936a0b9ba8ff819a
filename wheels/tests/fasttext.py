"""Trains a small classifier on sentences of our own, quantises it, and compares the two.

The last line of stdout says what was seen; anything wrong is one line on stderr, and exit code 1.
"""

import random
import sys
import tempfile
from pathlib import Path

import fasttext
import numpy as np

LABELS = {
    "__label__kitchen": "pan oven flour butter salt whisk dough knife broth pepper stew spoon",
    "__label__harbour": "ship crane tide anchor rope dock sailor cargo buoy mast ferry pier",
    "__label__garden": "seed spade rose hedge compost lawn tulip rake beetle pond moss shed",
    "__label__station": "train track ticket platform signal whistle guard bridge wagon clock map",
}
FILLERS = "the a near old quiet big every some this under with after"
DIM = 16


def sentence(words: str, chosen: random.Random) -> str:
    """Five words of a subject between as many that say nothing."""
    picked = [*chosen.sample(words.split(), 5), *chosen.sample(FILLERS.split(), 5)]
    return " ".join(chosen.sample(picked, len(picked)))


def examples(count: int, seed: int) -> list[tuple[str, str]]:
    """(label, sentence) pairs, as many of each label."""
    chosen = random.Random(seed)  # noqa: S311  the same sentences every time
    return [
        (label, sentence(words, chosen)) for _ in range(count) for label, words in LABELS.items()
    ]


def accuracy(model: "fasttext.FastText._FastText", asked: list[tuple[str, str]]) -> float:
    """The share of right answers; a probability must be one."""
    right = 0
    for label, text in asked:
        (answer,), probabilities = model.predict(text)
        insist(isinstance(probabilities, np.ndarray), "predict gives no NumPy array")
        insist(0 < probabilities[0] <= 1.001, f"a probability of {probabilities[0]}")
        right += answer == label
    return right / len(asked)


def insist(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"fasttext {fasttext.__file__}: {otherwise}")


def main() -> None:
    asked = examples(25, seed=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = folder / "train.txt"
        text.write_text("".join(f"{label} {line}\n" for label, line in examples(150, seed=1)))
        # One thread, so that it learns the same every time
        model = fasttext.train_supervised(
            str(text), dim=DIM, epoch=10, lr=0.5, bucket=2_000, wordNgrams=2, thread=1, verbose=0
        )
        full = accuracy(model, asked)
        insist(full >= 0.98, f"accuracy {full:.3f} after training")
        vector = model.get_word_vector("anchor")
        insist(vector.shape == (DIM,) and bool(np.isfinite(vector).all()), "a bad word vector")
        model.save_model(str(folder / "full.bin"))
        read = fasttext.load_model(str(folder / "full.bin"))
        insist(
            np.array_equal(read.get_word_vector("anchor"), vector),
            "a saved model reads differently",
        )
        model.quantize(input=str(text), retrain=False, qnorm=True, thread=1, verbose=0)
        insist(model.is_quantized(), "quantize left it as it was")
        model.save_model(str(folder / "small.ftz"))
        small = accuracy(fasttext.load_model(str(folder / "small.ftz")), asked)
        insist(small >= full - 0.02, f"accuracy {small:.3f} quantised, {full:.3f} before")
        before, after = ((folder / name).stat().st_size for name in ("full.bin", "small.ftz"))
        insist(after < before / 2, f"{after} bytes quantised, {before} before")
    print(f"accuracy {full:.3f}, quantised {small:.3f}; {before} bytes, quantised {after}")


if __name__ == "__main__":
    main()
