# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Scenes seen by models of transformers: BEiT's classes, YOLOS' boxes, DPT's depth, UperNet's regions on ConvNeXt."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


def make_beit():
    from transformers import BeitConfig, BeitForImageClassification

    config = BeitConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, image_size=32, patch_size=8,
        use_relative_position_bias=True, num_labels=5,
    )  # fmt: skip
    return BeitForImageClassification(config)


def make_yolos():
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, image_size=[32, 48],
        patch_size=8, num_detection_tokens=7, num_labels=4,
    )  # fmt: skip
    return YolosForObjectDetection(config)


def make_dpt():
    from transformers import DPTConfig, DPTForDepthEstimation

    config = DPTConfig(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=3, intermediate_size=32, image_size=32, patch_size=8,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 12, 12], fusion_hidden_size=8,
    )  # fmt: skip
    return DPTForDepthEstimation(config)


def make_upernet():
    from transformers import ConvNextConfig, UperNetConfig, UperNetForSemanticSegmentation

    backbone = ConvNextConfig(
        hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], out_features=["stage1", "stage2", "stage3", "stage4"]
    )
    config = UperNetConfig(backbone_config=backbone, hidden_size=12, auxiliary_channels=8, num_labels=6)
    return UperNetForSemanticSegmentation(config)


CASES = (
    Case(
        "beit_relative_positions",
        needs="transformers",
        build=make_beit,
        example=lambda: call(pixel_values=floats(2, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 16, 16)),
            call(pixel_values=floats(1, 3, 24, 40)),
            call(floats(3, 3, 48, 16)),
            call(pixel_values=floats(5, 3, 8, 32)),
            call(floats(1, 3, 64, 64)),
            call(torch.zeros(2, 3, 40, 40)),
        ],
        bad=lambda: [
            raises("grey", floats(2, 1, 32, 32)),
            raises("with alpha", floats(2, 4, 32, 32)),
            raises("channels last", floats(2, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("a clip", floats(1, 3, 4, 32, 32)),
            raises("7 rows, less than a patch", floats(1, 3, 7, 32)),
            unmeant("three rows over", Policy.REMAINDER, floats(1, 3, 35, 32)),
            unmeant("seven columns over", Policy.REMAINDER, floats(1, 3, 32, 39)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, below=5)),
            raises("a list of pictures", [floats(3, 32, 32), floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
    Case(
        "yolos_boxes",
        needs="transformers",
        build=make_yolos,
        example=lambda: call(pixel_values=floats(1, 3, 32, 48)),
        good=lambda: [
            call(floats(2, 3, 32, 48)),
            call(floats(1, 3, 48, 32)),
            call(pixel_values=floats(1, 3, 16, 80)),
            call(floats(3, 3, 40, 24)),
            call(pixel_values=floats(4, 3, 8, 16)),
            call(floats(1, 3, 64, 64)),
        ],
        bad=lambda: [
            raises("grey", floats(2, 1, 32, 48)),
            raises("with alpha", floats(1, 4, 32, 48)),
            raises("channels last", floats(1, 32, 48, 3)),
            raises("no batch axis", floats(3, 32, 48)),
            raises("a clip", floats(1, 3, 4, 32, 48)),
            raises("seven columns, less than a patch", floats(1, 3, 32, 7)),
            unmeant("four rows over", Policy.REMAINDER, floats(1, 3, 36, 48)),
            unmeant("two columns over", Policy.REMAINDER, floats(1, 3, 32, 50)),
            raises("float64", floats(1, 3, 32, 48).double()),
            raises("bytes", ids(1, 3, 32, 48, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 48))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 48))),
            unmeant("attentions too", Policy.FLAG, floats(1, 3, 32, 48), output_attentions=True),
            raises("a list of pictures", [floats(3, 32, 48)]),
            raises("nothing"),
        ],
    ),
    Case(
        "dpt_depth",
        needs="transformers",
        build=make_dpt,
        example=lambda: call(pixel_values=floats(1, 3, 32, 32)),
        good=lambda: [
            call(floats(2, 3, 32, 32)),
            call(floats(1, 3, 16, 16)),
            call(pixel_values=floats(3, 3, 48, 48)),
            call(floats(1, 3, 64, 64)),
            call(pixel_values=floats(5, 3, 32, 32)),
            call(torch.zeros(1, 3, 96, 96)),
        ],
        bad=lambda: [
            raises("32 x 48", floats(1, 3, 32, 48)),
            raises("48 x 32", floats(2, 3, 48, 32)),
            raises("16 x 32", floats(1, 3, 16, 32)),
            raises("grey", floats(1, 1, 32, 32)),
            raises("with alpha", floats(1, 4, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("7 x 7, less than a patch", floats(1, 3, 7, 7)),
            unmeant("three rows and columns over", Policy.REMAINDER, floats(1, 3, 35, 35)),
            unmeant("five rows over", Policy.REMAINDER, floats(1, 3, 37, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            raises("labels", floats(1, 3, 32, 32), labels=ids(1, 32, 32, below=9)),
            raises("nothing"),
        ],
    ),
    Case(
        "upernet_regions",
        needs="transformers",
        build=make_upernet,
        example=lambda: call(pixel_values=floats(2, 3, 64, 64)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 32, 64)),
            call(pixel_values=floats(1, 3, 96, 32)),
            call(floats(4, 3, 64, 32)),
            call(pixel_values=floats(1, 3, 128, 96)),
            call(torch.zeros(3, 3, 32, 32)),
        ],
        bad=lambda: [
            raises("16 x 16", floats(1, 3, 16, 16)),
            raises("28 x 64", floats(1, 3, 28, 64)),
            raises("64 x 3", floats(1, 3, 64, 3)),
            raises("grey", floats(1, 1, 64, 64)),
            raises("with alpha", floats(1, 4, 64, 64)),
            raises("channels last", floats(1, 64, 64, 3)),
            raises("no batch axis", floats(3, 64, 64)),
            unmeant("three rows over", Policy.REMAINDER, floats(1, 3, 67, 64)),
            unmeant("one column over", Policy.REMAINDER, floats(1, 3, 32, 33)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("bytes", ids(1, 3, 32, 32, below=256).byte()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(1, 3, 32, 32))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, 32, 32, below=6)),
            unmeant("hidden states too", Policy.FLAG, floats(1, 3, 32, 32), output_hidden_states=True),
            raises("a list of pictures", [floats(3, 32, 32)]),
            raises("nothing"),
        ],
    ),
)
