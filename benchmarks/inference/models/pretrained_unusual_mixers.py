# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Text models of transformers that mix tokens their own way: XLNet, ConvBERT's choices, RWKV, Falcon with slopes."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def full(value, *shape):
    return torch.full(shape, value)


def make_xlnet():
    from transformers import XLNetConfig, XLNetForSequenceClassification

    config = XLNetConfig(vocab_size=72, d_model=24, n_layer=2, n_head=3, d_inner=32, num_labels=3)
    return XLNetForSequenceClassification(config)


def make_convbert():
    from transformers import ConvBertConfig, ConvBertForMultipleChoice

    config = ConvBertConfig(
        vocab_size=68, hidden_size=24, embedding_size=12, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=32, max_position_embeddings=28, type_vocab_size=2, conv_kernel_size=5, head_ratio=2,
    )  # fmt: skip
    return ConvBertForMultipleChoice(config)


def choices(b, c, t):
    return {
        "input_ids": ids(b, c, t, below=68),
        "token_type_ids": ids(b, c, t, below=2),
        "attention_mask": ones(b, c, t),
    }


def make_rwkv():
    from transformers import RwkvConfig, RwkvForCausalLM

    return RwkvForCausalLM(RwkvConfig(vocab_size=57, context_length=40, hidden_size=16, num_hidden_layers=2))


def make_falcon():
    from transformers import FalconConfig, FalconForQuestionAnswering

    config = FalconConfig(
        vocab_size=63, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, alibi=True, multi_query=False,
        parallel_attn=False, bias=True, max_position_embeddings=48, bos_token_id=1, eos_token_id=2, use_cache=False,
    )  # fmt: skip
    return FalconForQuestionAnswering(config)


CASES = (
    Case(
        "xlnet_sentences",
        needs="transformers",
        build=make_xlnet,
        example=lambda: call(input_ids=ids(2, 8, below=72), attention_mask=mask(8, 8, 5)),
        good=lambda: [
            call(ids(1, 1, below=72)),
            call(ids(3, 20, below=72)),
            call(input_ids=ids(2, 5, below=72), attention_mask=ones(2, 5)),
            call(ids(2, 7, below=72), mask(7, 4, 7)),
            call(input_ids=ids(2, 6, below=72), token_type_ids=torch.tensor([[0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 2]])),
            call(input_ids=ids(3, 4, below=72), attention_mask=mask(4, 2, 3, 4), token_type_ids=ids(3, 4, below=3)),
            call(torch.tensor([[71, 0]])),
            call(ids(6, 33, below=72)),
        ],
        bad=lambda: [
            raises("id 72", full(72, 2, 4)),
            raises("id -1", full(-1, 2, 4)),
            raises("mask of another length", ids(2, 4, below=72), mask(5, 5, 3)),
            raises("three masks for two", ids(2, 4, below=72), mask(4, 4, 3, 2)),
            unmeant("one mask row for two", Policy.TIE, ids(2, 4, below=72), mask(4, 3)),
            raises("token types of another length", input_ids=ids(2, 4, below=72), token_type_ids=ids(2, 5, below=2)),
            raises("token types of three for two", input_ids=ids(2, 4, below=72), token_type_ids=ids(3, 4, below=2)),
            raises("both masks", input_ids=ids(2, 4, below=72), attention_mask=ones(2, 4), input_mask=0 * ones(2, 4)),
            raises("no batch axis", ids(4, below=72)),
            raises("an axis too many", ids(2, 3, 4, below=72)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=72).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=72), labels=ids(2, below=3)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=72), inputs_embeds=floats(2, 4, 24)),
            unmeant("no memories", Policy.FLAG, ids(2, 4, below=72), use_mems=False),
            raises("a list of ids", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "convbert_choices",
        needs="transformers",
        build=make_convbert,
        example=lambda: call(**choices(2, 3, 9)),
        good=lambda: [
            call(**choices(1, 1, 2)),
            call(**choices(3, 2, 28)),
            call(**choices(1, 5, 7)),
            call(ids(2, 4, 6, below=68)),
            call(input_ids=ids(4, 2, 5, below=68), token_type_ids=ids(4, 2, 5, below=2)),
            call(ids(2, 2, 6, below=68), mask(6, 6, 4, 3, 6).view(2, 2, 6)),
            call(**{**choices(1, 2, 3), "input_ids": torch.tensor([[[67, 0, 67], [1, 1, 1]]])}),
            call(**choices(2, 2, 4), position_ids=torch.tensor([[[27, 0, 1, 2]] * 2] * 2)),
        ],
        bad=lambda: [
            raises("29 tokens", **choices(1, 2, 29)),
            raises("id 68", **{**choices(2, 2, 4), "input_ids": full(68, 2, 2, 4)}),
            raises("id -1", **{**choices(2, 2, 4), "input_ids": full(-1, 2, 2, 4)}),
            raises("token type 2", **{**choices(2, 2, 4), "token_type_ids": full(2, 2, 2, 4)}),
            raises("token type -1", **{**choices(2, 2, 4), "token_type_ids": full(-1, 2, 2, 4)}),
            raises("position 28", **choices(2, 2, 4), position_ids=full(28, 2, 2, 4)),
            raises(
                "mask of another length",
                **{**choices(2, 2, 4), "attention_mask": mask(5, 5, 3, 4, 5).view(2, 2, 5)},
            ),
            unmeant(
                "masks of three choices for two", Policy.TIE, **{**choices(2, 2, 4), "attention_mask": ones(2, 3, 4)}
            ),
            raises("token types of another length", **{**choices(2, 2, 4), "token_type_ids": ids(2, 2, 3, below=2)}),
            raises("token types of three choices", **{**choices(2, 2, 4), "token_type_ids": ids(2, 3, 4, below=2)}),
            raises("float ids", **{**choices(2, 2, 4), "input_ids": floats(2, 2, 4)}),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 2, 4, below=68).int()),
            unmeant("labels", Policy.LEFT_OUT, **choices(2, 3, 4), labels=ids(2, below=3)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 3, 4, 12)),
            raises("one text without batch and choice", ids(4, below=68)),
            raises("a list of choices", [ids(2, 4, below=68), ids(2, 4, below=68)]),
            raises("nothing"),
        ],
    ),
    Case(
        "rwkv_next_token",
        needs="transformers",
        build=make_rwkv,
        example=lambda: call(input_ids=ids(2, 6, below=57)),
        good=lambda: [
            call(ids(1, 1, below=57)),
            call(ids(2, 15, below=57)),
            call(input_ids=ids(5, 3, below=57)),
            call(torch.tensor([[56, 0, 56, 0]])),
            call(input_ids=ids(1, 40, below=57)),
            call(ids(3, 9, below=57)),
        ],
        bad=lambda: [
            raises("id 57", full(57, 2, 4)),
            raises("id -1", full(-1, 2, 4)),
            raises("no batch axis", ids(4, below=57)),
            raises("an axis too many", ids(2, 3, 4, below=57)),
            raises("float ids", floats(2, 4)),
            raises("bool ids", ids(2, 4, below=2).bool()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=57).int()),
            unmeant(
                "a mask, which is unused", Policy.UNEXPECTED, input_ids=ids(2, 4, below=57), attention_mask=ones(2, 4)
            ),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=57), labels=ids(2, 4, below=57)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=57), inputs_embeds=floats(2, 4, 16)),
            unmeant("without states", Policy.FLAG, input_ids=ids(2, 4, below=57), use_cache=False),
            unmeant("the last token's logits only", Policy.FLAG, input_ids=ids(2, 4, below=57), logits_to_keep=1),
            raises("a list of ids", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "falcon_slopes_answers",
        needs="transformers",
        build=make_falcon,
        example=lambda: call(input_ids=ids(2, 10, below=63), attention_mask=mask(10, 10, 7)),
        good=lambda: [
            call(ids(1, 1, below=63)),
            call(ids(3, 17, below=63)),
            call(input_ids=ids(2, 5, below=63), attention_mask=ones(2, 5)),
            call(ids(2, 8, below=63), mask(8, 3, 8)),
            call(torch.tensor([[62, 0, 5]])),
            call(input_ids=ids(1, 48, below=63)),
            call(ids(7, 4, below=63), mask(4, 4, 3, 2, 1, 4, 4, 2)),
        ],
        bad=lambda: [
            raises("id 63", full(63, 2, 4)),
            raises("id -1", full(-1, 2, 4)),
            raises("mask of another length", ids(2, 4, below=63), mask(5, 5, 3)),
            raises("three masks for two", ids(2, 4, below=63), mask(4, 4, 3, 2)),
            raises("one mask row for two", ids(2, 4, below=63), mask(4, 3)),
            raises("no batch axis", ids(4, below=63)),
            raises("an axis too many", ids(2, 3, 4, below=63)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=63).int()),
            unmeant(
                "where the answer is",
                Policy.LEFT_OUT,
                input_ids=ids(2, 4, below=63),
                start_positions=torch.tensor([0, 1]),
                end_positions=torch.tensor([2, 3]),
            ),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=63), inputs_embeds=floats(2, 4, 24)),
            unmeant("hidden states too", Policy.FLAG, ids(2, 4, below=63), output_hidden_states=True),
            raises("a list of ids", [[1, 2, 3]]),
            raises("mask only", attention_mask=ones(2, 4)),
            raises("nothing"),
        ],
    ),
)
