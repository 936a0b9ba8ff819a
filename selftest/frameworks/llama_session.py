"""llama.cpp's C interface, as far as reading and writing many short lines at once asks for it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from selftest.errors import BrokenInstallation
from selftest.evidence import NoEvidence
from selftest.language import END

TOKENS = 1024  # in a batch
TOGETHER = 512  # of these, computed together
FLASH_ATTENTION = 1
ROOM = 256  # for tokens of a line: llama.cpp makes no less

Watch = Callable[[int], None]
"""Told the address of each operation's result, before it is computed."""


class Batch:
    """llama.cpp's batch on arrays of ours: each token with its line and its place there."""

    def __init__(self) -> None:
        self.tokens, self.places, self.lines = (np.zeros(TOKENS, np.int32) for _ in range(3))
        self.wanted = np.zeros(TOKENS, np.int8)
        self._ones = np.ones(TOKENS, np.int32)
        self._addresses = self.lines.ctypes.data + 4 * np.arange(TOKENS, dtype=np.uint64)

    def filled(self, count: int) -> Any:
        """The first `count` tokens, as llama_decode takes them."""
        types = dict(llama_cpp.llama_batch._fields_)

        def pointer(name: str, array: NDArray[Any]) -> Any:
            return ctypes.cast(array.ctypes.data, types[name])

        return llama_cpp.llama_batch(
            n_tokens=count,
            token=pointer("token", self.tokens),
            pos=pointer("pos", self.places),
            n_seq_id=pointer("n_seq_id", self._ones),
            seq_id=pointer("seq_id", self._addresses),
            logits=pointer("logits", self.wanted),
        )


class Session:
    """A model, and room for so many lines that it goes on with at the same time."""

    def __init__(self, path: Path, *, lines: int, threads: int) -> None:
        self._lines, self._threads, self._batch = lines, threads, Batch()
        settings = llama_cpp.llama_model_default_params()
        self._model = llama_cpp.llama_model_load_from_file(bytes(path), settings)
        if not self._model:
            raise BrokenInstallation(
                f"{path}: llama.cpp cannot load it; pull the image again, or mount a good copy"
            )
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self._context = self._open(None)

    def _open(self, watch: Any) -> Any:
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = self._lines * ROOM
        settings.n_batch, settings.n_ubatch = TOKENS, TOGETHER
        settings.n_seq_max = self._lines
        settings.n_threads = settings.n_threads_batch = self._threads
        settings.flash_attn_type = FLASH_ATTENTION
        if watch is not None:
            settings.cb_eval = watch
        context = llama_cpp.llama_init_from_model(self._model, settings)
        if not context:
            raise MemoryError("llama.cpp cannot make a context")
        return context

    def continued(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """The likeliest tokens behind each prompt, until END or `most` of them."""
        return self._continued(self._context, prompts, most)

    def watched(self, prompt: Sequence[int], most: int, watch: Watch) -> list[int]:
        """The same of one prompt, in a context of its own that tells what it computes.

        Raises what `watch` raises of NoEvidence.
        """
        problems: list[NoEvidence] = []

        def told(tensor: int, ask: bool, _data: Any) -> bool:
            try:
                if ask and not problems:
                    watch(tensor)
            except NoEvidence as err:  # C passes no exception on
                problems.append(err)
            return False

        callback = llama_cpp.ggml_backend_sched_eval_callback(told)
        context = self._open(callback)
        try:
            (answer,) = self._continued(context, [prompt], most)
        finally:
            llama_cpp.llama_free(context)
        for problem in problems:
            raise problem
        return answer

    def _continued(
        self, context: Any, prompts: Sequence[Sequence[int]], most: int
    ) -> list[list[int]]:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), False)
        found: list[list[int]] = [[] for _ in prompts]
        open_lines = np.arange(len(prompts))
        lengths = np.array([len(prompt) for prompt in prompts])
        chosen = self._read(context, prompts, lengths)
        while True:
            going = chosen != END
            open_lines, chosen = open_lines[going], chosen[going]
            for line, token in zip(open_lines.tolist(), chosen.tolist(), strict=True):
                found[line].append(token)
            if not len(open_lines) or len(found[open_lines[0]]) == most:
                return found
            count = len(open_lines)
            self._batch.tokens[:count] = chosen
            self._batch.lines[:count] = open_lines
            self._batch.places[:count] = lengths[open_lines] + len(found[open_lines[0]]) - 1
            self._batch.wanted[:count] = 1
            chosen = self._likeliest(context, count, count)

    def _read(
        self, context: Any, prompts: Sequence[Sequence[int]], lengths: NDArray[Any]
    ) -> NDArray[Any]:
        count = int(lengths.sum())
        ends = np.cumsum(lengths)
        self._batch.tokens[:count] = np.concatenate(prompts)
        self._batch.lines[:count] = np.repeat(np.arange(len(prompts)), lengths)
        self._batch.places[:count] = np.arange(count) - np.repeat(ends - lengths, lengths)
        self._batch.wanted[:count] = 0
        self._batch.wanted[ends - 1] = 1
        return self._likeliest(context, count, len(prompts))

    def _likeliest(self, context: Any, count: int, wanted: int) -> NDArray[Any]:
        if code := llama_cpp.llama_decode(context, self._batch.filled(count)):
            raise RuntimeError(f"llama_decode returned {code}")
        shape = (wanted, self._vocabulary)
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits(context), shape)
        return np.asarray(logits.argmax(1))
