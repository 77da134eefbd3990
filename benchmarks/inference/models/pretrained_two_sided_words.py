# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""More words for transformers: ERNIE with tasks, BioGPT, Granite, M2M-100, switch transformers."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant


def make_ernie():
    from transformers import ErnieConfig, ErnieForSequenceClassification

    config = ErnieConfig(
        vocab_size=91, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=28, type_vocab_size=4, task_type_vocab_size=3, use_task_id=True, num_labels=3,
    )  # fmt: skip
    return ErnieForSequenceClassification(config)


def make_biogpt():
    from transformers import BioGptConfig, BioGptForTokenClassification

    config = BioGptConfig(
        vocab_size=67, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=30, num_labels=5, use_cache=False,
    )  # fmt: skip
    return BioGptForTokenClassification(config)


def make_granite():
    from transformers import GraniteConfig, GraniteForCausalLM

    config = GraniteConfig(
        vocab_size=88, hidden_size=24, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
        intermediate_size=40, max_position_embeddings=64, embedding_multiplier=6.0, logits_scaling=4.0,
        residual_multiplier=0.3, use_cache=False,
    )  # fmt: skip
    return GraniteForCausalLM(config)


def make_m2m():
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    config = M2M100Config(
        vocab_size=72, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=20, use_cache=False,
    )  # fmt: skip
    return M2M100ForConditionalGeneration(config)


def make_switch():
    from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration

    config = SwitchTransformersConfig(
        vocab_size=64, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_sparse_encoder_layers=1, num_decoder_layers=2,
        num_sparse_decoder_layers=1, num_heads=2, num_experts=3, expert_capacity=16, use_cache=False,
    )  # fmt: skip
    return SwitchTransformersForConditionalGeneration(config)


CASES = (
    Case(
        "ernie_task_types",
        needs="transformers",
        build=make_ernie,
        example=lambda: call(
            input_ids=ids(2, 8, below=91), attention_mask=mask(8, 8, 6), token_type_ids=ids(2, 8, below=4)
        ),
        good=lambda: [
            call(ids(1, 1, below=91)),
            call(ids(3, 28, below=91), mask(28, 28, 14, 3)),
            call(input_ids=ids(2, 5, below=91), task_type_ids=2 * ones(2, 5)),
            call(torch.tensor([[0, 90, 0]]), ones(1, 3), torch.tensor([[0, 3, 1]]), torch.tensor([[2, 2, 2]])),
            call(input_ids=ids(2, 4, below=91), position_ids=torch.tensor([[0, 1, 2, 3], [24, 25, 26, 27]])),
            call(input_ids=ids(3, 6, below=91), token_type_ids=ids(3, 6, below=4)),
            call(ids(7, 2, below=91), attention_mask=ones(7, 2)),
            call(ids(1, 11, below=91), mask(11, 4)),
        ],
        bad=lambda: [
            raises("29 words", ids(1, 29, below=91)),
            raises("id 91", torch.full((2, 3), 91)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("segment 4", ids(2, 3, below=91), token_type_ids=4 * ones(2, 3)),
            raises("segment -1", ids(2, 3, below=91), token_type_ids=-ones(2, 3)),
            raises("task 3", ids(2, 3, below=91), task_type_ids=3 * ones(2, 3)),
            raises("task -1", ids(2, 3, below=91), task_type_ids=-ones(2, 3)),
            raises("position 28", ids(2, 3, below=91), position_ids=28 * ones(2, 3)),
            raises("position -1", ids(2, 3, below=91), position_ids=-ones(2, 3)),
            raises("mask of another length", ids(2, 4, below=91), mask(5, 5, 3)),
            raises("mask that is too short", ids(2, 4, below=91), mask(3, 3, 2)),
            raises("segments of another length", ids(2, 4, below=91), token_type_ids=ones(2, 5)),
            raises("tasks of another length", ids(2, 4, below=91), task_type_ids=ones(2, 3)),
            raises("segments of three for two", ids(2, 4, below=91), token_type_ids=ones(3, 4)),
            unmeant("one row of segments for two", Policy.TIE, ids(2, 4, below=91), token_type_ids=ones(1, 4)),
            unmeant("one row of tasks for two", Policy.TIE, ids(2, 4, below=91), task_type_ids=ones(1, 4)),
            unmeant("one task for a row", Policy.TIE, ids(2, 4, below=91), task_type_ids=ones(2, 1)),
            raises("no batch axis", ids(4, below=91)),
            raises("an axis too many", ids(2, 3, 4, below=91)),
            raises("float ids", floats(2, 4)),
            raises("float tasks", ids(2, 4, below=91), task_type_ids=torch.ones(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=91).int()),
            unmeant("labels", Policy.LEFT_OUT, ids(2, 4, below=91), labels=ids(2, below=3)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            raises("nothing"),
        ],
    ),
    Case(
        "biogpt_entities",
        needs="transformers",
        build=make_biogpt,
        example=lambda: call(input_ids=ids(2, 7, below=67), attention_mask=mask(7, 7, 5)),
        good=lambda: [
            call(ids(1, 1, below=67)),
            call(ids(3, 30, below=67)),
            call(input_ids=torch.tensor([[66, 0, 66]])),
            call(input_ids=ids(2, 6, below=67), attention_mask=mask(6, 2, 6)),
            call(input_ids=ids(2, 3, below=67), position_ids=torch.tensor([[0, 1, 2], [27, 28, 29]])),
            call(input_ids=ids(6, 9, below=67), attention_mask=ones(6, 9)),
            call(input_ids=ids(1, 4, below=67), attention_mask=mask(4, 3)),
        ],
        bad=lambda: [
            raises("31 words", ids(1, 31, below=67)),
            raises("id 67", torch.full((1, 3), 67)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("position 30", input_ids=ids(2, 3, below=67), position_ids=30 * ones(2, 3)),
            unmeant("position -1", Policy.VALUE, input_ids=ids(2, 3, below=67), position_ids=-ones(2, 3)),
            raises("position -3", input_ids=ids(2, 3, below=67), position_ids=-3 * ones(2, 3)),
            raises("positions of another length", input_ids=ids(2, 3, below=67), position_ids=ones(2, 4)),
            raises("mask that is too short", input_ids=ids(2, 4, below=67), attention_mask=mask(3, 3, 2)),
            raises("a third row of positions", input_ids=ids(2, 4, below=67), position_ids=ones(3, 4)),
            raises("no batch axis", ids(4, below=67)),
            raises("an axis too many", ids(2, 3, 4, below=67)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=67).int()),
            unmeant("segments, unread", Policy.UNEXPECTED, ids(2, 4, below=67), token_type_ids=ones(2, 4)),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=67), labels=ids(2, 4, below=5)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            raises("nothing"),
        ],
    ),
    Case(
        "granite_scaled_logits",
        needs="transformers",
        build=make_granite,
        example=lambda: call(input_ids=ids(2, 9, below=88)),
        good=lambda: [
            call(ids(1, 1, below=88)),
            call(ids(3, 6, below=88)),
            call(input_ids=ids(2, 50, below=88)),
            call(input_ids=torch.tensor([[87, 0]])),
            call(ids(2, 5, below=88), mask(5, 5, 3)),
            call(input_ids=ids(2, 4, below=88), attention_mask=torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])),
            call(ids(2, 4, below=88), ones(2, 4), torch.tensor([[0, 0, 0, 1], [0, 1, 2, 3]])),
            call(input_ids=ids(5, 3, below=88), attention_mask=ones(5, 3)),
        ],
        bad=lambda: [
            raises("id 88", torch.full((2, 3), 88)),
            raises("id -1", torch.full((2, 3), -1)),
            raises("no batch axis", ids(5, below=88)),
            raises("an axis too many", ids(2, 3, 4, below=88)),
            raises("mask that is too short", ids(2, 4, below=88), mask(3, 3, 2)),
            raises("positions of another length", ids(2, 4, below=88), position_ids=ones(2, 5)),
            raises("a third row of positions", ids(2, 4, below=88), position_ids=ones(3, 4)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=88).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=88), labels=ids(2, 4, below=88)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            unmeant("only the last logits", Policy.FLAG, input_ids=ids(2, 4, below=88), logits_to_keep=1),
            raises("ids and embeddings", input_ids=ids(2, 4, below=88), inputs_embeds=floats(2, 4, 24)),
            raises("nothing"),
        ],
    ),
    Case(
        "m2m_many_languages",
        needs="transformers",
        build=make_m2m,
        example=lambda: call(
            input_ids=ids(2, 7, below=72), attention_mask=mask(7, 7, 5), decoder_input_ids=ids(2, 5, below=72)
        ),
        good=lambda: [
            call(ids(1, 1, below=72), decoder_input_ids=ids(1, 1, below=72)),
            call(ids(3, 18, below=72), decoder_input_ids=ids(3, 4, below=72)),
            call(input_ids=ids(2, 4, below=72), decoder_input_ids=ids(2, 19, below=72)),
            call(torch.tensor([[71, 0, 1, 1]]), mask(4, 2), torch.tensor([[2, 71, 0]])),
            call(ids(3, 6, below=72), mask(6, 6, 4, 1), ids(3, 2, below=72)),
            call(
                input_ids=ids(2, 6, below=72),
                decoder_input_ids=ids(2, 3, below=72),
                decoder_attention_mask=mask(3, 3, 2),
            ),
            call(ids(5, 3, below=72), ones(5, 3), ids(5, 8, below=72), ones(5, 8)),
        ],
        bad=lambda: [
            raises("source id 72", torch.full((2, 3), 72), decoder_input_ids=ids(2, 3, below=72)),
            raises("source id -1", torch.full((2, 3), -1), decoder_input_ids=ids(2, 3, below=72)),
            raises("target id 72", ids(2, 3, below=72), decoder_input_ids=torch.full((2, 3), 72)),
            raises("target id -100", ids(2, 3, below=72), decoder_input_ids=torch.full((2, 3), -100)),
            raises("batches differ", ids(2, 5, below=72), decoder_input_ids=ids(3, 4, below=72)),
            raises("one target for two sources", ids(2, 5, below=72), decoder_input_ids=ids(1, 4, below=72)),
            raises("mask that is too short", ids(2, 4, below=72), mask(3, 3, 2), ids(2, 3, below=72)),
            raises("no target", ids(2, 4, below=72)),
            raises("only a target", decoder_input_ids=ids(2, 4, below=72)),
            raises("no batch axis", ids(4, below=72), decoder_input_ids=ids(1, 3, below=72)),
            raises("target without batch", ids(1, 4, below=72), decoder_input_ids=ids(3, below=72)),
            raises("an axis too many", ids(2, 3, 4, below=72), decoder_input_ids=ids(2, 3, below=72)),
            raises("float source", floats(2, 4), decoder_input_ids=ids(2, 3, below=72)),
            unmeant("int32 source", Policy.DTYPE, ids(2, 4, below=72).int(), decoder_input_ids=ids(2, 3, below=72)),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=72), labels=ids(2, 3, below=72)),
            unmeant(
                "embeddings instead of the source",
                Policy.LEFT_OUT,
                inputs_embeds=floats(2, 4, 16),
                decoder_input_ids=ids(2, 3, below=72),
            ),
        ],
    ),
    Case(
        "switch_routed_spans",
        needs="transformers",
        build=make_switch,
        example=lambda: call(
            input_ids=ids(2, 8, below=64), attention_mask=mask(8, 8, 5), decoder_input_ids=ids(2, 4, below=64)
        ),
        good=lambda: [
            call(ids(1, 1, below=64), decoder_input_ids=ids(1, 1, below=64)),
            call(ids(3, 14, below=64), decoder_input_ids=ids(3, 2, below=64)),
            call(input_ids=ids(2, 3, below=64), decoder_input_ids=ids(2, 12, below=64)),
            call(torch.tensor([[63, 0, 1]]), ones(1, 3), torch.tensor([[0, 63]])),
            call(ids(3, 6, below=64), mask(6, 6, 4, 1), ids(3, 5, below=64)),
            call(ids(2, 6, below=64), mask(6, 6, 4), ids(2, 3, below=64), mask(3, 2, 3)),
            call(input_ids=ids(5, 4, below=64), decoder_input_ids=ids(5, 4, below=64)),
        ],
        bad=lambda: [
            raises("source id 64", torch.full((2, 3), 64), decoder_input_ids=ids(2, 3, below=64)),
            raises("source id -1", torch.full((2, 3), -1), decoder_input_ids=ids(2, 3, below=64)),
            raises("target id 64", ids(2, 3, below=64), decoder_input_ids=torch.full((2, 3), 64)),
            raises("target id -100", ids(2, 3, below=64), decoder_input_ids=torch.full((2, 3), -100)),
            raises("batches differ", ids(2, 5, below=64), decoder_input_ids=ids(3, 4, below=64)),
            raises("one target for two sources", ids(2, 5, below=64), decoder_input_ids=ids(1, 4, below=64)),
            raises("mask of another length", ids(2, 4, below=64), mask(5, 5, 3), ids(2, 3, below=64)),
            raises("mask that is too short", ids(2, 4, below=64), mask(3, 3, 2), ids(2, 3, below=64)),
            raises("mask of three for two", ids(2, 4, below=64), ones(3, 4), ids(2, 3, below=64)),
            raises("mask without batch", ids(2, 4, below=64), ones(4), ids(2, 3, below=64)),
            raises("no target", ids(2, 4, below=64)),
            raises("only a target", decoder_input_ids=ids(2, 4, below=64)),
            raises("no batch axis", ids(4, below=64), decoder_input_ids=ids(1, 3, below=64)),
            raises("an axis too many", ids(2, 3, 4, below=64), decoder_input_ids=ids(2, 3, below=64)),
            raises("float target", ids(2, 4, below=64), decoder_input_ids=floats(2, 3)),
            unmeant("int32 source", Policy.DTYPE, ids(2, 4, below=64).int(), decoder_input_ids=ids(2, 3, below=64)),
            unmeant(
                "embeddings instead of the source",
                Policy.LEFT_OUT,
                inputs_embeds=floats(2, 4, 16),
                decoder_input_ids=ids(2, 3, below=64),
            ),
        ],
    ),
)
