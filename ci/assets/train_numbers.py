"""Trains a small Transformer that translates numbers into English words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from selftest.numbers import DIGITS, MOST_DIGITS, MOST_WORDS, PAD, WORDS, sentences, translations

SEED = 20
WIDTH, HIDDEN, HEADS = 256, 512, 2
"""All multiples of 64: INT8 kernels compute whole blocks."""

STEPS, BATCH = 1600, 128
TEST_NUMBERS = 256
LONGEST = 777777  # needs nine words
START, END = len(WORDS), len(WORDS) + 1
"""Of the decoder; END also closes what the encoder reads."""

NONE = len(WORDS) + 2
TOKENS_OUT, TOKENS_IN = len(WORDS) + 3, len(DIGITS) + 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """`train` draws a batch; `test` is held out from it."""

    train: Callable[[int], list[int]]
    test: tuple[int, ...]


class Translator(nn.Module):
    """One layer each; normalises before each part, as what trains well does."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.Embedding(TOKENS_IN, WIDTH)
        self.target = nn.Embedding(TOKENS_OUT, WIDTH)
        self.source_position = nn.Parameter(torch.zeros(MOST_DIGITS + 1, WIDTH))
        self.target_position = nn.Parameter(torch.zeros(MOST_WORDS + 1, WIDTH))
        self.transformer = nn.Transformer(
            WIDTH, HEADS, 1, 1, HIDDEN, dropout=0.0, batch_first=True, norm_first=True
        )
        self.choose = nn.Linear(WIDTH, TOKENS_OUT)

    def forward(self, digits: Tensor, words: Tensor) -> Tensor:
        """Logits of each next word."""
        missing = digits == TOKENS_IN - 1
        out = self.transformer(
            self.source(digits) + self.source_position[: digits.shape[1]],
            self.target(words) + self.target_position[: words.shape[1]],
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(words.shape[1]),
            src_key_padding_mask=missing,
            memory_key_padding_mask=missing,
        )
        logits: Tensor = self.choose(out)
        return logits


def load() -> Numbers:
    """Each length of a number is as likely as another."""
    chance = random.Random(SEED)  # noqa: S311 - to repeat it, not to hide it

    def draw(fewest: int) -> int:
        length = chance.randint(fewest, MOST_DIGITS)
        return chance.randrange(10 ** (length - 1) if length > 1 else 0, 10**length)

    drawn = dict.fromkeys([LONGEST])
    while len(drawn) < TEST_NUMBERS:
        drawn[draw(3)] = None

    def batch(size: int) -> list[int]:
        numbers = []
        while len(numbers) < size:
            number = draw(1)
            if number not in drawn:
                numbers.append(number)
        return numbers

    return Numbers(train=batch, test=tuple(drawn))


def tensors(numbers: list[int]) -> tuple[Tensor, Tensor]:
    """What the encoder reads, and what the decoder starts with, writes and ends with."""
    digits = torch.from_numpy(sentences(numbers))
    ended = torch.full((len(numbers), MOST_DIGITS + 1), TOKENS_IN - 1)
    lengths = (digits != PAD).sum(1, keepdim=True)
    ended[:, :-1] = torch.where(digits == PAD, TOKENS_IN - 1, digits)
    ended.scatter_(1, lengths, TOKENS_IN - 2)
    words = torch.from_numpy(translations(numbers))
    lengths = (words != PAD).sum(1, keepdim=True)
    out = torch.full((len(numbers), MOST_WORDS + 2), NONE)
    out[:, 0] = START
    out[:, 1:-1] = torch.where(words == PAD, NONE, words)
    out.scatter_(1, lengths + 1, END)
    return ended, out


def train(numbers: Numbers) -> Translator:
    """Seeded: same machine, same weights, rounded to what float16 holds exactly."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    model = Translator()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, STEPS, pct_start=0.1)
    loss_of = nn.CrossEntropyLoss(ignore_index=NONE)
    for step in range(STEPS):
        digits, words = tensors(numbers.train(BATCH))
        optimiser.zero_grad()
        logits = model(digits, words[:, :-1])
        loss = loss_of(logits.flatten(0, 1), words[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    return model.eval()
