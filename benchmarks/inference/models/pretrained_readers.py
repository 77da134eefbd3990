# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Pictures beside text in transformers: BLIP's match, LayoutLMv3 on receipts, TrOCR's lines, OWL-ViT's queries."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant, with_inf, with_nan


def make_blip():
    from transformers import BlipConfig, BlipForImageTextRetrieval

    text = {
        "vocab_size": 70, "hidden_size": 24, "encoder_hidden_size": 24, "intermediate_size": 32, "projection_dim": 16,
        "num_hidden_layers": 1, "num_attention_heads": 3, "max_position_embeddings": 14, "bos_token_id": 67,
        "eos_token_id": 2, "pad_token_id": 0, "sep_token_id": 68,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 3, "image_size": 32,
        "patch_size": 16, "projection_dim": 16,
    }  # fmt: skip
    return BlipForImageTextRetrieval(BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=16))


def captioned(texts, t, images=None):
    return {"input_ids": ids(texts, t, below=70), "pixel_values": floats(images or texts, 3, 32, 32)}


def make_layoutlmv3():
    from transformers import LayoutLMv3Config, LayoutLMv3ForTokenClassification

    config = LayoutLMv3Config(
        vocab_size=65, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=26, max_2d_position_embeddings=128, coordinate_size=4, shape_size=4, input_size=32,
        patch_size=8, num_labels=6,
    )  # fmt: skip
    return LayoutLMv3ForTokenClassification(config)


def boxes(b, t):
    """Corners in the order left, top, right, bottom."""
    corner = ids(b, t, 2, below=60)
    return torch.cat([corner, corner + 1 + ids(b, t, 2, below=60)], -1)


def receipt(b, t):
    """Words without padding, which is id 1, where they stand, and the page."""
    return {"input_ids": 2 + ids(b, t, below=63), "bbox": boxes(b, t), "pixel_values": floats(b, 3, 32, 32)}


def make_trocr():
    from transformers import TrOCRConfig, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    encoder = ViTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32, image_size=[16, 64],
        patch_size=8,
    )  # fmt: skip
    decoder = TrOCRConfig(
        vocab_size=48, d_model=16, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=24,
        max_position_embeddings=20, cross_attention_hidden_size=24, use_cache=False,
    )  # fmt: skip
    return VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder))


def line(b, t):
    return {"pixel_values": floats(b, 3, 16, 64), "decoder_input_ids": ids(b, t, below=48)}


def make_owlvit():
    from transformers import OwlViTConfig, OwlViTForObjectDetection

    text = {
        "vocab_size": 60, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 3,
        "max_position_embeddings": 9, "bos_token_id": 58, "eos_token_id": 59,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 3, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    return OwlViTForObjectDetection(OwlViTConfig(text_config=text, vision_config=vision, projection_dim=24))


def wanted(images, queries, t=6):
    """As many queries for each picture, under each other."""
    return {"input_ids": 1 + ids(images * queries, t, below=59), "pixel_values": floats(images, 3, 32, 32)}


CASES = (
    Case(
        "blip_match",
        needs="transformers",
        build=make_blip,
        example=lambda: call(**captioned(2, 7), attention_mask=mask(7, 7, 4)),
        good=lambda: [
            call(**captioned(1, 1)),
            call(**captioned(3, 14)),
            call(**captioned(5, 4)),
            call(**captioned(2, 9), attention_mask=mask(9, 3, 9)),
            call(ids(2, 5, below=70), floats(2, 3, 32, 32)),
            call(input_ids=torch.tensor([[67, 69, 0]]), pixel_values=floats(1, 3, 32, 32), attention_mask=mask(3, 2)),
        ],
        bad=lambda: [
            raises("15 tokens", **captioned(1, 15)),
            raises("id 70", input_ids=torch.full((1, 4), 70), pixel_values=floats(1, 3, 32, 32)),
            raises("id -1", input_ids=torch.full((1, 4), -1), pixel_values=floats(1, 3, 32, 32)),
            raises("three pictures for two texts", **captioned(2, 4, 3)),
            raises("mask of another length", **captioned(2, 4), attention_mask=mask(5, 3, 3)),
            unmeant("three masks for two", Policy.TIE, **captioned(2, 4), attention_mask=mask(4, 3, 3, 3)),
            raises("pictures of 48", input_ids=ids(1, 4, below=70), pixel_values=floats(1, 3, 48, 48)),
            raises("grey", input_ids=ids(1, 4, below=70), pixel_values=floats(1, 1, 32, 32)),
            raises("a picture without batch", input_ids=ids(1, 4, below=70), pixel_values=floats(3, 32, 32)),
            raises("a text without batch", input_ids=ids(4, below=70), pixel_values=floats(1, 3, 32, 32)),
            raises("float ids", input_ids=floats(1, 4), pixel_values=floats(1, 3, 32, 32)),
            unmeant(
                "float64 picture",
                Policy.DTYPE,
                input_ids=ids(1, 4, below=70),
                pixel_values=floats(1, 3, 32, 32).double(),
            ),
            unmeant("nan", Policy.FINITE, ids(1, 4, below=70), with_nan(floats(1, 3, 32, 32))),
            unmeant("infinity", Policy.FINITE, ids(1, 4, below=70), with_inf(floats(1, 3, 32, 32))),
            unmeant("similarities instead of a match", Policy.FLAG, **captioned(2, 4), use_itm_head=False),
            raises("no picture", input_ids=ids(1, 4, below=70)),
            raises("no text", pixel_values=floats(1, 3, 32, 32)),
        ],
    ),
    Case(
        "layoutlmv3_receipts",
        needs="transformers",
        build=make_layoutlmv3,
        example=lambda: call(**receipt(2, 10), attention_mask=mask(10, 10, 7)),
        good=lambda: [
            call(**receipt(1, 1)),
            call(**receipt(3, 24)),
            call(**receipt(2, 6), attention_mask=mask(6, 6, 2)),
            call(**receipt(2, 5), token_type_ids=torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]])),
            call(**{**receipt(1, 2), "bbox": torch.tensor([[[0, 0, 127, 127], [127, 127, 127, 127]]])}),
            call(**{**receipt(1, 3), "input_ids": torch.tensor([[0, 64, 1]])}, attention_mask=mask(3, 2)),
            call(**receipt(8, 3)),
        ],
        bad=lambda: [
            raises("25 words", **receipt(1, 25)),
            raises("id 65", **{**receipt(1, 4), "input_ids": torch.full((1, 4), 65)}),
            raises("id -1", **{**receipt(1, 4), "input_ids": torch.full((1, 4), -1)}),
            raises("corner 128", **{**receipt(1, 4), "bbox": torch.full((1, 4, 4), 128)}),
            raises("corner -1", **{**receipt(1, 4), "bbox": torch.full((1, 4, 4), -1)}),
            raises("token type 2", **receipt(1, 4), token_type_ids=2 * ones(1, 4)),
            raises("boxes of another length", **{**receipt(2, 4), "bbox": boxes(2, 5)}),
            raises("boxes of three corners", **{**receipt(2, 4), "bbox": boxes(2, 4)[..., :3]}),
            raises("boxes without batch", **{**receipt(1, 4), "bbox": boxes(1, 4)[0]}),
            raises("mask of another length", **receipt(2, 4), attention_mask=mask(5, 3, 3)),
            raises("token types of another length", **receipt(2, 4), token_type_ids=0 * ones(2, 3)),
            raises("three pages for two receipts", **{**receipt(2, 4), "pixel_values": floats(3, 3, 32, 32)}),
            raises("a page of 48", **{**receipt(1, 4), "pixel_values": floats(1, 3, 48, 48)}),
            raises("a grey page", **{**receipt(1, 4), "pixel_values": floats(1, 1, 32, 32)}),
            raises("no batch axis", **{**receipt(1, 4), "input_ids": 2 + ids(4, below=60)}),
            raises("float boxes", **{**receipt(1, 4), "bbox": torch.rand(1, 4, 4)}),
            unmeant("int32 ids", Policy.DTYPE, **{**receipt(1, 4), "input_ids": 2 + ids(1, 4, below=60).int()}),
            unmeant("nan", Policy.FINITE, **{**receipt(1, 4), "pixel_values": with_nan(floats(1, 3, 32, 32))}),
            unmeant("labels", Policy.LEFT_OUT, **receipt(2, 4), labels=ids(2, 4, below=6)),
            raises("nothing"),
        ],
    ),
    Case(
        "trocr_lines",
        needs="transformers",
        build=make_trocr,
        example=lambda: call(**line(2, 6)),
        good=lambda: [
            call(**line(1, 1)),
            call(**line(3, 20)),
            call(floats(2, 3, 16, 64), ids(2, 4, below=48)),
            call(**line(2, 5), decoder_attention_mask=mask(5, 5, 2)),
            call(pixel_values=torch.zeros(1, 3, 16, 64), decoder_input_ids=torch.tensor([[2, 47, 0]])),
            call(**line(6, 2)),
        ],
        bad=lambda: [
            raises("21 letters", **line(1, 21)),
            raises("id 48", **{**line(1, 3), "decoder_input_ids": torch.full((1, 3), 48)}),
            raises("id -100", **{**line(1, 3), "decoder_input_ids": torch.full((1, 3), -100)}),
            raises("a line of 16 x 72", **{**line(1, 3), "pixel_values": floats(1, 3, 16, 72)}),
            raises("a line of 64 x 16", **{**line(1, 3), "pixel_values": floats(1, 3, 64, 16)}),
            raises("a grey line", **{**line(1, 3), "pixel_values": floats(1, 1, 16, 64)}),
            raises("a line without batch", **{**line(1, 3), "pixel_values": floats(3, 16, 64)}),
            raises("three texts of two lines", **{**line(2, 3), "decoder_input_ids": ids(3, 3, below=48)}),
            raises("mask of another length", **line(2, 3), decoder_attention_mask=mask(4, 3, 3)),
            unmeant("float64", Policy.DTYPE, **{**line(1, 3), "pixel_values": floats(1, 3, 16, 64).double()}),
            unmeant("bytes", Policy.DTYPE, **{**line(1, 3), "pixel_values": ids(1, 3, 16, 64, below=256).byte()}),
            raises("float ids", **{**line(1, 3), "decoder_input_ids": floats(1, 3)}),
            unmeant("int32 ids", Policy.DTYPE, **{**line(1, 3), "decoder_input_ids": ids(1, 3, below=48).int()}),
            unmeant("nan", Policy.FINITE, **{**line(1, 3), "pixel_values": with_nan(floats(1, 3, 16, 64))}),
            raises("no text", pixel_values=floats(1, 3, 16, 64)),
            raises("no line", decoder_input_ids=ids(1, 3, below=48)),
        ],
    ),
    Case(
        "owlvit_queries",
        needs="transformers",
        build=make_owlvit,
        example=lambda: call(**wanted(2, 3)),
        good=lambda: [
            call(**wanted(1, 1)),
            call(**wanted(1, 5)),
            call(**wanted(3, 2, 9)),
            call(**wanted(2, 4, 1)),
            call(**wanted(2, 1, 4), attention_mask=mask(4, 4, 2)),
            call(**{**wanted(1, 2, 3), "input_ids": torch.tensor([[58, 7, 59], [0, 0, 0]])}),
            call(**wanted(1, 3, 5), attention_mask=mask(5, 5, 2, 4)),
        ],
        bad=lambda: [
            raises("10 tokens", **wanted(1, 2, 10)),
            raises("id 60", **{**wanted(1, 2), "input_ids": torch.full((2, 6), 60)}),
            raises("id -1", **{**wanted(1, 2), "input_ids": torch.full((2, 6), -1)}),
            raises("five queries for two pictures", **{**wanted(2, 2), "input_ids": 1 + ids(5, 6, below=59)}),
            raises("one query for two pictures", **{**wanted(2, 1), "input_ids": 1 + ids(1, 6, below=59)}),
            raises("pictures of 24", **{**wanted(1, 2), "pixel_values": floats(1, 3, 24, 24)}),
            raises("pictures of 32 x 64", **{**wanted(1, 2), "pixel_values": floats(1, 3, 32, 64)}),
            raises("grey", **{**wanted(1, 2), "pixel_values": floats(1, 1, 32, 32)}),
            raises("a picture without batch", **{**wanted(1, 2), "pixel_values": floats(3, 32, 32)}),
            raises("mask of another length", **wanted(2, 2), attention_mask=mask(7, 3, 3, 3, 3)),
            raises("float ids", **{**wanted(1, 2), "input_ids": floats(2, 6)}),
            unmeant("float64 picture", Policy.DTYPE, **{**wanted(1, 2), "pixel_values": floats(1, 3, 32, 32).double()}),
            unmeant("int32 ids", Policy.DTYPE, **{**wanted(1, 2), "input_ids": 1 + ids(2, 6, below=59).int()}),
            unmeant("nan", Policy.FINITE, **{**wanted(1, 2), "pixel_values": with_nan(floats(1, 3, 32, 32))}),
            raises("no picture", input_ids=1 + ids(2, 6, below=59)),
            raises("no query", pixel_values=floats(1, 3, 32, 32)),
        ],
    ),
)
