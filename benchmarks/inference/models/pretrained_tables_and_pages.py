# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers that read more than words: TAPAS' table cells, LUKE's entities, MarkupLM's paths of tags."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def full(value, *shape):
    return torch.full(shape, value)


KINDS_OF_TYPES = (3, 8, 8, 2, 6, 6, 4)
"""Rows of TAPAS' tables of types: segment, column, row, previous label, two ranks, relation of numbers."""


def make_tapas():
    from transformers import TapasConfig, TapasForSequenceClassification

    config = TapasConfig(
        vocab_size=70, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=24, type_vocab_sizes=list(KINDS_OF_TYPES), num_labels=2,
    )  # fmt: skip
    return TapasForSequenceClassification(config)


def types(b, t):
    return torch.stack([ids(b, t, below=rows) for rows in KINDS_OF_TYPES], dim=-1)


def table(b, t):
    """What the tokenizer returns for a question and a table."""
    return {"input_ids": ids(b, t, below=70), "attention_mask": ones(b, t), "token_type_ids": types(b, t)}


def types_with(column, value, b, t):
    changed = types(b, t)
    changed[..., column] = value
    return changed


def make_luke():
    from transformers import LukeConfig, LukeForEntityPairClassification

    config = LukeConfig(
        vocab_size=61, entity_vocab_size=9, hidden_size=24, entity_emb_size=12, num_hidden_layers=2,
        num_attention_heads=3, intermediate_size=32, max_position_embeddings=26, type_vocab_size=2, num_labels=4,
    )  # fmt: skip
    return LukeForEntityPairClassification(config)


def mentions(b, t, span=5, entities=2):
    """The positions of the words of each mention; -1 where a mention has fewer words."""
    positions = ids(b, entities, span, below=t)
    positions[:, :, span // 2 + 1 :] = -1
    return positions


def sentence(b, t, span=5):
    """Words without padding, which is id 1, and the two entities asked about."""
    return {
        "input_ids": 2 + ids(b, t, below=59),
        "attention_mask": ones(b, t),
        "entity_ids": torch.tensor([[2, 3]]).repeat(b, 1),
        "entity_attention_mask": ones(b, 2),
        "entity_position_ids": mentions(b, t, span),
    }


def make_markuplm():
    from transformers import MarkupLMConfig, MarkupLMForTokenClassification

    config = MarkupLMConfig(
        vocab_size=66, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=31, max_xpath_tag_unit_embeddings=20, max_xpath_subs_unit_embeddings=30,
        tag_pad_id=18, subs_pad_id=28, xpath_unit_hidden_size=4, max_depth=6, num_labels=5,
    )  # fmt: skip
    return MarkupLMForTokenClassification(config)


def page(b, t):
    """Words without padding, which is id 0, and where in the tree of tags each stands."""
    return {
        "input_ids": 1 + ids(b, t, below=65),
        "xpath_tags_seq": ids(b, t, 6, below=20),
        "xpath_subs_seq": ids(b, t, 6, below=30),
        "attention_mask": ones(b, t),
    }


CASES = (
    Case(
        "tapas_table_facts",
        needs="transformers",
        build=make_tapas,
        example=lambda: call(**table(2, 11)),
        good=lambda: [
            call(**table(1, 1)),
            call(**table(3, 24)),
            call(ids(2, 7, below=70), ones(2, 7), types(2, 7)),
            call(**{**table(2, 6), "attention_mask": mask(6, 6, 3)}),
            call(input_ids=ids(2, 9, below=70), token_type_ids=types(2, 9)),
            call(**{**table(1, 3), "input_ids": torch.tensor([[69, 0, 69]])}),
            call(**{**table(2, 4), "token_type_ids": torch.tensor([2, 7, 7, 1, 5, 5, 3]).repeat(2, 4, 1)}),
            call(**table(6, 5)),
        ],
        bad=lambda: [
            raises("id 70", **{**table(2, 5), "input_ids": full(70, 2, 5)}),
            raises("id -1", **{**table(2, 5), "input_ids": full(-1, 2, 5)}),
            raises("segment 3", **{**table(2, 5), "token_type_ids": types_with(0, 3, 2, 5)}),
            raises("column 8", **{**table(2, 5), "token_type_ids": types_with(1, 8, 2, 5)}),
            raises("row 8", **{**table(2, 5), "token_type_ids": types_with(2, 8, 2, 5)}),
            raises("previous label 2", **{**table(2, 5), "token_type_ids": types_with(3, 2, 2, 5)}),
            raises("rank 6", **{**table(2, 5), "token_type_ids": types_with(4, 6, 2, 5)}),
            raises("relation 4", **{**table(2, 5), "token_type_ids": types_with(6, 4, 2, 5)}),
            raises("relation -1", **{**table(2, 5), "token_type_ids": types_with(6, -1, 2, 5)}),
            raises("token types as BERT has them", **{**table(2, 5), "token_type_ids": ids(2, 5, below=2)}),
            raises("six kinds of types", **{**table(2, 5), "token_type_ids": types(2, 5)[..., :6]}),
            raises("types of another length", **{**table(2, 5), "token_type_ids": types(2, 4)}),
            raises("types of three tables for two", **{**table(2, 5), "token_type_ids": types(3, 5)}),
            raises("mask of another length", **{**table(2, 5), "attention_mask": mask(6, 5, 4)}),
            unmeant("three masks for two", Policy.TIE, **{**table(2, 5), "attention_mask": mask(5, 5, 4, 3)}),
            raises("no batch axes", **{name: tensor[0] for name, tensor in table(1, 5).items()}),
            raises("float ids", **{**table(2, 5), "input_ids": floats(2, 5)}),
            unmeant("int32 ids", Policy.DTYPE, **{**table(2, 5), "input_ids": ids(2, 5, below=70).int()}),
            unmeant("labels", Policy.LEFT_OUT, **table(2, 5), labels=ids(2, below=2)),
            raises("no words", token_type_ids=types(2, 5)),
            raises("nothing"),
        ],
    ),
    Case(
        "luke_pair_of_entities",
        needs="transformers",
        build=make_luke,
        example=lambda: call(**sentence(2, 9)),
        good=lambda: [
            call(**sentence(1, 1)),
            call(**sentence(3, 24)),
            call(**sentence(2, 7, span=1)),
            call(**sentence(1, 12, span=8)),
            call(**{**sentence(2, 6), "attention_mask": mask(6, 6, 4)}),
            call(**{**sentence(2, 6), "entity_ids": torch.tensor([[0, 8], [8, 0]])}),
            call(**{k: v for k, v in sentence(2, 8).items() if not k.endswith("attention_mask")}),
            call(**{**sentence(1, 4), "input_ids": torch.tensor([[0, 60, 2, 1]])}),
            call(**{**sentence(2, 5), "entity_position_ids": full(25, 2, 2, 3)}),
            call(**sentence(5, 3)),
        ],
        bad=lambda: [
            raises("25 words", **sentence(1, 25)),
            raises("id 61", **{**sentence(2, 5), "input_ids": full(61, 2, 5)}),
            raises("id -1", **{**sentence(2, 5), "input_ids": full(-1, 2, 5)}),
            raises("entity 9", **{**sentence(2, 5), "entity_ids": full(9, 2, 2)}),
            raises("entity -1", **{**sentence(2, 5), "entity_ids": full(-1, 2, 2)}),
            raises("a mention at position 26", **{**sentence(2, 5), "entity_position_ids": full(26, 2, 2, 5)}),
            raises("entities without mentions", **{k: v for k, v in sentence(2, 5).items() if "position" not in k}),
            raises("no entities", input_ids=2 + ids(2, 5, below=59), attention_mask=ones(2, 5)),
            raises("entities of three sentences for two", **{**sentence(2, 5), "entity_ids": full(2, 3, 2)}),
            raises("mentions of three sentences", **{**sentence(2, 5), "entity_position_ids": mentions(3, 5)}),
            raises("mentions of three entities", **{**sentence(2, 5), "entity_position_ids": mentions(2, 5, 5, 3)}),
            raises("one position per entity", **{**sentence(3, 5), "entity_position_ids": ids(3, 2, below=5)}),
            raises("mask of another length", **{**sentence(2, 5), "attention_mask": mask(6, 6, 4)}),
            raises("mask of three entities", **{**sentence(2, 5), "entity_attention_mask": mask(3, 3, 2)}),
            raises("no batch axes", **{name: tensor[0] for name, tensor in sentence(1, 5).items()}),
            raises("token type 2", **sentence(2, 5), token_type_ids=full(2, 2, 5)),
            raises("float words", **{**sentence(2, 5), "input_ids": floats(2, 5)}),
            raises("float entities", **{**sentence(2, 5), "entity_ids": floats(2, 2)}),
            unmeant("int32 words", Policy.DTYPE, **{**sentence(2, 5), "input_ids": 2 + ids(2, 5, below=59).int()}),
            unmeant("labels", Policy.LEFT_OUT, **sentence(2, 5), labels=ids(2, below=4)),
            raises("nothing"),
        ],
    ),
    Case(
        "markuplm_web_pages",
        needs="transformers",
        build=make_markuplm,
        example=lambda: call(**page(2, 10)),
        good=lambda: [
            call(**page(1, 1)),
            call(**page(2, 30)),
            call(**page(5, 3)),
            call(*page(2, 6).values()),
            call(**{**page(2, 7), "attention_mask": mask(7, 7, 2)}),
            call(**{**page(2, 7), "token_type_ids": 0 * ones(2, 7)}),
            call(**{**page(1, 4), "input_ids": torch.tensor([[65, 1, 0, 0]]), "attention_mask": mask(4, 2)}),
            call(**{**page(1, 2), "xpath_tags_seq": full(19, 1, 2, 6), "xpath_subs_seq": full(29, 1, 2, 6)}),
        ],
        bad=lambda: [
            raises("31 words", **page(1, 31)),
            raises("id 66", **{**page(2, 5), "input_ids": full(66, 2, 5)}),
            raises("id -1", **{**page(2, 5), "input_ids": full(-1, 2, 5)}),
            raises("tag 20", **{**page(2, 5), "xpath_tags_seq": full(20, 2, 5, 6)}),
            raises("tag -1", **{**page(2, 5), "xpath_tags_seq": full(-1, 2, 5, 6)}),
            raises("subscript 30", **{**page(2, 5), "xpath_subs_seq": full(30, 2, 5, 6)}),
            raises("subscript -1", **{**page(2, 5), "xpath_subs_seq": full(-1, 2, 5, 6)}),
            raises("tags five deep", **{**page(2, 5), "xpath_tags_seq": ids(2, 5, 5, below=20)}),
            unmeant("tags seven deep", Policy.REMAINDER, **{**page(2, 5), "xpath_tags_seq": ids(2, 5, 7, below=20)}),
            raises("one tag per word", **{**page(2, 5), "xpath_tags_seq": ids(2, 5, below=20)}),
            raises("tags of four words for five", **{**page(2, 5), "xpath_tags_seq": ids(2, 4, 6, below=20)}),
            raises("tags of three pages for two", **{**page(2, 5), "xpath_tags_seq": ids(3, 5, 6, below=20)}),
            unmeant("tags of one page", Policy.TIE, **{**page(2, 5), "xpath_tags_seq": ids(1, 5, 6, below=20)}),
            raises("mask of another length", **{**page(2, 5), "attention_mask": mask(6, 6, 3)}),
            raises("three masks for two", **{**page(2, 5), "attention_mask": mask(5, 5, 5, 5)}),
            raises("token type 2", **page(2, 5), token_type_ids=full(2, 2, 5)),
            raises("no batch axes", **{name: tensor[0] for name, tensor in page(1, 5).items()}),
            raises("float words", **{**page(2, 5), "input_ids": floats(2, 5)}),
            raises("float tags", **{**page(2, 5), "xpath_tags_seq": floats(2, 5, 6)}),
            unmeant("int32 words", Policy.DTYPE, **{**page(2, 5), "input_ids": 1 + ids(2, 5, below=65).int()}),
            unmeant("labels", Policy.LEFT_OUT, **page(2, 5), labels=ids(2, 5, below=5)),
            raises("no words", **{k: v for k, v in page(2, 5).items() if k != "input_ids"}),
        ],
    ),
)
