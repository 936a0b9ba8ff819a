"""Trains a small Llama that goes on after 407= with four hundred seven."""

from __future__ import annotations

import torch
import train_numbers
from torch import Tensor, nn
from torch.nn import functional

from selftest import language
from selftest.numbers import PAD, sentences, translations

SEED = 20
WIDTH, HIDDEN, HEADS, LAYERS = 128, 256, 2, 2
"""Widths are multiples of 64: INT8 kernels compute whole blocks."""

HEAD = WIDTH // HEADS
BASE = 10000.0
EPSILON = 1e-5
TOKENS = 48
"""The vocabulary, and as many more as make whole blocks."""

STEPS, BATCH = 3000, 128
RATE = 3e-3
NONE = -100


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (WIDTH,), self.weight, EPSILON)


class Layer(nn.Module):
    """Attention, and a gated feed-forward network; all without biases."""

    def __init__(self) -> None:
        super().__init__()
        self.attn_norm, self.ffn_norm = Norm(), Norm()
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            setattr(self, name, nn.Linear(WIDTH, WIDTH, bias=False))
        self.ffn_gate = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.ffn_up = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.ffn_down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        read = self.attn_norm(x)
        query, key = (turned(heads(one(read)), turns) for one in (self.attn_q, self.attn_k))
        value = heads(self.attn_v(read))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attn_output(seen.transpose(1, 2).flatten(2))
        read = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(read)) * self.ffn_up(read))


class Llama(nn.Module):
    """Modules are named as GGUF names their tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(TOKENS, WIDTH)
        self.blk = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.output_norm = Norm()
        self.output = nn.Linear(WIDTH, TOKENS, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each next token."""
        x, turns = self.token_embd(tokens), angles(tokens.shape[1])
        for layer in self.blk:
            x = layer(x, turns)
        logits: Tensor = self.output(self.output_norm(x))
        return logits


def heads(x: Tensor) -> Tensor:
    return x.unflatten(2, (HEADS, HEAD)).transpose(1, 2)


def angles(length: int) -> Tensor:
    """(length, HEAD / 2) complex numbers of length 1: RoFormer, https://arxiv.org/abs/2104.09864"""
    speeds = BASE ** (-torch.arange(0, HEAD, 2, dtype=torch.float64) / HEAD)
    turns = torch.outer(torch.arange(length, dtype=torch.float64), speeds)
    return torch.polar(torch.ones_like(turns), turns).to(torch.complex64)


def turned(x: Tensor, turns: Tensor) -> Tensor:
    """Neighbours in pairs, as llama.cpp turns them for this architecture."""
    pairs = torch.view_as_complex(x.unflatten(3, (HEAD // 2, 2)).contiguous())
    return torch.view_as_real(pairs * turns).flatten(3)


def tensors(numbers: list[int]) -> tuple[Tensor, Tensor]:
    """What the model reads, and what should come next; nothing is asked of the prompt's tokens."""
    tokens = torch.full((len(numbers), language.MOST_TOKENS), language.END)
    wanted = torch.full((len(numbers), language.MOST_TOKENS), NONE)
    rows = zip(language.prompts(sentences(numbers)), translations(numbers).tolist(), strict=True)
    for row, (prompt, words) in enumerate(rows):
        answer = [word + language.FIRST_WORD for word in words if word != PAD]
        line = [*prompt, *answer, language.END]
        tokens[row, : len(line)] = torch.tensor(line)
        wanted[row, len(prompt) - 1 : len(line) - 1] = torch.tensor(line[len(prompt) :])
    return tokens, wanted


def train(numbers: train_numbers.Numbers) -> Llama:
    """Seeded: same machine, same weights, rounded to what float16 holds exactly."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    model = Llama()
    for parameter in model.parameters():
        if parameter.dim() == 2:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, STEPS, pct_start=0.1)
    for step in range(STEPS):
        tokens, wanted = tensors(numbers.train(BATCH))
        optimiser.zero_grad()
        loss = functional.cross_entropy(
            model(tokens).flatten(0, 1), wanted.flatten(), ignore_index=NONE
        )
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


@torch.no_grad()
def answered(model: Llama, numbers: tuple[int, ...]) -> list[list[int]]:
    """The tokens that the model writes for each number, END not included."""
    found = []
    for prompt in language.prompts(sentences(numbers)):
        line = list(prompt)
        while len(line) < language.MOST_TOKENS:
            token = int(model(torch.tensor([line]))[0, -1].argmax())
            if token == language.END:
                break
            line.append(token)
        found.append(line[len(prompt) :])
    return found
