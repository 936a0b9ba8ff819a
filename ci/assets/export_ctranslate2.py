"""The trained Transformer in CTranslate2's format, stored as float16."""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import train_numbers
from ctranslate2.specs import Activation, TransformerSpec
from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec
from ctranslate2.specs.common_spec import LayerNormSpec, LinearSpec
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec
from torch import Tensor, nn

from selftest.numbers import DIGITS, WORDS

START, END, UNKNOWN = "<s>", "</s>", "<unk>"


def save(model: train_numbers.Translator, folder: Path) -> None:
    spec = TransformerSpec.from_config(
        (1, 1), train_numbers.HEADS, pre_norm=True, activation=Activation.RELU
    )
    _encoder(spec.encoder, model)
    _decoder(spec.decoder, model)
    spec.register_source_vocabulary([*DIGITS, END, UNKNOWN])
    spec.register_target_vocabulary([*WORDS, START, END, UNKNOWN])
    spec.config.add_source_eos = True
    spec.validate()
    spec.optimize(quantization="float16")
    spec.save(str(folder))


def translated(folder: Path, sentences: list[list[str]], compute_type: str) -> list[list[str]]:
    translator = ctranslate2.Translator(str(folder), compute_type=compute_type)
    results = translator.translate_batch(sentences, beam_size=1)
    return [result.hypotheses[0] for result in results]


def _encoder(spec: TransformerEncoderSpec, model: train_numbers.Translator) -> None:
    (layer,) = model.transformer.encoder.layers
    spec.scale_embeddings = False
    spec.embeddings[0].weight = _array(model.source.weight)
    spec.position_encodings.encodings = _array(model.source_position)
    _attention(spec.layer[0].self_attention, layer.self_attn, layer.norm1)
    _norm(spec.layer[0].ffn.layer_norm, layer.norm2)
    _linear(spec.layer[0].ffn.linear_0, layer.linear1.weight, layer.linear1.bias)
    _linear(spec.layer[0].ffn.linear_1, layer.linear2.weight, layer.linear2.bias)
    _norm(spec.layer_norm, model.transformer.encoder.norm)


def _decoder(spec: TransformerDecoderSpec, model: train_numbers.Translator) -> None:
    (layer,) = model.transformer.decoder.layers
    spec.scale_embeddings = False
    spec.embeddings.weight = _array(model.target.weight)
    spec.position_encodings.encodings = _array(model.target_position)
    _attention(spec.layer[0].self_attention, layer.self_attn, layer.norm1)
    _attention(spec.layer[0].attention, layer.multihead_attn, layer.norm2)
    _norm(spec.layer[0].ffn.layer_norm, layer.norm3)
    _linear(spec.layer[0].ffn.linear_0, layer.linear1.weight, layer.linear1.bias)
    _linear(spec.layer[0].ffn.linear_1, layer.linear2.weight, layer.linear2.bias)
    _norm(spec.layer_norm, model.transformer.decoder.norm)
    _linear(spec.projection, model.choose.weight, model.choose.bias)


def _attention(
    spec: MultiHeadAttentionSpec, attention: nn.MultiheadAttention, norm: nn.LayerNorm
) -> None:
    """What reads itself multiplies query, key and value together; else the query goes alone."""
    _norm(spec.layer_norm, norm)
    *reading, out = spec.linear
    parts = [3] if len(reading) == 1 else [1, 2]
    sizes = [part * train_numbers.WIDTH for part in parts]
    weights, biases = attention.in_proj_weight.split(sizes), attention.in_proj_bias.split(sizes)
    for linear, weight, bias in zip(reading, weights, biases, strict=True):
        _linear(linear, weight, bias)
    _linear(out, attention.out_proj.weight, attention.out_proj.bias)


def _linear(spec: LinearSpec, weight: Tensor, bias: Tensor) -> None:
    spec.weight, spec.bias = _array(weight), _array(bias)


def _norm(spec: LayerNormSpec, norm: nn.LayerNorm) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _array(tensor: Tensor) -> object:
    return tensor.detach().contiguous().numpy()
