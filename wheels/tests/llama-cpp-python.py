"""Lets a small Llama of our own write numbers in words, in F32 and Q8_0, and compares the two.

Its only argument is the folder with both models. The last line of stdout says what was seen;
anything wrong is one line on stderr, and exit code 1.
"""

import re
import sys
import time
from pathlib import Path

import llama_cpp
import numpy as np

SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS = 40
MOST_WORDS = 9
LEAST = 0.97  # of the answers are right in every word
LONG = b"777777=" * 8
BACKEND = re.compile(r"\S*/libggml-cpu-[\w.-]+\.so$", re.MULTILINE)


def words(number: int) -> str:
    """In American English: no 'and'."""
    thousands, rest = divmod(number, 1000)
    if thousands:
        return f"{words(thousands)} thousand" + (f" {words(rest)}" if rest else "")
    hundreds, rest = divmod(number, 100)
    if hundreds:
        return f"{SMALL[hundreds]} hundred" + (f" {words(rest)}" if rest else "")
    if number < len(SMALL):
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f" {SMALL[ones]}" if ones else "")


def insist(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"llama-cpp-python {llama_cpp.__file__}: {otherwise}")


def backend() -> Path:
    """The CPU backend that it has loaded: one, and out of the wheel."""
    maps = Path("/proc/self/maps").read_text(errors="replace")
    found = {Path(line.rsplit(" ", 1)[-1]) for line in BACKEND.findall(maps)}
    insist(len(found) == 1, f"loaded CPU backends: {', '.join(map(str, sorted(found))) or 'none'}")
    (path,) = found
    home = Path(llama_cpp.__file__).parent / "lib"
    insist(path.parent == home, f"{path} is not the wheel's")
    insist(len(list(home.glob("libggml-cpu-*.so"))) > 1, f"{home} has one CPU backend only")
    if (home / "libggml-blas.so").exists():
        insist("/libggml-blas.so" in maps, "its BLAS is not loaded")
        insist("/libopenblas" in maps, "no OpenBLAS is loaded")
    return path


def written(model: llama_cpp.Llama, numbers: list[int]) -> tuple[list[str], float]:
    """What it goes on with behind each number, and its tokens a second."""
    before, tokens, found = time.perf_counter(), 0, []
    for number in numbers:
        answer = model(f"{number}=", max_tokens=MOST_WORDS, temperature=0.0)
        found.append(answer["choices"][0]["text"].strip())
        tokens += answer["usage"]["total_tokens"]
    return found, tokens / (time.perf_counter() - before)


def share(found: list[str], right: list[str]) -> float:
    return sum(one == other for one, other in zip(found, right, strict=True)) / len(right)


def logits(model: llama_cpp.Llama, text: bytes, together: int) -> "np.ndarray":
    """Behind the text, of which `together` tokens are read at once."""
    model.reset()
    tokens = model.tokenize(text, add_bos=False)
    for start in range(0, len(tokens), together):
        model.eval(tokens[start : start + together])
    values = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    return np.ctypeslib.as_array(values, (model.n_vocab(),)).copy()


def difference(one: "np.ndarray", other: "np.ndarray") -> float:
    return float(np.abs(one - other).max() / np.abs(one).max())


def main() -> None:
    folder, loaded = Path(sys.argv[1]), backend()
    import llama_cpp.mtmd_cpp  # noqa: PLC0415  it loads a library of its own

    numbers = [int(line) for line in (folder / "numbers.txt").read_text().split()[:NUMBERS]]
    right, seen, last = [words(number) for number in numbers], [], []
    for name in ("f32", "q8_0"):
        path = str(folder / f"{name}.gguf")
        model = llama_cpp.Llama(path, n_ctx=64, n_threads=1, verbose=False)
        answers, pace = written(model, numbers)
        good = share(answers, right)
        insist(good >= LEAST, f"{name}: {good:.1%} right: {answers}")
        seen.append(f"{name.upper()} {good:.1%} right, {pace:,.0f} tokens/s")
        # Many tokens at once are multiplied by other code, BLAS where there is one.
        off = difference(*(logits(model, LONG, together) for together in (64, 1)))
        insist(off < 0.02, f"{name}: logits depend on how much is read at once, by {off:.1%}")
        last.append(logits(model, b"777777=", 7))
    off = difference(*last)
    insist(0 < off < 0.1, f"logits of Q8_0 are off those of F32 by {off:.1%}")
    print(f"{loaded.name}; {'; '.join(seen)}; logits differ by {off:.2%}")


if __name__ == "__main__":
    main()
