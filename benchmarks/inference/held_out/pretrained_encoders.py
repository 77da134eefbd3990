# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Encoders of transformers for text: RoFormer's tags, MPNet's sentences, FNet without attention, CANINE on characters."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def make_roformer():
    from transformers import RoFormerConfig, RoFormerForTokenClassification

    config = RoFormerConfig(
        vocab_size=84, embedding_size=16, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=32, max_position_embeddings=40, type_vocab_size=2, num_labels=5,
    )  # fmt: skip
    return RoFormerForTokenClassification(config)


class SentenceEmbedder(nn.Module):
    """One unit vector per sentence: the mean over its tokens, as sentence-transformers does."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids, attention_mask):
        tokens = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).expand(tokens.size()).float()
        pooled = torch.sum(tokens * weights, 1) / torch.clamp(weights.sum(1), min=1e-9)
        return F.normalize(pooled, p=2, dim=1)


def make_mpnet():
    from transformers import MPNetConfig, MPNetModel

    config = MPNetConfig(
        vocab_size=77, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=34,
    )  # fmt: skip
    return SentenceEmbedder(MPNetModel(config, add_pooling_layer=False))


def make_fnet():
    from transformers import FNetConfig, FNetForSequenceClassification

    config = FNetConfig(
        vocab_size=81, hidden_size=24, num_hidden_layers=2, intermediate_size=32, max_position_embeddings=30,
        num_labels=3,
    )  # fmt: skip
    return FNetForSequenceClassification(config)


def make_canine():
    from transformers import CanineConfig, CanineForSequenceClassification

    config = CanineConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, max_position_embeddings=48,
        type_vocab_size=4, num_hash_functions=4, num_hash_buckets=64, num_labels=3,
    )  # fmt: skip
    return CanineForSequenceClassification(config)


def words(b, t):
    """Tokens of MPNet without padding, which is id 1."""
    return 2 + ids(b, t, below=75)


CASES = (
    Case(
        "roformer_tagger",
        needs="transformers",
        build=make_roformer,
        example=lambda: call(input_ids=ids(2, 9, below=84), attention_mask=mask(9, 9, 6)),
        good=lambda: [
            call(ids(1, 1, below=84)),
            call(input_ids=ids(2, 40, below=84)),
            call(torch.tensor([[83, 0, 83]])),
            call(input_ids=ids(3, 6, below=84), attention_mask=mask(6, 4, 6, 1)),
            call(input_ids=ids(2, 5, below=84), token_type_ids=torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]])),
            call(ids(7, 3, below=84), ones(7, 3), 0 * ones(7, 3)),
        ],
        bad=lambda: [
            raises("41 tokens", ids(1, 41, below=84)),
            raises("id 84", torch.full((2, 3), 84)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("token type 2", input_ids=ids(2, 4, below=84), token_type_ids=2 * ones(2, 4)),
            raises("token type -1", input_ids=ids(2, 4, below=84), token_type_ids=-ones(2, 4)),
            raises("token types of another length", input_ids=ids(2, 4, below=84), token_type_ids=ones(2, 3)),
            unmeant("token types of one text", Policy.TIE, input_ids=ids(2, 4, below=84), token_type_ids=ones(1, 4)),
            raises("mask of another length", ids(2, 4, below=84), mask(5, 3, 3)),
            raises("one mask row for two", ids(2, 4, below=84), mask(4, 3)),
            raises("no batch axis", ids(4, below=84)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=84).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=84), labels=ids(2, 4, below=5)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=84), inputs_embeds=floats(2, 4, 16)),
            raises("nothing"),
        ],
    ),
    Case(
        "mpnet_sentence_embeddings",
        needs="transformers",
        build=make_mpnet,
        example=lambda: call(words(2, 8), mask(8, 8, 5)),
        good=lambda: [
            call(words(1, 1), ones(1, 1)),
            call(words(3, 32), ones(3, 32)),
            call(torch.tensor([[0, 76, 2, 1, 1]]), mask(5, 3)),
            call(input_ids=words(2, 6), attention_mask=mask(6, 2, 6)),
            call(words(8, 3), mask(3, 3, 2, 1, 3, 3, 1, 1, 2)),
            call(words(1, 12), attention_mask=mask(12, 7)),
        ],
        bad=lambda: [
            raises("33 tokens", words(1, 33), ones(1, 33)),
            raises("id 77", torch.full((1, 4), 77), ones(1, 4)),
            raises("id -1", torch.full((1, 4), -1), ones(1, 4)),
            raises("no mask", words(2, 4)),
            raises("mask of another length", words(2, 4), ones(2, 5)),
            raises("three masks for two", words(2, 4), mask(4, 4, 4, 2)),
            raises("one mask row for two", words(2, 4), mask(4, 3)),
            raises("no batch axes", words(1, 4)[0], ones(4)),
            raises("float ids", floats(2, 4), ones(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, words(2, 4).int(), ones(2, 4)),
            raises("token types", words(2, 4), ones(2, 4), 0 * ones(2, 4)),
            raises("tokenizer output as one dict", {"input_ids": words(2, 4), "attention_mask": ones(2, 4)}),
            raises("lists of ids", [[2, 3]], [[1, 1]]),
            raises("nothing"),
        ],
    ),
    Case(
        "fnet_mixes_tokens",
        needs="transformers",
        build=make_fnet,
        example=lambda: call(input_ids=ids(2, 10, below=81), token_type_ids=ids(2, 10, below=4)),
        good=lambda: [
            call(ids(1, 1, below=81)),
            call(input_ids=ids(2, 30, below=81)),
            call(torch.tensor([[80, 0]])),
            call(ids(3, 7, below=81), ids(3, 7, below=4)),
            call(input_ids=ids(2, 3, below=81), token_type_ids=torch.tensor([[0, 1, 3], [2, 2, 2]])),
            call(input_ids=ids(2, 4, below=81), position_ids=torch.tensor([[0, 1, 2, 29], [3, 2, 1, 0]])),
            call(ids(9, 2, below=81)),
        ],
        bad=lambda: [
            raises("31 tokens", ids(1, 31, below=81)),
            raises("id 81", torch.full((2, 3), 81)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("token type 4", input_ids=ids(2, 4, below=81), token_type_ids=4 * ones(2, 4)),
            raises("token type -1", input_ids=ids(2, 4, below=81), token_type_ids=-ones(2, 4)),
            raises("position 30", input_ids=ids(2, 4, below=81), position_ids=30 * ones(2, 4)),
            raises("token types of another length", input_ids=ids(2, 4, below=81), token_type_ids=ones(2, 5)),
            raises("token types of three texts for two", ids(2, 4, below=81), ones(3, 4)),
            unmeant("token types of one text", Policy.TIE, ids(2, 4, below=81), ones(1, 4)),
            raises("no batch axis", ids(4, below=81)),
            raises("an axis too many", ids(2, 3, 4, below=81)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=81).int()),
            unmeant(
                "a mask, swallowed", Policy.UNEXPECTED, input_ids=ids(2, 4, below=81), attention_mask=mask(4, 4, 2)
            ),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=81), labels=ids(2, below=3)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("hidden states too", Policy.FLAG, ids(2, 4, below=81), output_hidden_states=True),
            raises("nothing"),
        ],
    ),
    Case(
        "canine_code_points",
        needs="transformers",
        build=make_canine,
        example=lambda: call(input_ids=ids(2, 16, below=1000), attention_mask=mask(16, 16, 11)),
        good=lambda: [
            call(ids(1, 4, below=128)),
            call(ids(2, 48, below=1000)),
            call(input_ids=ids(3, 7, below=128)),
            call(input_ids=torch.tensor([[0xE000, 104, 105, 33, 0xE001, 0, 0, 0]]), attention_mask=mask(8, 5)),
            call(input_ids=torch.tensor([[0x1F600, 0x10FFFF, 0, 65, 66]])),
            call(input_ids=ids(2, 8, below=128), token_type_ids=ids(2, 8, below=4)),
            call(ids(5, 13, below=128), ones(5, 13), 0 * ones(5, 13)),
        ],
        bad=lambda: [
            raises("3 characters", ids(1, 3, below=128)),
            raises("49 characters", ids(1, 49, below=128)),
            raises("token type 4", input_ids=ids(2, 8, below=128), token_type_ids=4 * ones(2, 8)),
            raises("token type -1", input_ids=ids(2, 8, below=128), token_type_ids=-ones(2, 8)),
            raises("position 64", input_ids=ids(1, 8, below=128), position_ids=64 * ones(1, 8)),
            raises("token types of another length", input_ids=ids(2, 8, below=128), token_type_ids=ones(2, 6)),
            raises("mask of another length", ids(2, 8, below=128), mask(12, 8, 8)),
            raises("three masks for two", ids(2, 8, below=128), mask(8, 8, 8, 8)),
            raises("no batch axis", ids(8, below=128)),
            raises("an axis too many", ids(2, 2, 8, below=128)),
            raises("float characters", floats(2, 8)),
            unmeant("int32 characters", Policy.DTYPE, ids(2, 8, below=128).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 8, below=128), labels=ids(2, below=3)),
            unmeant("embeddings instead of characters", Policy.LEFT_OUT, inputs_embeds=floats(2, 8, 24)),
            raises("text", ["hello world"]),
            raises("nothing"),
        ],
    ),
)
