# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""More of transformers: BART, LayoutLM with boxes, the decision transformer, Mamba."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant, with_inf, with_nan


def make_bart():
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=78, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=26, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, use_cache=False,
    )  # fmt: skip
    return BartForConditionalGeneration(config)


def make_layoutlm():
    from transformers import LayoutLMConfig, LayoutLMForTokenClassification

    config = LayoutLMConfig(
        vocab_size=84, hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=32, max_2d_position_embeddings=128, num_labels=5,
    )  # fmt: skip
    return LayoutLMForTokenClassification(config)


def make_decision_transformer():
    from transformers import DecisionTransformerConfig, DecisionTransformerModel

    config = DecisionTransformerConfig(
        state_dim=5, act_dim=3, hidden_size=24, max_ep_len=40, n_layer=1, n_head=2, n_positions=96
    )
    return DecisionTransformerModel(config)


def make_mamba():
    from transformers import MambaConfig, MambaForCausalLM

    return MambaForCausalLM(
        MambaConfig(vocab_size=73, hidden_size=16, state_size=4, num_hidden_layers=1, use_cache=False)
    )


def words(b, t):
    """Ids, and boxes whose second corner is right of and below the first."""
    corner = ids(b, t, 2, below=60)
    return {"input_ids": ids(b, t, below=84), "bbox": torch.cat([corner, corner + ids(b, t, 2, below=60)], dim=-1)}


def box(*values):
    return {"input_ids": ids(1, 1, below=84), "bbox": torch.tensor([[values]])}


def trajectory(b, t):
    return {
        "states": floats(b, t, 5),
        "actions": floats(b, t, 3),
        "returns_to_go": floats(b, t, 1),
        "timesteps": ids(b, t, below=40),
    }


def trajectory_with(b=2, t=4, **changed):
    return call(**{**trajectory(b, t), **changed})


CASES = (
    Case(
        "bart_summary",
        needs="transformers",
        build=make_bart,
        example=lambda: call(
            input_ids=ids(2, 9, below=78), attention_mask=mask(9, 9, 7), decoder_input_ids=ids(2, 4, below=78)
        ),
        good=lambda: [
            call(ids(1, 1, below=78), decoder_input_ids=ids(1, 1, below=78)),
            call(input_ids=ids(2, 26, below=78), decoder_input_ids=ids(2, 3, below=78)),
            call(input_ids=ids(2, 3, below=78), decoder_input_ids=ids(2, 26, below=78)),
            call(input_ids=ids(3, 5, below=78)),
            call(input_ids=torch.tensor([[0, 77]]), decoder_input_ids=torch.tensor([[77, 0, 1]])),
            call(ids(2, 6, below=78), mask(6, 4, 6), decoder_input_ids=ids(2, 3, below=78)),
            call(
                input_ids=ids(2, 6, below=78),
                decoder_input_ids=ids(2, 3, below=78),
                decoder_attention_mask=mask(3, 3, 2),
            ),
        ],
        bad=lambda: [
            raises("source of 27", ids(1, 27, below=78), decoder_input_ids=ids(1, 3, below=78)),
            raises("target of 27", ids(1, 5, below=78), decoder_input_ids=ids(1, 27, below=78)),
            raises("source id 78", torch.full((1, 3), 78), decoder_input_ids=ids(1, 3, below=78)),
            raises("source id -1", torch.full((1, 3), -1), decoder_input_ids=ids(1, 3, below=78)),
            raises("target id 78", ids(1, 3, below=78), decoder_input_ids=torch.full((1, 3), 78)),
            raises("target id -100", ids(1, 3, below=78), decoder_input_ids=torch.tensor([[5, -100, -100]])),
            raises("batches differ", ids(2, 5, below=78), decoder_input_ids=ids(3, 4, below=78)),
            raises("one target for two sources", ids(2, 5, below=78), decoder_input_ids=ids(1, 4, below=78)),
            raises("mask of another length", ids(2, 4, below=78), mask(5, 3, 3)),
            unmeant("a third mask row for two", Policy.TIE, ids(2, 4, below=78), mask(4, 3, 3, 3)),
            raises(
                "target mask of another length",
                ids(2, 4, below=78),
                decoder_input_ids=ids(2, 3, below=78),
                decoder_attention_mask=mask(4, 3, 2),
            ),
            raises("only a target", decoder_input_ids=ids(2, 4, below=78)),
            raises("no batch axis", ids(4, below=78)),
            raises("an axis too many", ids(2, 3, 4, below=78)),
            raises("target without batch", ids(1, 4, below=78), decoder_input_ids=ids(4, below=78)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=78).int(), decoder_input_ids=ids(2, 3, below=78)),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=78), labels=ids(2, 3, below=78)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(2, 4, 16),
                decoder_input_ids=ids(2, 3, below=78),
            ),
            raises("nothing"),
        ],
    ),
    Case(
        "layoutlm_boxes",
        needs="transformers",
        build=make_layoutlm,
        example=lambda: call(**words(2, 6), attention_mask=ones(2, 6)),
        good=lambda: [
            call(**words(1, 1)),
            call(**words(2, 32)),
            call(**box(0, 0, 127, 127)),
            call(**words(3, 5), attention_mask=mask(5, 5, 2, 4)),
            call(**words(2, 4), token_type_ids=torch.tensor([[0, 0, 1, 1]] * 2)),
            call(**words(2, 4), position_ids=torch.tensor([[0, 1, 2, 31], [0, 1, 2, 3]])),
            call(**words(7, 3), attention_mask=ones(7, 3)),
        ],
        bad=lambda: [
            raises("33 words", **words(1, 33)),
            raises("id 84", **{**words(1, 3), "input_ids": torch.full((1, 3), 84)}),
            raises("id -1", **{**words(1, 3), "input_ids": torch.full((1, 3), -1)}),
            raises("box to the right of the page", **box(0, 0, 128, 20)),
            raises("box under the page", **box(0, 0, 20, 128)),
            raises("box left of the page", **box(-1, 0, 3, 5)),
            raises("boxes in pixels", **box(100, 200, 900, 750)),
            raises("boxes for other words", **{**words(2, 5), "bbox": words(2, 4)["bbox"]}),
            raises("boxes of another batch", **{**words(2, 5), "bbox": words(3, 5)["bbox"]}),
            unmeant("boxes of one page for two", Policy.TIE, **{**words(2, 5), "bbox": words(1, 5)["bbox"]}),
            unmeant("one box for five words", Policy.TIE, **{**words(2, 5), "bbox": words(2, 1)["bbox"]}),
            raises("boxes of three numbers", **{**words(2, 5), "bbox": words(2, 5)["bbox"][..., :3]}),
            unmeant(
                "boxes of five numbers",
                Policy.REMAINDER,
                **{**words(2, 5), "bbox": words(2, 5)["bbox"][..., [0, 1, 2, 3, 3]]},
            ),
            raises("float boxes", **{**words(2, 5), "bbox": words(2, 5)["bbox"].float()}),
            raises("mask of another length", **words(2, 4), attention_mask=mask(5, 3, 3)),
            raises("a third mask row for two", **words(2, 4), attention_mask=mask(4, 3, 3, 3)),
            raises("token type 2", **words(2, 4), token_type_ids=2 * ones(2, 4)),
            raises("position 32", **words(2, 4), position_ids=32 * ones(2, 4)),
            raises("no batch axes", **{key: value[0] for key, value in words(1, 4).items()}),
            unmeant("labels", Policy.LEFT_OUT, **words(2, 4), labels=ones(2, 4)),
            raises("only boxes", bbox=words(2, 4)["bbox"]),
        ],
    ),
    Case(
        "decision_transformer",
        needs="transformers",
        build=make_decision_transformer,
        example=lambda: call(**trajectory(2, 6), attention_mask=ones(2, 6)),
        good=lambda: [
            call(**trajectory(1, 1)),
            call(**trajectory(2, 20)),
            call(**trajectory(3, 7)),
            call(**trajectory(2, 4), attention_mask=torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])),
            trajectory_with(timesteps=torch.tensor([[0, 1, 2, 3], [36, 37, 38, 39]])),
            call(**trajectory(5, 2), attention_mask=ones(5, 2)),
            call(**trajectory(1, 32)),
        ],
        bad=lambda: [
            raises("state of 4", **{**trajectory(2, 4), "states": floats(2, 4, 4)}),
            raises("action of 4", **{**trajectory(2, 4), "actions": floats(2, 4, 4)}),
            raises("two returns", **{**trajectory(2, 4), "returns_to_go": floats(2, 4, 2)}),
            raises("returns without their axis", **{**trajectory(2, 4), "returns_to_go": floats(2, 4)}),
            raises("timestep 40", **{**trajectory(2, 4), "timesteps": torch.full((2, 4), 40)}),
            raises("timestep -1", **{**trajectory(2, 4), "timesteps": torch.full((2, 4), -1)}),
            raises("timesteps as floats", **{**trajectory(2, 4), "timesteps": torch.zeros(2, 4)}),
            raises("a step of states too many", **{**trajectory(2, 4), "states": floats(2, 5, 5)}),
            raises("an action short", **{**trajectory(2, 4), "actions": floats(2, 3, 3)}),
            raises("a timestep short", **{**trajectory(2, 4), "timesteps": ids(2, 3, below=40)}),
            unmeant("timesteps of one for two", Policy.TIE, **{**trajectory(2, 4), "timesteps": ids(1, 4, below=40)}),
            unmeant("timesteps without batch", Policy.RANK, **{**trajectory(2, 4), "timesteps": ids(4, below=40)}),
            raises("states of one for two", **{**trajectory(2, 4), "states": floats(1, 4, 5)}),
            raises("mask of another length", **trajectory(2, 4), attention_mask=ones(2, 5)),
            raises("mask of another batch", **trajectory(2, 4), attention_mask=ones(3, 4)),
            raises("one mask row for two", **trajectory(2, 4), attention_mask=ones(1, 4)),
            raises("no actions", **{key: value for key, value in trajectory(2, 4).items() if key != "actions"}),
            unmeant("nan in the states", Policy.FINITE, **{**trajectory(2, 4), "states": with_nan(floats(2, 4, 5))}),
            unmeant(
                "an endless return", Policy.FINITE, **{**trajectory(2, 4), "returns_to_go": with_inf(floats(2, 4, 1))}
            ),
            raises("states as float64", **{**trajectory(2, 4), "states": floats(2, 4, 5).double()}),
        ],
    ),
    Case(
        "mamba_lm",
        needs="transformers",
        build=make_mamba,
        example=lambda: call(input_ids=ids(2, 8, below=73)),
        good=lambda: [
            call(ids(1, 1, below=73)),
            call(ids(2, 3, below=73)),
            call(input_ids=ids(1, 70, below=73)),
            call(input_ids=torch.tensor([[72, 0, 72]])),
            call(input_ids=ids(2, 6, below=73), attention_mask=torch.tensor([[0, 0, 1, 1, 1, 1], [1] * 6])),
            call(ids(5, 4, below=73), ones(5, 4)),
        ],
        bad=lambda: [
            raises("id 73", torch.full((1, 4), 73)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("no batch axis", ids(4, below=73)),
            raises("an axis too many", ids(2, 3, 4, below=73)),
            raises("mask of another length", ids(2, 4, below=73), ones(2, 5)),
            raises("a third mask row for two", ids(2, 4, below=73), mask(4, 3, 3, 3)),
            unmeant("one mask row for two", Policy.TIE, ids(2, 4, below=73), mask(4, 3)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=73).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=73), labels=ids(2, 4, below=73)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            unmeant(
                "positions, swallowed",
                Policy.UNEXPECTED,
                input_ids=ids(2, 4, below=73),
                position_ids=ids(2, 4, below=4),
            ),
            unmeant("only the last logits", Policy.FLAG, input_ids=ids(2, 4, below=73), logits_to_keep=1),
            raises("nothing"),
        ],
    ),
)
