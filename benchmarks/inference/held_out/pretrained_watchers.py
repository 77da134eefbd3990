# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers that look: GroupViT with captions, VideoMAE's clips, LeViT with its teacher, FocalNet."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant, with_inf, with_nan


def make_groupvit():
    from transformers import GroupViTConfig, GroupViTModel

    text = {
        "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
        "max_position_embeddings": 14, "pad_token_id": 0, "bos_token_id": 48, "eos_token_id": 49,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "depths": [2, 1, 1], "num_hidden_layers": 4,
        "num_group_tokens": [6, 3, 0], "num_output_groups": [6, 3, 3], "num_attention_heads": 3, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    config = GroupViTConfig(text_config=text, vision_config=vision, projection_dim=12, projection_intermediate_dim=20)
    return GroupViTModel(config)


def captions(b, t):
    """Words between the marks of beginning and end."""
    words = ids(b, t, below=48)
    words[:, 0], words[:, -1] = 48, 49
    return words


def pixels(b):
    return floats(b, 3, 32, 32)


def make_videomae():
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    config = VideoMAEConfig(
        image_size=24, patch_size=8, num_frames=8, tubelet_size=2, hidden_size=24, num_hidden_layers=2,
        num_attention_heads=3, intermediate_size=32, num_labels=6,
    )  # fmt: skip
    return VideoMAEForVideoClassification(config)


def make_levit():
    from transformers import LevitConfig, LevitForImageClassificationWithTeacher

    config = LevitConfig(
        image_size=64, patch_size=16, hidden_sizes=[16, 24, 32], num_attention_heads=[2, 3, 4], depths=[1, 1, 1],
        key_dim=[8, 8, 8], num_labels=5,
    )  # fmt: skip
    return LevitForImageClassificationWithTeacher(config)


def make_focalnet():
    from transformers import FocalNetConfig, FocalNetForImageClassification

    config = FocalNetConfig(
        image_size=32, patch_size=4, embed_dim=12, hidden_sizes=[24, 36], depths=[1, 2], focal_levels=[2, 2],
        focal_windows=[3, 3], num_labels=4,
    )  # fmt: skip
    return FocalNetForImageClassification(config)


CASES = (
    Case(
        "groupvit_captions",
        needs="transformers",
        build=make_groupvit,
        example=lambda: call(input_ids=captions(3, 7), pixel_values=pixels(2), attention_mask=mask(7, 7, 7, 5)),
        good=lambda: [
            call(captions(1, 2), pixels(1)),
            call(captions(2, 14), pixels(3)),
            call(input_ids=captions(5, 6), pixel_values=pixels(1)),
            call(input_ids=captions(1, 9), pixel_values=pixels(4), attention_mask=ones(1, 9)),
            call(captions(2, 5), pixels(2), mask(5, 5, 5)),
            call(torch.tensor([[48, 7, 49, 0, 0]]), pixels(2), mask(5, 3)),
            call(captions(2, 4), pixels(1), position_ids=torch.tensor([[0, 1, 2, 13], [3, 2, 1, 0]])),
        ],
        bad=lambda: [
            raises("15 words", captions(1, 15), pixels(1)),
            raises("id 50", torch.full((1, 4), 50), pixels(1)),
            raises("id -1", torch.full((1, 4), -1), pixels(1)),
            raises("position 14", captions(2, 4), pixels(1), position_ids=torch.full((2, 4), 14)),
            raises("picture of 40 x 40", captions(1, 4), floats(1, 3, 40, 40)),
            raises("picture of 32 x 24", captions(1, 4), floats(1, 3, 32, 24)),
            raises("grey picture", captions(1, 4), floats(1, 1, 32, 32)),
            raises("picture without batch", captions(1, 4), floats(3, 32, 32)),
            raises("pictures channels last", captions(1, 4), floats(1, 32, 32, 3)),
            raises("mask of another length", captions(2, 4), pixels(2), mask(5, 5, 4)),
            unmeant("words without batch", Policy.RANK, captions(1, 4)[0], pixels(1)),
            raises("float words", floats(2, 4), pixels(1)),
            unmeant("int32 words", Policy.DTYPE, captions(2, 4).int(), pixels(1)),
            raises("float64 picture", captions(1, 4), pixels(1).double()),
            raises("bytes", captions(1, 4), ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, captions(1, 4), with_nan(pixels(1))),
            unmeant("infinity", Policy.FINITE, captions(1, 4), with_inf(pixels(1))),
            raises("words only", captions(1, 4)),
            raises("picture only", pixel_values=pixels(1)),
            unmeant("the loss too", Policy.FLAG, captions(2, 4), pixels(2), return_loss=True),
            raises("picture and words exchanged", pixels(1), captions(1, 4)),
        ],
    ),
    Case(
        "videomae_actions",
        needs="transformers",
        build=make_videomae,
        example=lambda: call(pixel_values=floats(2, 8, 3, 24, 24)),
        good=lambda: [
            call(floats(1, 8, 3, 24, 24)),
            call(floats(3, 8, 3, 24, 24)),
            call(pixel_values=floats(5, 8, 3, 24, 24)),
            call(torch.zeros(2, 8, 3, 24, 24)),
            call(pixel_values=255 * torch.rand(1, 8, 3, 24, 24)),
            call(floats(4, 8, 3, 24, 24)),
        ],
        bad=lambda: [
            raises("10 frames", floats(1, 10, 3, 24, 24)),
            raises("6 frames", floats(1, 6, 3, 24, 24)),
            raises("one frame", floats(1, 1, 3, 24, 24)),
            unmeant("9 frames", Policy.REMAINDER, floats(1, 9, 3, 24, 24)),
            raises("time after channels", floats(1, 3, 8, 24, 24)),
            raises("channels last", floats(1, 8, 24, 24, 3)),
            raises("a clip without batch", floats(8, 3, 24, 24)),
            raises("frames of 32", floats(1, 8, 3, 32, 32)),
            raises("frames of 24 x 16", floats(1, 8, 3, 24, 16)),
            raises("grey frames", floats(1, 8, 1, 24, 24)),
            raises("two clips per item", floats(1, 2, 8, 3, 24, 24)),
            raises("float64", floats(1, 8, 3, 24, 24).double()),
            raises("bytes", ids(1, 8, 3, 24, 24, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 8, 3, 24, 24))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 8, 3, 24, 24), labels=ids(2, below=6)),
            raises("a list of frames", [floats(3, 24, 24) for _ in range(8)]),
            raises("nothing"),
        ],
    ),
    Case(
        "levit_with_teacher",
        needs="transformers",
        build=make_levit,
        example=lambda: call(pixel_values=floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 64, 64)),
            call(floats(3, 3, 64, 64)),
            call(pixel_values=floats(8, 3, 64, 64)),
            call(torch.zeros(1, 3, 64, 64)),
            call(pixel_values=10 * floats(2, 3, 64, 64)),
            call(floats(5, 3, 64, 64)),
        ],
        bad=lambda: [
            raises("96 x 96", floats(1, 3, 96, 96)),
            raises("32 x 32", floats(1, 3, 32, 32)),
            raises("80 x 64", floats(1, 3, 80, 64)),
            unmeant("32 x 128, as many patches", Policy.SHAPE, floats(1, 3, 32, 128)),
            raises("grey", floats(2, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            raises("a clip", floats(1, 2, 3, 64, 64)),
            raises("float64", floats(1, 3, 64, 64).double()),
            raises("bytes", ids(1, 3, 64, 64, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 64, 64))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 64, 64))),
            unmeant("hidden states too", Policy.FLAG, floats(1, 3, 64, 64), output_hidden_states=True),
            raises("a list of pictures", [floats(3, 64, 64)]),
            raises("nothing"),
        ],
    ),
    Case(
        "focalnet_pads_itself",
        needs="transformers",
        build=make_focalnet,
        example=lambda: call(pixel_values=floats(2, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(3, 3, 24, 40)),
            call(pixel_values=floats(1, 3, 64, 16)),
            call(floats(2, 3, 33, 31)),
            call(floats(1, 3, 50, 70)),
            call(pixel_values=floats(5, 3, 17, 29)),
            call(torch.zeros(1, 3, 80, 8)),
        ],
        bad=lambda: [
            raises("grey", floats(2, 1, 32, 32)),
            raises("with alpha", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a clip", floats(1, 2, 3, 32, 32)),
            raises("a row", floats(1, 3, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("float16", floats(1, 3, 32, 32).half()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            raises("no pictures", floats(1, 3, 0, 32)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, below=4)),
            unmeant("hidden states too", Policy.FLAG, floats(1, 3, 32, 32), output_hidden_states=True),
            unmeant("a tuple wanted", Policy.FLAG, floats(1, 3, 32, 32), return_dict=False),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
)
