# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Encoders and decoders of transformers for text: DistilBERT, ELECTRA, DeBERTa, OPT."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def make_distilbert():
    from transformers import DistilBertConfig, DistilBertForQuestionAnswering

    config = DistilBertConfig(vocab_size=95, dim=24, n_layers=2, n_heads=3, hidden_dim=32, max_position_embeddings=36)
    return DistilBertForQuestionAnswering(config)


def make_electra():
    from transformers import ElectraConfig, ElectraForPreTraining

    config = ElectraConfig(
        vocab_size=90, embedding_size=12, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=32, max_position_embeddings=28,
    )  # fmt: skip
    return ElectraForPreTraining(config)


def make_deberta():
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    config = DebertaV2Config(
        vocab_size=92, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=64, relative_attention=True, position_buckets=8, pos_att_type="p2c|c2p",
        position_biased_input=False, type_vocab_size=0, num_labels=4,
    )  # fmt: skip
    return DebertaV2ForSequenceClassification(config)


def make_opt():
    from transformers import OPTConfig, OPTForCausalLM

    config = OPTConfig(
        vocab_size=86, hidden_size=24, num_hidden_layers=2, ffn_dim=32, max_position_embeddings=30,
        num_attention_heads=3, word_embed_proj_dim=16, use_cache=False,
    )  # fmt: skip
    return OPTForCausalLM(config)


CASES = (
    Case(
        "distilbert_answers",
        needs="transformers",
        build=make_distilbert,
        example=lambda: call(input_ids=ids(2, 12, below=95), attention_mask=mask(12, 12, 9)),
        good=lambda: [
            call(ids(1, 1, below=95)),
            call(input_ids=ids(2, 36, below=95)),
            call(torch.tensor([[0, 94, 0]])),
            call(input_ids=ids(2, 5, below=95), attention_mask=mask(5, 5, 2)),
            call(ids(7, 3, below=95), ones(7, 3)),
            call(input_ids=ids(2, 4, below=95), position_ids=torch.tensor([[0, 1, 2, 35], [3, 2, 1, 0]])),
            call(input_ids=ids(3, 4, below=95), attention_mask=None),
        ],
        bad=lambda: [
            raises("37 tokens", ids(1, 37, below=95)),
            raises("id 95", torch.full((1, 4), 95)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("position 36", input_ids=ids(2, 4, below=95), position_ids=36 * ones(2, 4)),
            raises("positions of another length", input_ids=ids(2, 4, below=95), position_ids=ids(2, 5, below=36)),
            raises("mask of another length", ids(2, 4, below=95), mask(5, 3, 3)),
            raises("one mask row for two", ids(2, 4, below=95), mask(4, 3)),
            unmeant("a third mask row for two", Policy.TIE, ids(2, 4, below=95), mask(4, 3, 3, 3)),
            raises("mask without batch", ids(2, 4, below=95), mask(4, 3)[0]),
            raises("no batch axis", ids(4, below=95)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=95).int()),
            unmeant(
                "token types, swallowed", Policy.UNEXPECTED, input_ids=ids(2, 4, below=95), token_type_ids=ones(2, 4)
            ),
            unmeant(
                "answers to learn from",
                Policy.LEFT_OUT,
                input_ids=ids(2, 4, below=95),
                start_positions=ones(2),
                end_positions=ones(2),
            ),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("attentions too", Policy.FLAG, ids(2, 4, below=95), output_attentions=True),
            raises("empty batch", ids(0, 4, below=95)),
            raises("nothing"),
        ],
    ),
    Case(
        "electra_discriminator",
        needs="transformers",
        build=make_electra,
        example=lambda: call(input_ids=ids(1, 10, below=90)),
        good=lambda: [
            call(ids(1, 1, below=90)),
            call(ids(2, 28, below=90)),
            call(input_ids=torch.tensor([[89, 0]])),
            call(input_ids=ids(2, 6, below=90), attention_mask=mask(6, 4, 6)),
            call(input_ids=ids(3, 5, below=90), token_type_ids=torch.tensor([[0, 0, 0, 1, 1]] * 3)),
            call(ids(2, 3, below=90), ones(2, 3), torch.zeros(2, 3, dtype=torch.int64)),
            call(input_ids=ids(2, 4, below=90), position_ids=torch.tensor([[27, 0, 1, 2], [0, 1, 2, 3]])),
        ],
        bad=lambda: [
            raises("29 tokens", ids(1, 29, below=90)),
            raises("id 90", torch.full((2, 3), 90)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("token type 2", input_ids=ids(2, 4, below=90), token_type_ids=2 * ones(2, 4)),
            raises("token type -1", input_ids=ids(2, 4, below=90), token_type_ids=-ones(2, 4)),
            raises("position 28", input_ids=ids(2, 4, below=90), position_ids=28 * ones(2, 4)),
            raises("token types of another length", input_ids=ids(2, 4, below=90), token_type_ids=ones(2, 3)),
            raises("token types of another batch", input_ids=ids(2, 4, below=90), token_type_ids=ones(3, 4)),
            raises("mask of another length", ids(2, 4, below=90), mask(3, 2, 2)),
            unmeant("a third mask row for two", Policy.TIE, ids(2, 4, below=90), mask(4, 2, 2, 2)),
            raises("no batch axis", ids(4, below=90)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=90).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=90), labels=ids(2, 4, below=2)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 12)),
            raises("one dict", {"input_ids": ids(2, 4, below=90)}),
        ],
    ),
    Case(
        "deberta_relative",
        needs="transformers",
        build=make_deberta,
        example=lambda: call(input_ids=ids(2, 9, below=92), attention_mask=mask(9, 9, 6)),
        good=lambda: [
            call(ids(1, 1, below=92)),
            call(ids(2, 64, below=92)),
            call(input_ids=torch.tensor([[0, 91]])),
            call(input_ids=ids(3, 6, below=92), attention_mask=mask(6, 4, 6, 1)),
            call(ids(8, 2, below=92), ones(8, 2)),
            call(input_ids=ids(1, 33, below=92)),
        ],
        bad=lambda: [
            raises("id 92", torch.full((1, 4), 92)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("mask of another length", ids(2, 4, below=92), ones(2, 5)),
            raises("a third mask row for two", ids(2, 4, below=92), ones(3, 4)),
            unmeant("one mask row for two", Policy.TIE, ids(2, 4, below=92), mask(4, 3)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=92).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=92), labels=ones(2)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("hidden states too", Policy.FLAG, ids(2, 4, below=92), output_hidden_states=True),
            unmeant("a misspelt mask, swallowed", Policy.UNEXPECTED, input_ids=ids(2, 4, below=92), masks=ones(2, 4)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=92), inputs_embeds=floats(2, 4, 24)),
            raises("only a mask", attention_mask=ones(2, 4)),
            raises("python lists", [[1, 2, 3]]),
            raises("nothing"),
        ],
    ),
    Case(
        "opt_shifted_positions",
        needs="transformers",
        build=make_opt,
        example=lambda: call(input_ids=ids(2, 7, below=86), attention_mask=ones(2, 7)),
        good=lambda: [
            call(ids(1, 1, below=86)),
            call(input_ids=ids(2, 30, below=86)),
            call(torch.tensor([[85, 0, 85]])),
            call(input_ids=ids(2, 6, below=86), attention_mask=torch.tensor([[0, 0, 1, 1, 1, 1], [1] * 6])),
            call(ids(2, 5, below=86), mask(5, 3, 5)),
            call(input_ids=ids(2, 4, below=86), position_ids=torch.tensor([[0, 1, 2, 29], [3, 4, 5, 6]])),
            call(ids(9, 2, below=86), ones(9, 2)),
        ],
        bad=lambda: [
            raises("31 tokens", ids(1, 31, below=86)),
            raises("id 86", torch.full((1, 3), 86)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("position 30", input_ids=ids(2, 4, below=86), position_ids=30 * ones(2, 4)),
            raises("position -3", input_ids=ids(2, 4, below=86), position_ids=-3 * ones(2, 4)),
            raises("mask of another length", ids(2, 4, below=86), mask(5, 3, 3)),
            raises("a third mask row for two", ids(2, 4, below=86), mask(4, 3, 3, 3)),
            raises("one mask row for two", ids(2, 4, below=86), mask(4, 3)),
            unmeant("no batch axis", Policy.RANK, ids(4, below=86)),
            unmeant("an axis too many", Policy.RANK, ids(2, 3, 4, below=86)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=86).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=86), labels=ids(2, 4, below=86)),
            unmeant(
                "token types, swallowed", Policy.UNEXPECTED, input_ids=ids(2, 4, below=86), token_type_ids=ones(2, 4)
            ),
            unmeant("only the last logits", Policy.FLAG, ids(2, 4, below=86), logits_to_keep=1),
            raises("nothing"),
        ],
    ),
)
