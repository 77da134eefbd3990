# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Encoders with decoders in transformers: LED on long documents, ProphetNet's two streams, mBART's translations."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant


def padded(b, t):
    """A mask whose last row ends in a padding token."""
    mask = ones(b, t)
    mask[-1, -1] = 0
    return mask


def make_led():
    from transformers import LEDConfig, LEDForConditionalGeneration

    config = LEDConfig(
        vocab_size=57, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_encoder_position_embeddings=40,
        max_decoder_position_embeddings=12, attention_window=8, use_cache=False,
    )  # fmt: skip
    return LEDForConditionalGeneration(config)


def make_prophetnet():
    from transformers import ProphetNetConfig, ProphetNetForConditionalGeneration

    config = ProphetNetConfig(
        vocab_size=62, hidden_size=16, encoder_ffn_dim=24, num_encoder_layers=2, num_encoder_attention_heads=2,
        decoder_ffn_dim=24, num_decoder_layers=2, num_decoder_attention_heads=2, max_position_embeddings=24, ngram=2,
        num_buckets=8, relative_max_distance=16, use_cache=False,
    )  # fmt: skip
    return ProphetNetForConditionalGeneration(config)


def make_mbart():
    from transformers import MBartConfig, MBartForConditionalGeneration

    config = MBartConfig(
        vocab_size=66, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=18,
        scale_embedding=True, use_cache=False,
    )  # fmt: skip
    return MBartForConditionalGeneration(config)


def pair(below, b, source, target):
    """Texts without padding, and what is written of them so far."""
    return {
        "input_ids": 2 + ids(b, source, below=below - 2),
        "attention_mask": ones(b, source),
        "decoder_input_ids": 2 + ids(b, target, below=below - 2),
    }


def document(b, source, target):
    """The first token sees all others, as the authors of LED advise."""
    looks = torch.zeros(b, source, dtype=torch.int64)
    looks[:, 0] = 1
    return {**pair(57, b, source, target), "global_attention_mask": looks}


def article(b, source, target):
    return pair(62, b, source, target)


def sentence(b, source, target):
    return pair(66, b, source, target)


CASES = (
    Case(
        "led_summaries",
        needs="transformers",
        build=make_led,
        example=lambda: call(**document(2, 16, 5)),
        good=lambda: [
            call(**document(1, 8, 1)),
            call(**document(1, 40, 3)),
            call(**document(3, 13, 12)),
            call(**pair(57, 2, 11, 4)),
            call(input_ids=ids(2, 24, below=57), decoder_input_ids=ids(2, 6, below=57)),
            call(**{**document(2, 16, 3), "attention_mask": padded(2, 16)}),
            call(**document(2, 9, 4), decoder_attention_mask=padded(2, 4)),
            call(input_ids=torch.tensor([[0, 56, 2]]), decoder_input_ids=torch.tensor([[2, 0, 56]])),
        ],
        bad=lambda: [
            raises("41 tokens", **document(1, 41, 3)),
            raises("13 target tokens", **document(1, 8, 13)),
            raises("id 57", **{**document(1, 3, 2), "input_ids": torch.full((1, 3), 57)}),
            raises("id -1", **{**document(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("target id 57", **{**document(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 57)}),
            raises("target id -100", **{**document(1, 3, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises("batches differ", input_ids=ids(2, 8, below=57), decoder_input_ids=ids(3, 4, below=57)),
            raises("mask one shorter", **{**document(2, 8, 3), "attention_mask": padded(2, 7)}),
            raises("mask of three for two", **{**document(2, 8, 3), "attention_mask": padded(3, 8)}),
            raises("looks one shorter", **{**document(2, 8, 3), "global_attention_mask": padded(2, 7)}),
            raises("looks of three for two", **{**document(2, 8, 3), "global_attention_mask": padded(3, 8)}),
            raises("no source", decoder_input_ids=ids(2, 4, below=57)),
            raises("no batch axes", ids(8, below=57), decoder_input_ids=ids(4, below=57)),
            raises("float ids", **{**document(2, 8, 3), "input_ids": floats(2, 8)}),
            unmeant("int32 ids", Policy.DTYPE, **{**document(2, 8, 3), "input_ids": ids(2, 8, below=57).int()}),
            raises("a list of ids", [[1, 2, 3]], decoder_input_ids=ids(1, 2, below=57)),
            unmeant("labels instead", Policy.LEFT_OUT, input_ids=ids(1, 8, below=57), labels=ids(1, 3, below=57)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(1, 8, 16),
                decoder_input_ids=ids(1, 2, below=57),
            ),
        ],
    ),
    Case(
        "prophetnet_headlines",
        needs="transformers",
        build=make_prophetnet,
        example=lambda: call(**article(2, 9, 5)),
        good=lambda: [
            call(**article(1, 1, 1)),
            call(**article(1, 20, 3)),
            call(**article(4, 6, 22)),
            call(input_ids=ids(2, 7, below=62), decoder_input_ids=ids(2, 7, below=62)),
            call(**{**article(2, 8, 3), "attention_mask": padded(2, 8)}),
            call(**article(2, 5, 4), decoder_attention_mask=padded(2, 4)),
            call(ids(3, 4, below=62), ones(3, 4), ids(3, 6, below=62)),
            call(input_ids=torch.tensor([[0, 61]]), decoder_input_ids=torch.tensor([[61, 0, 1]])),
        ],
        bad=lambda: [
            raises("id 62", **{**article(1, 3, 2), "input_ids": torch.full((1, 3), 62)}),
            raises("id -1", **{**article(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("target id 62", **{**article(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 62)}),
            raises("target id -100", **{**article(1, 3, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises("23 target tokens", **article(1, 8, 23)),
            raises("batches differ", input_ids=ids(2, 8, below=62), decoder_input_ids=ids(3, 4, below=62)),
            raises("mask one shorter", **{**article(2, 8, 3), "attention_mask": padded(2, 7)}),
            raises("mask of three for two", **{**article(2, 8, 3), "attention_mask": padded(3, 8)}),
            raises("target mask one longer", **article(2, 8, 3), decoder_attention_mask=padded(2, 4)),
            raises("target mask of three for two", **article(2, 8, 3), decoder_attention_mask=padded(3, 3)),
            raises("no target", input_ids=ids(2, 8, below=62)),
            raises("no source", decoder_input_ids=ids(2, 4, below=62)),
            raises("no batch axes", ids(8, below=62), decoder_input_ids=ids(4, below=62)),
            raises("float ids", **{**article(2, 8, 3), "input_ids": floats(2, 8)}),
            unmeant("int32 ids", Policy.DTYPE, **{**article(2, 8, 3), "input_ids": ids(2, 8, below=62).int()}),
            raises("a list of ids", [[1, 2, 3]], decoder_input_ids=ids(1, 2, below=62)),
            unmeant("labels instead", Policy.LEFT_OUT, input_ids=ids(1, 8, below=62), labels=ids(1, 3, below=62)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(1, 8, 16),
                decoder_input_ids=ids(1, 2, below=62),
            ),
        ],
    ),
    Case(
        "mbart_translation",
        needs="transformers",
        build=make_mbart,
        example=lambda: call(**sentence(2, 7, 5)),
        good=lambda: [
            call(**sentence(1, 1, 1)),
            call(**sentence(1, 18, 4)),
            call(**sentence(5, 3, 18)),
            call(input_ids=ids(2, 6, below=66), decoder_input_ids=ids(2, 6, below=66)),
            call(**{**sentence(2, 8, 3), "attention_mask": padded(2, 8)}),
            call(**sentence(2, 5, 4), decoder_attention_mask=padded(2, 4)),
            call(ids(3, 4, below=66), ones(3, 4), ids(3, 6, below=66), ones(3, 6)),
            call(**{key: value for key, value in sentence(2, 9, 1).items() if key != "decoder_input_ids"}),
            call(input_ids=torch.tensor([[0, 65, 2]]), decoder_input_ids=torch.tensor([[65, 0, 1]])),
        ],
        bad=lambda: [
            raises("19 tokens", **sentence(1, 19, 3)),
            raises("19 target tokens", **sentence(1, 3, 19)),
            raises("id 66", **{**sentence(1, 3, 2), "input_ids": torch.full((1, 3), 66)}),
            raises("id -1", **{**sentence(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("target id 66", **{**sentence(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 66)}),
            raises("target id -100", **{**sentence(1, 3, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises("batches differ", input_ids=ids(2, 8, below=66), decoder_input_ids=ids(3, 4, below=66)),
            raises("mask one shorter", **{**sentence(2, 8, 3), "attention_mask": padded(2, 7)}),
            raises("mask of one for two", **{**sentence(2, 8, 3), "attention_mask": padded(1, 8)}),
            raises("target mask one longer", **sentence(2, 8, 3), decoder_attention_mask=padded(2, 4)),
            raises("target mask of one for two", **sentence(2, 8, 3), decoder_attention_mask=padded(1, 3)),
            raises("no source", decoder_input_ids=ids(2, 4, below=66)),
            raises("no batch axes", ids(8, below=66), decoder_input_ids=ids(4, below=66)),
            raises("float ids", **{**sentence(2, 8, 3), "input_ids": floats(2, 8)}),
            raises("float target ids", **{**sentence(2, 8, 3), "decoder_input_ids": floats(2, 3)}),
            unmeant("int32 ids", Policy.DTYPE, **{**sentence(2, 8, 3), "input_ids": ids(2, 8, below=66).int()}),
            raises("a list of ids", [[1, 2, 3]], decoder_input_ids=ids(1, 2, below=66)),
            unmeant("labels instead", Policy.LEFT_OUT, input_ids=ids(1, 8, below=66), labels=2 + ids(1, 3, below=64)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(1, 8, 16),
                decoder_input_ids=ids(1, 2, below=66),
            ),
        ],
    ),
)
