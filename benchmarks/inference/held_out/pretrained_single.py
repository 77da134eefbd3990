# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers that take one thing: a long document, a conversation to be scored, a picture."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_inf, with_nan


def make_longformer():
    from transformers import LongformerConfig, LongformerForSequenceClassification

    config = LongformerConfig(
        attention_window=[4, 4], vocab_size=90, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, num_labels=3,
    )  # fmt: skip
    return LongformerForSequenceClassification(config)


def words(b, t):
    """Tokens without padding, which is id 1."""
    return 2 + ids(b, t, below=88)


def on_first(b, t):
    """The tokens that see everything: the first one."""
    mask = 0 * ones(b, t)
    mask[:, 0] = 1
    return mask


def document(b, t):
    return {"input_ids": words(b, t), "attention_mask": ones(b, t), "global_attention_mask": on_first(b, t)}


def make_qwen2_reward():
    from transformers import Qwen2Config, Qwen2ForSequenceClassification

    config = Qwen2Config(
        vocab_size=70, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=69, bos_token_id=68, eos_token_id=69,
        num_labels=1, use_cache=False,
    )  # fmt: skip
    return Qwen2ForSequenceClassification(config)


def chats(b, t):
    return {"input_ids": ids(b, t, below=69), "attention_mask": ones(b, t)}


def make_regnet():
    from transformers import RegNetConfig, RegNetForImageClassification

    config = RegNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 2, 1], groups_width=8, layer_type="y",
        num_labels=6,
    )  # fmt: skip
    return RegNetForImageClassification(config)


CASES = (
    Case(
        "longformer_documents",
        needs="transformers",
        build=make_longformer,
        example=lambda: call(**document(2, 8)),
        good=lambda: [
            call(words(1, 1)),
            call(**document(1, 40)),
            call(**document(3, 7)),
            call(input_ids=words(2, 9), attention_mask=torch.tensor([[1] * 9, [1] * 5 + [0] * 4])),
            call(input_ids=words(2, 6), global_attention_mask=ids(2, 6, below=2)),
            call(input_ids=words(2, 5), token_type_ids=0 * ones(2, 5)),
            call(input_ids=torch.tensor([[0, 89, 2, 1, 1]]), attention_mask=torch.tensor([[1, 1, 1, 0, 0]])),
            call(input_ids=words(2, 4), position_ids=torch.tensor([[2, 3, 4, 5], [38, 39, 40, 41]])),
        ],
        bad=lambda: [
            raises("41 tokens", **document(1, 41)),
            raises("id 90", torch.full((1, 4), 90)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("token type 1", input_ids=words(1, 4), token_type_ids=ones(1, 4)),
            raises("position 42", input_ids=words(1, 4), position_ids=torch.full((1, 4), 42)),
            raises("position -1", input_ids=words(1, 4), position_ids=torch.full((1, 4), -1)),
            raises("mask of another length", input_ids=words(2, 4), attention_mask=ones(2, 5)),
            unmeant("mask of one token", Policy.TIE, input_ids=words(2, 4), attention_mask=ones(2, 1)),
            unmeant("mask of one document", Policy.TIE, input_ids=words(2, 4), attention_mask=ones(1, 4)),
            raises("global mask of another length", input_ids=words(2, 4), global_attention_mask=on_first(2, 5)),
            raises("token types of another length", input_ids=words(2, 4), token_type_ids=0 * ones(2, 3)),
            raises("no batch axis", words(1, 4)[0]),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, words(2, 4).int()),
            unmeant("labels", Policy.LEFT_OUT, **document(2, 4), labels=ids(2, below=3)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(2, 4, 16),
                global_attention_mask=on_first(2, 4),
            ),
            raises("ids and embeddings", input_ids=words(2, 4), inputs_embeds=floats(2, 4, 16)),
            raises("nothing"),
        ],
    ),
    Case(
        "qwen2_reward",
        needs="transformers",
        build=make_qwen2_reward,
        example=lambda: call(**chats(2, 6)),
        good=lambda: [
            call(ids(1, 1, below=69)),
            call(**chats(1, 9)),
            call(**chats(3, 2)),
            call(**chats(2, 40)),
            call(input_ids=ids(4, 5, below=69)),
            call(
                input_ids=torch.tensor([[3, 4, 5, 6], [7, 8, 69, 69]]),
                attention_mask=torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]),
            ),
            call(input_ids=torch.tensor([[0, 68, 69]]), attention_mask=ones(1, 3)),
            call(**chats(2, 5), position_ids=torch.arange(5).repeat(2, 1)),
        ],
        bad=lambda: [
            raises("id 70", torch.full((1, 4), 70)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("no batch axis", ids(4, below=69)),
            raises("an axis too many", ids(2, 3, 4, below=69)),
            raises(
                "mask of another length", input_ids=ids(2, 4, below=69), attention_mask=torch.tensor([[1, 1, 0]] * 2)
            ),
            raises("positions of another length", **chats(2, 4), position_ids=torch.arange(5).repeat(2, 1)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=69).int()),
            raises("bool ids", ids(2, 4, below=2).bool()),
            unmeant("labels", Policy.LEFT_OUT, **chats(2, 4), labels=floats(2)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=69), inputs_embeds=floats(2, 4, 16)),
            unmeant("with a cache", Policy.FLAG, **chats(2, 4), use_cache=True),
            raises("tokenizer output as one dict", chats(2, 4)),
            raises("a list of ids", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "regnet_pictures",
        needs="transformers",
        build=make_regnet,
        example=lambda: call(pixel_values=floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(pixel_values=floats(1, 3, 64, 32)),
            call(floats(3, 3, 32, 96)),
            call(floats(5, 3, 32, 32)),
            call(floats(1, 3, 128, 64)),
            call(pixel_values=torch.zeros(2, 3, 64, 96)),
        ],
        bad=lambda: [
            raises("grey", floats(2, 1, 64, 64)),
            raises("with alpha", floats(2, 4, 64, 64)),
            raises("channels last", floats(2, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("a clip", floats(1, 3, 4, 32, 32)),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("float16", floats(1, 3, 32, 32).half()),
            raises("zero rows", floats(1, 3, 0, 32)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, below=6)),
            unmeant("hidden states too", Policy.FLAG, floats(2, 3, 32, 32), output_hidden_states=True),
            raises("a list of pictures", [floats(3, 32, 32), floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
)
