# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Decoders of transformers: BLOOM with its slopes, CodeGen for programs, Mistral's sliding window, PEGASUS."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def make_bloom():
    from transformers import BloomConfig, BloomForCausalLM

    config = BloomConfig(vocab_size=78, hidden_size=24, n_layer=2, n_head=4, use_cache=False)
    return BloomForCausalLM(config)


def make_codegen():
    from transformers import CodeGenConfig, CodeGenForCausalLM

    config = CodeGenConfig(
        vocab_size=83, n_positions=32, n_ctx=32, n_embd=32, n_layer=2, n_head=4, rotary_dim=4, bos_token_id=1,
        eos_token_id=2, use_cache=False,
    )  # fmt: skip
    return CodeGenForCausalLM(config)


def make_mistral():
    from transformers import MistralConfig, MistralForTokenClassification

    config = MistralConfig(
        vocab_size=66, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=64, sliding_window=8, num_labels=4, use_cache=False,
    )  # fmt: skip
    return MistralForTokenClassification(config)


def make_pegasus():
    from transformers import PegasusConfig, PegasusForConditionalGeneration

    config = PegasusConfig(
        vocab_size=58, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=26, use_cache=False,
    )  # fmt: skip
    return PegasusForConditionalGeneration(config)


def from_left(total, *kept):
    """The same, padded on the left."""
    return mask(total, *kept).flip(1)


def article(b, s, t):
    return {"input_ids": ids(b, s, below=58), "attention_mask": ones(b, s), "decoder_input_ids": ids(b, t, below=58)}


CASES = (
    Case(
        "bloom_slopes",
        needs="transformers",
        build=make_bloom,
        example=lambda: call(input_ids=ids(2, 7, below=78), attention_mask=ones(2, 7)),
        good=lambda: [
            call(ids(1, 1, below=78)),
            call(input_ids=ids(2, 50, below=78)),
            call(torch.tensor([[77, 0, 77]])),
            call(input_ids=ids(2, 6, below=78), attention_mask=from_left(6, 4, 6)),
            call(input_ids=ids(3, 5, below=78), attention_mask=mask(5, 3, 5, 1)),
            call(ids(9, 2, below=78), attention_mask=ones(9, 2)),
        ],
        bad=lambda: [
            raises("id 78", torch.full((1, 3), 78)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("mask of another length", input_ids=ids(2, 4, below=78), attention_mask=mask(5, 3, 3)),
            raises("three masks for two", input_ids=ids(2, 4, below=78), attention_mask=mask(4, 3, 3, 3)),
            raises("one mask row for two", input_ids=ids(2, 4, below=78), attention_mask=mask(4, 3)),
            raises("mask without batch", input_ids=ids(1, 4, below=78), attention_mask=ones(4)),
            raises("no batch axis", ids(4, below=78)),
            raises("an axis too many", ids(2, 3, 4, below=78)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=78).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=78), labels=ids(2, 4, below=78)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("with a cache", Policy.FLAG, ids(2, 4, below=78), use_cache=True),
            raises("ids and embeddings", input_ids=ids(2, 4, below=78), inputs_embeds=floats(2, 4, 24)),
            raises("a list of ids", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "codegen_programs",
        needs="transformers",
        build=make_codegen,
        example=lambda: call(input_ids=ids(1, 12, below=83)),
        good=lambda: [
            call(ids(1, 1, below=83)),
            call(input_ids=ids(2, 32, below=83)),
            call(torch.tensor([[82, 0, 82]])),
            call(input_ids=ids(2, 6, below=83), attention_mask=from_left(6, 4, 6)),
            call(input_ids=ids(3, 5, below=83), attention_mask=mask(5, 3, 5, 1)),
            call(input_ids=ids(2, 4, below=83), token_type_ids=ids(2, 4, below=83)),
            call(input_ids=ids(2, 4, below=83), position_ids=torch.tensor([[0, 1, 2, 3], [28, 29, 30, 31]])),
        ],
        bad=lambda: [
            raises("id 83", torch.full((1, 3), 83)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("token type 83", input_ids=ids(2, 4, below=83), token_type_ids=83 * ones(2, 4)),
            raises("token types of another length", input_ids=ids(2, 4, below=83), token_type_ids=ones(2, 3)),
            raises("positions of another length", input_ids=ids(2, 4, below=83), position_ids=ids(2, 5, below=32)),
            raises("positions of three texts for two", input_ids=ids(2, 4, below=83), position_ids=ids(3, 4, below=32)),
            raises("mask of another length", input_ids=ids(2, 4, below=83), attention_mask=mask(3, 2, 3)),
            unmeant("three masks for two", Policy.TIE, input_ids=ids(2, 4, below=83), attention_mask=mask(4, 3, 3, 3)),
            raises("no batch axis", ids(4, below=83)),
            raises("an axis too many", ids(2, 3, 4, below=83)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=83).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=83), labels=ids(2, 4, below=83)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 32)),
            unmeant("with a cache", Policy.FLAG, ids(2, 4, below=83), use_cache=True),
            raises("nothing"),
        ],
    ),
    Case(
        "mistral_window_tags",
        needs="transformers",
        build=make_mistral,
        example=lambda: call(input_ids=ids(2, 11, below=66), attention_mask=mask(11, 11, 7)),
        good=lambda: [
            call(ids(1, 1, below=66)),
            call(input_ids=ids(1, 8, below=66)),
            call(input_ids=ids(3, 30, below=66)),
            call(torch.tensor([[0, 65]])),
            call(ids(2, 9, below=66), from_left(9, 5, 9)),
            call(input_ids=ids(4, 3, below=66), attention_mask=ones(4, 3)),
            call(ids(2, 5, below=66), ones(2, 5), torch.arange(5).repeat(2, 1)),
        ],
        bad=lambda: [
            raises("id 66", torch.full((2, 3), 66)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("mask of another length", ids(2, 4, below=66), mask(3, 2, 3)),
            raises("one mask row for two", ids(2, 4, below=66), mask(4, 3)),
            raises("positions of another length", ids(2, 4, below=66), ones(2, 4), torch.arange(5).repeat(2, 1)),
            raises("no batch axis", ids(4, below=66)),
            raises("an axis too many", ids(2, 3, 4, below=66)),
            raises("float ids", floats(2, 4)),
            raises("bool ids", ids(2, 4, below=2).bool()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=66).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=66), labels=ids(2, 4, below=4)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("token types, swallowed", Policy.UNEXPECTED, ids(2, 4, below=66), token_type_ids=0 * ones(2, 4)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=66), inputs_embeds=floats(2, 4, 24)),
            raises("nothing"),
        ],
    ),
    Case(
        "pegasus_summary",
        needs="transformers",
        build=make_pegasus,
        example=lambda: call(**article(2, 14, 5)),
        good=lambda: [
            call(**article(1, 1, 1)),
            call(**article(3, 26, 2)),
            call(**article(2, 3, 26)),
            call(input_ids=ids(2, 6, below=58), decoder_input_ids=ids(2, 6, below=58)),
            call(**{**article(2, 4, 3), "attention_mask": mask(4, 4, 2)}),
            call(**article(2, 4, 3), decoder_attention_mask=mask(3, 3, 1)),
            call(input_ids=torch.tensor([[57, 0]]), decoder_input_ids=torch.tensor([[0, 57, 1]])),
            call(ids(4, 9, below=58), mask(9, 9, 4, 5, 1), ids(4, 2, below=58)),
        ],
        bad=lambda: [
            raises("27 tokens", **article(1, 27, 3)),
            raises("27 target tokens", **article(1, 3, 27)),
            raises("id 58", **{**article(1, 3, 2), "input_ids": torch.full((1, 3), 58)}),
            raises("id -1", **{**article(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("target id 58", **{**article(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 58)}),
            raises("target id -100", **{**article(1, 3, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises(
                "three summaries of two texts", input_ids=ids(2, 3, below=58), decoder_input_ids=ids(3, 3, below=58)
            ),
            raises("mask of another length", **{**article(2, 3, 2), "attention_mask": mask(4, 2, 2)}),
            unmeant("three masks for two", Policy.TIE, **{**article(2, 3, 2), "attention_mask": mask(3, 2, 2, 2)}),
            raises("target mask of another length", **article(2, 3, 2), decoder_attention_mask=mask(3, 1, 1)),
            raises("no target", input_ids=ids(1, 3, below=58)),
            raises("no source", decoder_input_ids=ids(1, 3, below=58)),
            raises("no batch axes", ids(3, below=58), decoder_input_ids=ids(2, below=58)),
            raises("float ids", **{**article(1, 3, 2), "input_ids": floats(1, 3)}),
            unmeant("int32 ids", Policy.DTYPE, **{**article(1, 3, 2), "input_ids": ids(1, 3, below=58).int()}),
            unmeant("labels instead", Policy.LEFT_OUT, input_ids=ids(1, 3, below=58), labels=ids(1, 3, below=58)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(1, 3, 16),
                decoder_input_ids=ids(1, 2, below=58),
            ),
        ],
    ),
)
