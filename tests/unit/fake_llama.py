"""A llama.cpp that knows every number's words, behind as much of its C interface as we use."""

from __future__ import annotations

import ctypes
import os
from collections import defaultdict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from selftest import language
from selftest.language import ASK, END, FIRST_DIGIT, FIRST_WORD
from selftest.numbers import WORDS, words

OPERATIONS, TYPES = ("ADD", "MUL_MAT", "FLASH_ATTN_EXT"), ("f32", "f16", "q8_0")
VOCABULARY = 48
INT32 = ctypes.POINTER(ctypes.c_int32)


class Batch(ctypes.Structure):
    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", INT32),
        ("embd", ctypes.POINTER(ctypes.c_float)),
        ("pos", INT32),
        ("n_seq_id", INT32),
        ("seq_id", ctypes.POINTER(INT32)),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


class Context:
    """`type`: of the model's weights."""

    def __init__(self, path: str, settings: Any) -> None:
        self.path, self.settings = path, settings
        self.type = "q8_0" if "q8_0" in os.path.realpath(path) else "f32"
        self.lines: dict[int, list[int]] = defaultdict(list)
        self.logits = (ctypes.c_float * 0)()
        self.freed = False

    def decode(self, batch: Batch) -> int:
        chosen = []
        for at in range(batch.n_tokens):
            assert batch.n_seq_id[at] == 1
            line = self.lines[batch.seq_id[at][0]]
            assert batch.pos[at] == len(line)
            line.append(batch.token[at])
            if batch.logits[at]:
                chosen.append(following(line))
        self.logits = (ctypes.c_float * (VOCABULARY * len(chosen)))()
        for row, token in enumerate(chosen):
            self.logits[row * VOCABULARY + token] = 1.0
        if callback := getattr(self.settings, "cb_eval", None):
            for tensor in self.graph():
                assert not callback(ctypes.addressof(tensor), True, None)
        return 0

    def graph(self) -> list[Any]:
        """What reads a token once multiplies by, and something beside it."""
        layers = [tensor("MUL_MAT", f"layer {at}", self.type) for at in range(language.LINEARS)]
        return [tensor("ADD", "", "f32"), *layers, tensor("FLASH_ATTN_EXT", "cache", "f16")]


def following(line: list[int]) -> int:
    asked = line.index(ASK)
    number = int("".join(str(token - FIRST_DIGIT) for token in line[:asked]))
    answer = [*(WORDS.index(word) + FIRST_WORD for word in words(number)), END]
    return answer[len(line) - asked - 1]


def tensor(operation: str, name: str, type_: str) -> Any:
    from selftest.frameworks.ggml import Tensor

    suffix = ".weight" if operation == "MUL_MAT" else ""
    factor = Tensor(type=TYPES.index(type_), name=f"{name}{suffix}".encode())
    result = Tensor(operation=OPERATIONS.index(operation), name=b"result")
    result.sources[0] = ctypes.addressof(factor)
    result.kept = factor
    return result


class Function:
    """Like one of a ctypes library: its types can be set."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def __call__(self, argument: int) -> bytes:
        found: str | bytes = self.run(argument)
        return found if isinstance(found, bytes) else found.encode()


def name_of(address: int) -> bytes:
    from selftest.frameworks.ggml import Tensor

    return bytes(Tensor.from_address(address).name)


LIBGGML = {
    "ggml_op_name": Function(OPERATIONS.__getitem__),
    "ggml_type_name": Function(TYPES.__getitem__),
    "ggml_get_name": Function(name_of),
}


def load(path: bytes, _settings: object) -> str | None:
    """A model is its path; a file that is none cannot be loaded."""
    return path.decode() if Path(path.decode()).read_bytes().startswith(b"GGUF") else None


def modules() -> dict[str, ModuleType]:
    library, internal = ModuleType("llama_cpp"), ModuleType("llama_cpp._ggml")
    contexts: list[Context] = []

    def open_(model: str, settings: Any) -> Context:
        contexts.append(Context(model, settings))
        return contexts[-1]

    def free(context: Context) -> None:
        context.freed = True

    vars(library).update(
        contexts=contexts,
        llama_batch=Batch,
        llama_model_default_params=SimpleNamespace,
        llama_context_default_params=SimpleNamespace,
        llama_model_load_from_file=load,
        llama_model_get_vocab=lambda model: model,
        llama_vocab_n_tokens=lambda _: VOCABULARY,
        llama_init_from_model=open_,
        llama_get_memory=lambda context: context,
        llama_memory_clear=lambda context, _: context.lines.clear(),
        llama_decode=Context.decode,
        llama_get_logits=lambda context: ctypes.cast(
            context.logits, ctypes.POINTER(ctypes.c_float)
        ),
        llama_free=free,
        ggml_backend_sched_eval_callback=lambda function: function,
    )
    vars(internal)["libggml"] = LIBGGML
    return {"llama_cpp": library, "llama_cpp._ggml": internal}
