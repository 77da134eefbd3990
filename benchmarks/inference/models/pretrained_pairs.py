# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers that take two things at once: a question with its picture, a series with its calendar."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_inf, with_nan


def make_vilt_answers():
    from transformers import ViltConfig, ViltForQuestionAnswering

    config = ViltConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=12, image_size=24, patch_size=8, num_labels=5,
    )  # fmt: skip
    return ViltForQuestionAnswering(config)


def question(b, t, height=24, width=24):
    """What the processor returns."""
    return {
        "input_ids": ids(b, t, below=60),
        "token_type_ids": torch.zeros(b, t, dtype=torch.int64),
        "attention_mask": ones(b, t),
        "pixel_values": floats(b, 3, height, width),
        "pixel_mask": ones(b, height, width),
    }


def padded_pictures():
    """Two pictures in one batch, of which the second is smaller."""
    mask = ones(2, 24, 32)
    mask[1, 16:] = 0
    mask[1, :, 24:] = 0
    return {**question(2, 5, 24, 32), "pixel_mask": mask}


def make_sam():
    from transformers import SamConfig, SamModel

    vision = {
        "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8,
        "output_channels": 16, "window_size": 2, "global_attn_indexes": [1], "num_pos_feats": 8,
        "initializer_range": 0.02,
    }  # fmt: skip
    prompts = {"hidden_size": 16, "image_size": 32, "patch_size": 8, "mask_input_channels": 8}
    decoder = {
        "hidden_size": 16, "mlp_dim": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
    }  # fmt: skip
    return SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))


def pixels(b):
    return floats(b, 3, 32, 32)


def points(b, prompts, n):
    return torch.rand(b, prompts, n, 2) * 32


def boxes(b, prompts):
    return torch.tensor([4.0, 6.0, 20.0, 30.0]).repeat(b, prompts, 1)


def make_marian():
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=50, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=20,
        pad_token_id=49, decoder_start_token_id=49, eos_token_id=0, forced_eos_token_id=0, scale_embedding=True,
        use_cache=False,
    )  # fmt: skip
    return MarianMTModel(config)


def sentences(b, s, t):
    return {"input_ids": ids(b, s, below=50), "attention_mask": ones(b, s), "decoder_input_ids": ids(b, t, below=50)}


def make_informer():
    from transformers import InformerConfig, InformerForPrediction

    config = InformerConfig(
        prediction_length=4, context_length=8, lags_sequence=[1, 2, 5], num_time_features=2,
        num_static_categorical_features=1, cardinality=[9], embedding_dimension=[3], d_model=16, encoder_layers=2,
        decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16, use_cache=False,
    )  # fmt: skip
    return InformerForPrediction(config)


def history(b, t=13):
    """A context of 8 steps, and 5 more for the longest lag."""
    return {
        "past_values": floats(b, t),
        "past_time_features": floats(b, 13, 2),
        "past_observed_mask": torch.ones(b, t),
        "static_categorical_features": ids(b, 1, below=9),
    }


CASES = (
    Case(
        "vilt_answers",
        needs="transformers",
        build=make_vilt_answers,
        example=lambda: call(**question(2, 6, 24, 32)),
        good=lambda: [
            call(**question(1, 1)),
            call(**question(3, 12)),
            call(**question(2, 4, 8, 8)),
            call(**question(1, 7, 40, 16)),
            call(**padded_pictures()),
            call(input_ids=ids(2, 5, below=60), pixel_values=floats(2, 3, 24, 24)),
            call(**{**question(2, 4), "attention_mask": torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])}),
            call(**{**question(2, 3), "token_type_ids": torch.tensor([[0, 0, 1], [0, 1, 1]])}),
            call(**{**question(1, 2), "input_ids": torch.tensor([[0, 59]])}),
        ],
        bad=lambda: [
            raises("13 tokens", **question(1, 13)),
            raises("id 60", **{**question(1, 3), "input_ids": torch.full((1, 3), 60)}),
            raises("id -1", **{**question(1, 3), "input_ids": torch.full((1, 3), -1)}),
            raises("token type 2", **{**question(1, 3), "token_type_ids": torch.full((1, 3), 2)}),
            raises("two questions on three pictures", **{**question(2, 4), "pixel_values": floats(3, 3, 24, 24)}),
            raises("mask of another length", **{**question(2, 4), "attention_mask": ones(2, 5)}),
            raises("mask of one question for two", **{**question(2, 4), "attention_mask": ones(1, 4)}),
            raises("token types of another length", **{**question(2, 4), "token_type_ids": ids(2, 5, below=2)}),
            unmeant(
                "token types of one question", Policy.TIE, **{**question(2, 4), "token_type_ids": ids(1, 4, below=2)}
            ),
            raises("a grey picture", **{**question(1, 4), "pixel_values": floats(1, 1, 24, 24)}),
            raises("a picture without batch", **{**question(1, 4), "pixel_values": floats(3, 24, 24)}),
            raises("a picture smaller than a patch", **question(1, 4, 7, 24)),
            unmeant("three rows over", Policy.REMAINDER, **question(1, 4, 27, 24)),
            unmeant("five columns over", Policy.REMAINDER, **question(1, 4, 24, 29)),
            raises("nothing of the picture is shown", **{**question(1, 4), "pixel_mask": 0 * ones(1, 24, 24)}),
            raises("mask of three pictures for two", **{**question(2, 4), "pixel_mask": ones(3, 24, 24)}),
            unmeant("bytes", Policy.DTYPE, **{**question(1, 4), "pixel_values": ids(1, 3, 24, 24, below=256).byte()}),
            unmeant(
                "float64 picture", Policy.DTYPE, **{**question(1, 4), "pixel_values": pixels(1)[..., :24, :24].double()}
            ),
            raises("float ids", **{**question(1, 4), "input_ids": floats(1, 4)}),
            unmeant("int32 ids", Policy.DTYPE, **{**question(1, 4), "input_ids": ids(1, 4, below=60).int()}),
            unmeant("nan", Policy.FINITE, **{**question(1, 4), "pixel_values": with_nan(floats(1, 3, 24, 24))}),
            raises("no picture", input_ids=ids(1, 4, below=60)),
            raises("no question", pixel_values=floats(1, 3, 24, 24)),
            unmeant("labels", Policy.LEFT_OUT, **question(2, 4), labels=torch.rand(2, 5)),
            unmeant(
                "embedded patches instead of a picture",
                Policy.LEFT_OUT,
                input_ids=ids(2, 4, below=60),
                image_embeds=floats(2, 9, 16),
                pixel_mask=ones(2, 3, 3),
            ),
        ],
    ),
    Case(
        "sam_prompts",
        needs="transformers",
        build=make_sam,
        example=lambda: call(pixel_values=pixels(2), input_points=points(2, 3, 4), input_labels=ids(2, 3, 4, below=2)),
        good=lambda: [
            call(pixels(1)),
            call(pixels(2), points(2, 1, 1)),
            call(pixels(1), points(1, 5, 2), ids(1, 5, 2, below=2)),
            call(pixel_values=pixels(3), input_points=points(3, 2, 6), input_labels=ids(3, 2, 6, below=2)),
            call(pixels(1), points(1, 1, 4), torch.tensor([[[1, 0, -1, -10]]])),
            call(pixel_values=pixels(2), input_boxes=boxes(2, 3)),
            call(pixel_values=pixels(2), input_points=points(2, 3, 2), input_boxes=boxes(2, 3)),
            call(pixel_values=pixels(2), input_points=points(2, 1, 1), input_masks=floats(2, 1, 16, 16)),
            call(pixels(1), points(1, 2, 1), ids(1, 2, 1, below=2), boxes(1, 2), floats(1, 1, 16, 16)),
        ],
        bad=lambda: [
            raises("image of 40", floats(1, 3, 40, 40), points(1, 1, 1)),
            raises("image of 32 x 24", floats(1, 3, 32, 24), points(1, 1, 1)),
            raises("grey image", floats(1, 1, 32, 32), points(1, 1, 1)),
            raises("image without batch", floats(3, 32, 32), points(1, 1, 1)),
            raises("no image", input_points=points(1, 1, 1)),
            raises("points without prompts", pixels(1), points(1, 1, 3)[0]),
            raises("points of one image for two", pixels(2), points(1, 2, 3)),
            raises("points in space", pixels(1), torch.rand(1, 1, 2, 3)),
            raises("labels of another number", pixels(1), points(1, 2, 4), ids(1, 2, 3, below=2)),
            raises("labels of one prompt for three", pixels(1), points(1, 3, 4), ids(1, 1, 4, below=2)),
            raises("labels of one image for two", pixels(2), points(2, 2, 4), ids(1, 2, 4, below=2)),
            unmeant("label 2", Policy.VALUE, pixels(1), points(1, 2, 2), torch.full((1, 2, 2), 2)),
            raises("boxes of one image for two", pixel_values=pixels(2), input_boxes=boxes(1, 2)),
            raises("boxes of five numbers", pixel_values=pixels(1), input_boxes=torch.rand(1, 2, 5)),
            raises("boxes without prompts", pixel_values=pixels(1), input_boxes=boxes(1, 1)[0]),
            raises("two boxes for three prompts", pixels(1), points(1, 3, 2), input_boxes=boxes(1, 2)),
            raises("mask as large as the image", pixel_values=pixels(1), input_masks=floats(1, 1, 32, 32)),
            raises("mask without channel", pixel_values=pixels(1), input_masks=floats(1, 16, 16)),
            unmeant(
                "mask of one image for two", Policy.TIE, pixels(2), points(2, 1, 1), input_masks=floats(1, 1, 16, 16)
            ),
            raises("float64 image", pixels(1).double(), points(1, 1, 1)),
            unmeant("nan image", Policy.FINITE, with_nan(pixels(1)), points(1, 1, 1)),
            unmeant("nan point", Policy.FINITE, pixels(1), with_nan(points(1, 1, 1))),
            unmeant("infinite point", Policy.FINITE, pixels(1), with_inf(points(1, 1, 1))),
            unmeant("one mask only", Policy.FLAG, pixels(1), points(1, 1, 1), multimask_output=False),
            unmeant(
                "embedded image", Policy.LEFT_OUT, input_points=points(1, 1, 1), image_embeddings=floats(1, 16, 4, 4)
            ),
        ],
    ),
    Case(
        "marian_translation",
        needs="transformers",
        build=make_marian,
        example=lambda: call(**sentences(2, 7, 5)),
        good=lambda: [
            call(**sentences(1, 1, 1)),
            call(**sentences(3, 20, 2)),
            call(**sentences(2, 3, 20)),
            call(input_ids=ids(2, 6, below=50), decoder_input_ids=ids(2, 6, below=50)),
            call(**{**sentences(2, 4, 3), "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])}),
            call(**sentences(2, 4, 3), decoder_attention_mask=torch.tensor([[1, 1, 1], [1, 0, 0]])),
            call(input_ids=torch.tensor([[0, 49]]), decoder_input_ids=torch.tensor([[49, 0, 1]])),
            call(ids(2, 4, below=50), ones(2, 4), ids(2, 3, below=50), ones(2, 3)),
        ],
        bad=lambda: [
            raises("21 tokens", **sentences(1, 21, 3)),
            raises("21 target tokens", **sentences(1, 3, 21)),
            raises("id 50", **{**sentences(1, 3, 2), "input_ids": torch.full((1, 3), 50)}),
            raises("id -1", **{**sentences(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("target id 50", **{**sentences(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 50)}),
            raises("target id -100", **{**sentences(1, 3, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises("batches differ", input_ids=ids(2, 3, below=50), decoder_input_ids=ids(3, 3, below=50)),
            raises(
                "mask of another length", **{**sentences(2, 3, 2), "attention_mask": torch.tensor([[1, 1, 0, 0]] * 2)}
            ),
            raises(
                "target mask of another length",
                **sentences(2, 3, 2),
                decoder_attention_mask=torch.tensor([[1, 0, 0]] * 2),
            ),
            raises("no target", input_ids=ids(1, 3, below=50)),
            raises("no source", decoder_input_ids=ids(1, 3, below=50)),
            raises("no batch axes", ids(3, below=50), decoder_input_ids=ids(2, below=50)),
            raises("float ids", **{**sentences(1, 3, 2), "input_ids": floats(1, 3)}),
            unmeant("int32 ids", Policy.DTYPE, **{**sentences(1, 3, 2), "input_ids": ids(1, 3, below=50).int()}),
            unmeant("labels instead", Policy.LEFT_OUT, input_ids=ids(1, 3, below=50), labels=ids(1, 3, below=50)),
            unmeant(
                "embeddings instead of ids",
                Policy.LEFT_OUT,
                inputs_embeds=floats(1, 3, 16),
                decoder_input_ids=ids(1, 2, below=50),
            ),
            raises("a list of ids", [[1, 2, 3]], decoder_input_ids=ids(1, 2, below=50)),
        ],
    ),
    Case(
        "informer_forecast",
        needs="transformers",
        build=make_informer,
        example=lambda: call(**history(2)),
        good=lambda: [
            call(**history(1)),
            call(**history(3)),
            call(**history(8)),
            call(*history(2).values()),
            call(**{**history(2), "static_categorical_features": torch.tensor([[0], [8]])}),
            call(**{**history(2), "past_observed_mask": ids(2, 13, below=2, dtype=torch.float32)}),
            call(**{**history(2), "past_values": 1000 * torch.rand(2, 13)}),
        ],
        bad=lambda: [
            raises("a history of 12 steps", **history(2, 12)),
            unmeant("a history of 15 steps", Policy.REMAINDER, **history(2, 15)),
            raises("calendar of 12 steps", **{**history(2), "past_time_features": floats(2, 12, 2)}),
            raises("calendar of 14 steps", **{**history(2), "past_time_features": floats(2, 14, 2)}),
            raises("three features of the calendar", **{**history(2), "past_time_features": floats(2, 13, 3)}),
            raises("calendar of one series for two", **{**history(2), "past_time_features": floats(1, 13, 2)}),
            raises("mask of 7 steps", **{**history(2), "past_observed_mask": torch.ones(2, 7)}),
            unmeant(
                "mask of one series for two", Policy.TIE, **{**history(2), "past_observed_mask": torch.ones(1, 13)}
            ),
            raises("category 9", **{**history(2), "static_categorical_features": torch.full((2, 1), 9)}),
            raises("category -1", **{**history(2), "static_categorical_features": torch.full((2, 1), -1)}),
            raises("two categories", **{**history(2), "static_categorical_features": ids(2, 2, below=9)}),
            raises("categories of three series", **{**history(2), "static_categorical_features": ids(3, 1, below=9)}),
            raises("float categories", **{**history(2), "static_categorical_features": torch.rand(2, 1)}),
            raises("no categories", **{k: v for k, v in history(2).items() if k != "static_categorical_features"}),
            raises("no mask", **{k: v for k, v in history(2).items() if k != "past_observed_mask"}),
            raises("a static number", **history(2), static_real_features=floats(2, 1)),
            raises("one series without batch", **{**history(1), "past_values": floats(13)}),
            unmeant("nan", Policy.FINITE, **{**history(2), "past_values": with_nan(floats(2, 13))}),
            unmeant("infinity", Policy.FINITE, **{**history(2), "past_values": with_inf(floats(2, 13))}),
            unmeant(
                "the future too",
                Policy.LEFT_OUT,
                **history(2),
                future_values=floats(2, 4),
                future_time_features=floats(2, 4, 2),
            ),
        ],
    ),
)
