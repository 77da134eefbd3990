# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Vision, audio and time series of transformers: SegFormer, DINOv2, SigLIP, DETR, AST, PatchTST."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_inf, with_nan


def make_segformer():
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 12, 16, 20], num_attention_heads=[1, 2, 2, 2], decoder_hidden_size=16,
        num_labels=6,
    )  # fmt: skip
    return SegformerForSemanticSegmentation(config)


def make_dinov2():
    from transformers import Dinov2Config, Dinov2Model

    return Dinov2Model(
        Dinov2Config(
            hidden_size=24, num_hidden_layers=1, num_attention_heads=3, image_size=42, patch_size=14, mlp_ratio=2
        )
    )


def make_siglip():
    from transformers import SiglipConfig, SiglipModel

    text = {
        "vocab_size": 70, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 3,
        "max_position_embeddings": 16, "projection_size": 24, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 3, "image_size": 32,
        "patch_size": 16,
    }  # fmt: skip
    return SiglipModel(SiglipConfig(text_config=text, vision_config=vision))


def make_detr():
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage4"]
    )
    config = DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, d_model=16,
        encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24,
        decoder_ffn_dim=24, num_queries=6, num_labels=4,
    )  # fmt: skip
    return DetrForObjectDetection(config)


def make_ast():
    from transformers import ASTConfig, ASTForAudioClassification

    config = ASTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32, patch_size=8,
        frequency_stride=5, time_stride=5, max_length=48, num_mel_bins=18, num_labels=4,
    )  # fmt: skip
    return ASTForAudioClassification(config)


def make_patchtst():
    from transformers import PatchTSTConfig, PatchTSTForPrediction

    config = PatchTSTConfig(
        num_input_channels=3, context_length=32, patch_length=8, patch_stride=8, prediction_length=6, d_model=16,
        num_attention_heads=2, num_hidden_layers=1, ffn_dim=24,
    )  # fmt: skip
    return PatchTSTForPrediction(config)


def pairs(texts, t, images):
    return {"input_ids": ids(texts, t, below=70), "pixel_values": floats(images, 3, 32, 32)}


def pictures(*shape):
    return {"input_ids": ids(1, 4, below=70), "pixel_values": floats(*shape)}


def padded(b, size, *inside):
    """A mask of the pixels inside the picture, for pictures that were padded to one size."""
    mask = torch.zeros(b, size, size, dtype=torch.int64)
    for row, (height, width) in enumerate(inside):
        mask[row, :height, :width] = 1
    return mask


CASES = (
    Case(
        "segformer",
        needs="transformers",
        build=make_segformer,
        example=lambda: call(pixel_values=floats(1, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 64, 32)),
            call(floats(1, 3, 32, 96)),
            call(pixel_values=floats(3, 3, 64, 64)),
            call(pixel_values=floats(1, 3, 128, 64)),
            call(floats(4, 3, 32, 64)),
        ],
        bad=lambda: [
            raises("28 x 32", floats(1, 3, 28, 32)),
            raises("32 x 16", floats(1, 3, 32, 16)),
            raises("16 x 16", floats(1, 3, 16, 16)),
            raises("1 x 1", floats(1, 3, 1, 1)),
            raises("one channel", floats(1, 1, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("uint8", ids(1, 3, 32, 32, below=256).to(torch.uint8)),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, 32, 32, below=6)),
            unmeant("a mask, swallowed", Policy.UNEXPECTED, floats(2, 3, 32, 32), pixel_mask=ones(2, 32, 32)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("nothing"),
        ],
    ),
    Case(
        "dinov2",
        needs="transformers",
        build=make_dinov2,
        example=lambda: call(pixel_values=floats(1, 3, 42, 42)),
        good=lambda: [
            call(floats(1, 3, 14, 14)),
            call(floats(2, 3, 42, 42)),
            call(floats(1, 3, 28, 56)),
            call(pixel_values=floats(1, 3, 70, 42)),
            call(pixel_values=floats(3, 3, 14, 70)),
            call(floats(5, 3, 28, 28)),
        ],
        bad=lambda: [
            unmeant("43 x 42, cropped", Policy.REMAINDER, floats(1, 3, 43, 42)),
            unmeant("56 x 55, cropped", Policy.REMAINDER, floats(1, 3, 56, 55)),
            unmeant("27 x 14, cropped", Policy.REMAINDER, floats(1, 3, 27, 14)),
            raises("13 x 14", floats(1, 3, 13, 14)),
            raises("28 x 1", floats(1, 3, 28, 1)),
            raises("one channel", floats(1, 1, 42, 42)),
            raises("channels last", floats(1, 42, 42, 3)),
            raises("no batch axis", floats(3, 42, 42)),
            unmeant("float64, cast", Policy.DTYPE, floats(1, 3, 42, 42).double()),
            unmeant("int64, cast", Policy.DTYPE, ids(1, 3, 42, 42, below=256)),
            raises("masked patches of another size", floats(1, 3, 42, 42), bool_masked_pos=ones(1, 8).bool()),
            unmeant("hidden states too", Policy.FLAG, floats(1, 3, 42, 42), output_hidden_states=True),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 42, 42))),
            raises("nothing"),
        ],
    ),
    Case(
        "siglip",
        needs="transformers",
        build=make_siglip,
        example=lambda: call(**pairs(3, 16, 2)),
        good=lambda: [
            call(**pairs(1, 1, 1)),
            call(**pairs(2, 16, 3)),
            call(**pairs(4, 5, 1)),
            call(**pairs(1, 7, 5)),
            call(**pairs(2, 4, 2), attention_mask=torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])),
            call(**pairs(2, 4, 1), position_ids=torch.tensor([[0, 1, 2, 15], [0, 1, 2, 3]])),
            call(input_ids=torch.tensor([[69, 0, 3]]), pixel_values=floats(2, 3, 32, 32)),
        ],
        bad=lambda: [
            raises("17 tokens", **pairs(1, 17, 1)),
            raises("id 70", **{**pairs(1, 4, 1), "input_ids": torch.full((1, 4), 70)}),
            raises("id -1", **{**pairs(1, 4, 1), "input_ids": torch.full((1, 4), -1)}),
            raises("position 16", **pairs(2, 4, 1), position_ids=16 * ones(2, 4)),
            raises("48 x 48", **pictures(1, 3, 48, 48)),
            raises("224 x 224", **pictures(1, 3, 224, 224)),
            unmeant("33 x 33, cropped", Policy.REMAINDER, **pictures(1, 3, 33, 33)),
            unmeant("32 x 47, cropped", Policy.REMAINDER, **pictures(1, 3, 32, 47)),
            unmeant("16 x 64, as many patches", Policy.SHAPE, **pictures(1, 3, 16, 64)),
            raises("grey image", **pictures(1, 1, 32, 32)),
            raises("image without batch", **pictures(3, 32, 32)),
            unmeant("text without batch", Policy.RANK, **{**pairs(1, 4, 1), "input_ids": ids(4, below=70)}),
            raises("mask of another length", **pairs(2, 4, 2), attention_mask=torch.tensor([[1, 1, 1, 0, 0]] * 2)),
            unmeant(
                "mask of the images' batch",
                Policy.TIE,
                **pairs(2, 4, 3),
                attention_mask=torch.tensor([[1, 1, 0, 0]] * 3),
            ),
            unmeant(
                "float64 image, cast", Policy.DTYPE, **{**pairs(1, 4, 1), "pixel_values": floats(1, 3, 32, 32).double()}
            ),
            unmeant("interpolated positions", Policy.FLAG, **pictures(1, 3, 48, 48), interpolate_pos_encoding=True),
            unmeant("the loss too", Policy.FLAG, **pairs(2, 4, 2), return_loss=True),
            raises("no image", input_ids=ids(1, 4, below=70)),
            raises("swapped", floats(1, 3, 32, 32), ids(1, 4, below=70)),
            unmeant("nan", Policy.FINITE, **{**pairs(1, 4, 1), "pixel_values": with_nan(floats(1, 3, 32, 32))}),
        ],
    ),
    Case(
        "detr_pixel_mask",
        needs="transformers",
        build=make_detr,
        example=lambda: call(floats(2, 3, 64, 64), padded(2, 64, (64, 64), (48, 64))),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 64, 96)),
            call(pixel_values=floats(1, 3, 128, 32)),
            call(floats(2, 3, 64, 64), padded(2, 64, (64, 40), (32, 64))),
            call(pixel_values=floats(1, 3, 96, 96), pixel_mask=ones(1, 96, 96)),
            call(floats(3, 3, 32, 64), None),
        ],
        bad=lambda: [
            raises("one channel", floats(1, 1, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("float64", floats(1, 3, 64, 64).double()),
            raises("uint8", ids(1, 3, 64, 64, below=256).to(torch.uint8)),
            raises("mask of another batch", floats(2, 3, 64, 64), ones(3, 64, 64)),
            unmeant("one mask for two", Policy.TIE, floats(2, 3, 64, 64), padded(1, 64, (64, 40))),
            raises("mask without batch", floats(1, 3, 64, 64), ones(64, 64)),
            raises("mask with channels", floats(1, 3, 64, 64), ones(1, 3, 64, 64)),
            unmeant("hidden states too", Policy.FLAG, floats(1, 3, 64, 64), output_hidden_states=True),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 64, 64))),
            raises("empty batch", floats(0, 3, 64, 64)),
            raises("nothing"),
        ],
    ),
    Case(
        "audio_spectrogram_transformer",
        needs="transformers",
        build=make_ast,
        example=lambda: call(input_values=floats(1, 48, 18)),
        good=lambda: [call(input_values=floats(n, 48, 18)) for n in (1, 2, 3, 5, 12)] + [call(floats(4, 48, 18))],
        bad=lambda: [
            raises("47 frames", floats(1, 47, 18)),
            raises("100 frames", floats(1, 100, 18)),
            raises("17 mels", floats(1, 48, 17)),
            raises("128 mels", floats(1, 48, 128)),
            unmeant("49 frames, the last one dropped", Policy.REMAINDER, floats(1, 49, 18)),
            unmeant("52 frames, four of them dropped", Policy.REMAINDER, floats(1, 52, 18)),
            unmeant("20 mels, two of them dropped", Policy.REMAINDER, floats(1, 48, 20)),
            unmeant("mels first, as many patches", Policy.SHAPE, floats(1, 18, 48)),
            raises("with a channel axis", floats(2, 1, 48, 18)),
            raises("no batch axis", floats(48, 18)),
            raises("float64", floats(1, 48, 18).double()),
            raises("int64", ids(1, 48, 18, below=9)),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 48, 18), labels=ids(2, below=4)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 48, 18))),
            raises("nothing"),
        ],
    ),
    Case(
        "patchtst_forecast",
        needs="transformers",
        build=make_patchtst,
        example=lambda: call(past_values=floats(4, 32, 3)),
        good=lambda: (
            [call(past_values=floats(n, 32, 3)) for n in (1, 2, 3, 8, 21)]
            + [call(floats(4, 32, 3)), call(past_values=torch.ones(2, 32, 3))]
        ),
        bad=lambda: [
            raises("31 steps", floats(2, 31, 3)),
            raises("33 steps", floats(2, 33, 3)),
            raises("40 steps", floats(2, 40, 3)),
            raises("two channels", floats(2, 32, 2)),
            raises("four channels", floats(2, 32, 4)),
            raises("channels first", floats(2, 3, 32)),
            raises("no batch axis", floats(32, 3)),
            raises("an axis too many", floats(2, 1, 32, 3)),
            raises("float64", floats(2, 32, 3).double()),
            unmeant("int64", Policy.DTYPE, ids(2, 32, 3, below=9)),
            raises("mask of another length", floats(2, 32, 3), ones(2, 31, 3).bool()),
            raises("mask of another batch", floats(2, 32, 3), ones(3, 32, 3).bool()),
            unmeant("what comes next", Policy.LEFT_OUT, floats(2, 32, 3), future_values=floats(2, 6, 3)),
            unmeant("a misspelt mask, swallowed", Policy.UNEXPECTED, floats(2, 32, 3), observed_mask=ones(2, 32, 3)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 32, 3))),
            unmeant("hidden states too", Policy.FLAG, floats(2, 32, 3), output_hidden_states=True),
            raises("nothing"),
        ],
    ),
)
