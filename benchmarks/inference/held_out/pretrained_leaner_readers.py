# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
# mypy: disable-error-code="call-arg"
"""Leaner encoders of text in transformers: MobileBERT, SqueezeBERT, ALBERT, and ModernBERT with local layers."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant


def padded(*shape):
    """A mask whose first row is full and whose last token of the last row is padding."""
    mask = ones(*shape)
    mask.view(-1)[-1] = 0
    return mask


def make_mobilebert():
    from transformers import MobileBertConfig, MobileBertForQuestionAnswering

    config = MobileBertConfig(
        vocab_size=71, hidden_size=32, embedding_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, intra_bottleneck_size=16, num_feedforward_networks=2, max_position_embeddings=24,
    )  # fmt: skip
    return MobileBertForQuestionAnswering(config)


def make_squeezebert():
    from transformers import SqueezeBertConfig, SqueezeBertForSequenceClassification

    config = SqueezeBertConfig(
        vocab_size=53, hidden_size=24, embedding_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=48, max_position_embeddings=18, num_labels=5,
    )  # fmt: skip
    return SqueezeBertForSequenceClassification(config)


def make_albert():
    from transformers import AlbertConfig, AlbertForMultipleChoice

    config = AlbertConfig(
        vocab_size=64, embedding_size=8, hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=40, max_position_embeddings=20,
    )  # fmt: skip
    return AlbertForMultipleChoice(config)


def make_modernbert():
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    config = ModernBertConfig(
        vocab_size=61, hidden_size=24, intermediate_size=32, num_hidden_layers=4, num_attention_heads=3,
        max_position_embeddings=64, local_attention=6, pad_token_id=60, bos_token_id=58, eos_token_id=59,
        cls_token_id=58, sep_token_id=59,
    )  # fmt: skip
    return ModernBertForMaskedLM(config)


def tokens(below, *shape):
    """What a tokenizer returns for one text or a pair."""
    return {
        "input_ids": ids(*shape, below=below),
        "attention_mask": ones(*shape),
        "token_type_ids": ids(*shape, below=2),
    }


def passage(b, t):
    return tokens(71, b, t)


def review(b, t):
    return tokens(53, b, t)


def choices(b, n, t):
    return tokens(64, b, n, t)


def sentence(b, t):
    """The tokenizer of ModernBERT gives no token types."""
    return {"input_ids": ids(b, t, below=61), "attention_mask": ones(b, t)}


CASES = (
    Case(
        "mobilebert_answers",
        needs="transformers",
        build=make_mobilebert,
        example=lambda: call(**passage(2, 9)),
        good=lambda: [
            call(**passage(1, 2)),
            call(**passage(1, 24)),
            call(**passage(5, 7)),
            call(ids(2, 6, below=71)),
            call(input_ids=ids(3, 5, below=71), attention_mask=padded(3, 5)),
            call(input_ids=ids(2, 8, below=71), token_type_ids=ids(2, 8, below=2)),
            call(torch.tensor([[0, 70, 1]]), ones(1, 3), torch.tensor([[0, 1, 1]])),
            call(**passage(2, 4), position_ids=torch.tensor([[0, 1, 2, 3], [20, 21, 22, 23]])),
        ],
        bad=lambda: [
            raises("25 tokens", **passage(1, 25)),
            raises("id 71", **{**passage(1, 3), "input_ids": torch.tensor([[2, 71, 4]])}),
            raises("id -1", **{**passage(1, 3), "input_ids": torch.tensor([[2, -1, 4]])}),
            raises("token type 2", **{**passage(1, 3), "token_type_ids": torch.full((1, 3), 2)}),
            raises("token type -1", **{**passage(1, 3), "token_type_ids": torch.full((1, 3), -1)}),
            raises("position 24", **passage(1, 3), position_ids=torch.tensor([[0, 1, 24]])),
            raises("position -1", **passage(1, 3), position_ids=torch.tensor([[-1, 0, 1]])),
            raises("mask one shorter", **{**passage(2, 5), "attention_mask": padded(2, 4)}),
            raises("mask of one for two", **{**passage(2, 5), "attention_mask": padded(1, 5)}),
            unmeant("mask of three for two", Policy.REMAINDER, **{**passage(2, 5), "attention_mask": padded(3, 5)}),
            raises("token types one longer", **{**passage(2, 5), "token_type_ids": ids(2, 6, below=2)}),
            raises("token types of three for two", **{**passage(2, 5), "token_type_ids": ids(3, 5, below=2)}),
            unmeant("token types of one for two", Policy.TIE, **{**passage(2, 5), "token_type_ids": ones(1, 5)}),
            raises("one text without batch", ids(7, below=71)),
            raises("an axis too many", ids(2, 3, 4, below=71)),
            raises("float ids", floats(2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=71).int()),
            raises("a list of ids", [[1, 2, 3]]),
            raises("no ids", attention_mask=ones(1, 4)),
            unmeant(
                "where the answers are",
                Policy.LEFT_OUT,
                **passage(2, 5),
                start_positions=torch.tensor([1, 2]),
                end_positions=torch.tensor([3, 4]),
            ),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 16)),
        ],
    ),
    Case(
        "squeezebert_topics",
        needs="transformers",
        build=make_squeezebert,
        example=lambda: call(**review(3, 7)),
        good=lambda: [
            call(**review(1, 1)),
            call(**review(1, 18)),
            call(**review(6, 5)),
            call(ids(2, 11, below=53)),
            call(ids(2, 4, below=53), padded(2, 4)),
            call(input_ids=ids(1, 3, below=53), token_type_ids=torch.tensor([[0, 0, 1]])),
            call(**{**review(1, 2), "input_ids": torch.tensor([[0, 52]])}),
            call(**review(2, 3), position_ids=torch.tensor([[0, 1, 2], [15, 16, 17]])),
        ],
        bad=lambda: [
            raises("19 tokens", **review(1, 19)),
            raises("id 53", **{**review(1, 3), "input_ids": torch.full((1, 3), 53)}),
            raises("id -1", **{**review(1, 3), "input_ids": torch.full((1, 3), -1)}),
            raises("token type 2", **{**review(1, 3), "token_type_ids": torch.full((1, 3), 2)}),
            raises("position 18", **review(1, 2), position_ids=torch.tensor([[0, 18]])),
            raises("mask one shorter", **{**review(2, 5), "attention_mask": padded(2, 4)}),
            raises("mask of one for two", **{**review(2, 5), "attention_mask": padded(1, 5)}),
            unmeant("mask of three for two", Policy.REMAINDER, **{**review(2, 5), "attention_mask": padded(3, 5)}),
            raises("token types one longer", **{**review(2, 5), "token_type_ids": ids(2, 6, below=2)}),
            unmeant("token types of one for two", Policy.TIE, **{**review(2, 5), "token_type_ids": ones(1, 5)}),
            raises("one text without batch", ids(7, below=53)),
            raises("an axis too many", ids(1, 2, 4, below=53)),
            raises("float ids", floats(2, 5)),
            raises("bool ids", ids(2, 5, below=2).bool()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=53).int()),
            raises("a list of rows", list(ids(2, 5, below=53))),
            raises("nothing"),
            unmeant("labels", Policy.LEFT_OUT, **review(2, 5), labels=torch.tensor([0, 4])),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 24)),
            unmeant("a tuple back", Policy.FLAG, **review(2, 5), return_dict=False),
        ],
    ),
    Case(
        "albert_choices",
        needs="transformers",
        build=make_albert,
        example=lambda: call(**choices(2, 4, 7)),
        good=lambda: [
            call(**choices(1, 1, 1)),
            call(**choices(1, 5, 20)),
            call(**choices(4, 2, 6)),
            call(ids(2, 3, 5, below=64)),
            call(ids(3, 2, 4, below=64), padded(3, 2, 4)),
            call(input_ids=ids(2, 2, 9, below=64), token_type_ids=ids(2, 2, 9, below=2)),
            call(**{**choices(1, 2, 2), "input_ids": torch.tensor([[[0, 63], [63, 0]]])}),
            call(**choices(1, 2, 2), position_ids=torch.tensor([[[0, 1], [18, 19]]])),
        ],
        bad=lambda: [
            raises("21 tokens", **choices(1, 2, 21)),
            raises("id 64", **{**choices(1, 2, 3), "input_ids": torch.full((1, 2, 3), 64)}),
            raises("id -1", **{**choices(1, 2, 3), "input_ids": torch.full((1, 2, 3), -1)}),
            raises("token type 2", **{**choices(1, 2, 3), "token_type_ids": torch.full((1, 2, 3), 2)}),
            raises("position 20", **choices(1, 1, 2), position_ids=torch.tensor([[[0, 20]]])),
            raises("mask one shorter", **{**choices(2, 2, 5), "attention_mask": padded(2, 2, 4)}),
            raises("mask of one choice for two", **{**choices(2, 2, 5), "attention_mask": padded(2, 1, 5)}),
            unmeant("mask of three choices", Policy.REMAINDER, ids(2, 2, 5, below=64), padded(2, 3, 5)),
            raises("token types one longer", **{**choices(2, 2, 5), "token_type_ids": ids(2, 2, 6, below=2)}),
            raises("token types of three for two", **{**choices(2, 2, 5), "token_type_ids": ids(3, 2, 5, below=2)}),
            unmeant("token types of one text", Policy.TIE, **{**choices(2, 2, 5), "token_type_ids": ones(1, 1, 5)}),
            unmeant("choices swapped in the mask", Policy.TIE, ids(2, 3, 5, below=64), padded(3, 2, 5)),
            raises("float ids", floats(2, 2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 2, 5, below=64).int()),
            raises("one text", ids(5, below=64)),
            raises("a list of questions", list(ids(2, 2, 5, below=64))),
            raises("no ids", attention_mask=ones(1, 2, 4)),
            unmeant("labels", Policy.LEFT_OUT, **choices(2, 3, 5), labels=torch.tensor([0, 2])),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 2, 5, 8)),
        ],
    ),
    Case(
        "modernbert_fills_masks",
        needs="transformers",
        build=make_modernbert,
        example=lambda: call(**sentence(2, 11)),
        good=lambda: [
            call(**sentence(1, 1)),
            call(**sentence(1, 40)),
            call(**sentence(7, 3)),
            call(ids(2, 19, below=61)),
            call(ids(3, 8, below=61), padded(3, 8)),
            call(input_ids=torch.tensor([[58, 0, 60, 59]])),
            call(**sentence(2, 3), position_ids=torch.tensor([[0, 1, 2], [4, 5, 6]])),
        ],
        bad=lambda: [
            raises("id 61", **{**sentence(1, 3), "input_ids": torch.tensor([[1, 61, 3]])}),
            raises("id -100", **{**sentence(1, 3), "input_ids": torch.tensor([[1, -100, 3]])}),
            raises("mask one shorter", ids(2, 5, below=61), padded(2, 4)),
            raises("mask of one for two", ids(2, 5, below=61), padded(1, 5)),
            unmeant("mask of three for two", Policy.REMAINDER, ids(2, 5, below=61), padded(3, 5)),
            raises("one text without batch", ids(7, below=61)),
            raises("an axis too many", ids(2, 3, 4, below=61)),
            raises("float ids", floats(2, 5)),
            raises("float64 ids", floats(2, 5).double()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=61).int()),
            raises("positions of three for two", **sentence(2, 4), position_ids=ids(3, 4, below=9)),
            raises("positions one longer", **sentence(2, 4), position_ids=ids(2, 5, below=9)),
            raises("a list of ids", [[1, 2, 3]]),
            raises("no ids", attention_mask=ones(1, 4)),
            unmeant("token types", Policy.UNEXPECTED, **sentence(2, 4), token_type_ids=ids(2, 4, below=2)),
            unmeant("labels", Policy.LEFT_OUT, **sentence(2, 5), labels=ids(2, 5, below=61)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 24)),
        ],
    ),
)
