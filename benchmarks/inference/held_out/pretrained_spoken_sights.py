# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Words about pictures in transformers: CLIPSeg's masks, GIT's captions, LXMERT's answers about found objects."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_inf, with_nan


def padded(b, t):
    """A mask whose last row ends in a padding token."""
    mask = ones(b, t)
    mask[-1, -1] = 0
    return mask


def make_clipseg():
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    text = {
        "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
        "max_position_embeddings": 14, "bos_token_id": 48, "eos_token_id": 49, "pad_token_id": 1,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 3, "image_size": 24,
        "patch_size": 8,
    }  # fmt: skip
    config = CLIPSegConfig(
        text_config=text, vision_config=vision, projection_dim=12, extract_layers=[0, 1, 2], reduce_dim=16,
        decoder_num_attention_heads=2, decoder_intermediate_size=24,
    )  # fmt: skip
    return CLIPSegForImageSegmentation(config)


def prompts(b, t, size=24):
    """As many prompts as pictures, each closed by the end of text."""
    words = 2 + ids(b, t, below=46)
    words[:, -1] = 49
    return {"input_ids": words, "attention_mask": ones(b, t), "pixel_values": floats(b, 3, size, size)}


def make_git():
    from transformers import GitConfig, GitForCausalLM

    vision = {
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 16,
    }  # fmt: skip
    config = GitConfig(
        vision_config=vision, vocab_size=63, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=32, max_position_embeddings=21, bos_token_id=61, eos_token_id=62, use_cache=False,
    )  # fmt: skip
    return GitForCausalLM(config)


def captions(b, t):
    return {"input_ids": ids(b, t, below=63), "attention_mask": ones(b, t), "pixel_values": floats(b, 3, 32, 32)}


def make_lxmert():
    from transformers import LxmertConfig, LxmertForQuestionAnswering

    config = LxmertConfig(
        vocab_size=68, hidden_size=24, num_attention_heads=3, intermediate_size=32, num_qa_labels=9, l_layers=2,
        x_layers=1, r_layers=1, visual_feat_dim=20, max_position_embeddings=19,
    )  # fmt: skip
    return LxmertForQuestionAnswering(config)


def objects(b, t, n):
    """A question, and n objects that a detector found: their features, and their boxes from 0 to 1."""
    return {
        "input_ids": ids(b, t, below=68),
        "attention_mask": ones(b, t),
        "token_type_ids": torch.zeros(b, t, dtype=torch.int64),
        "visual_feats": floats(b, n, 20),
        "visual_pos": torch.rand(b, n, 4),
        "visual_attention_mask": ones(b, n),
    }


CASES = (
    Case(
        "clipseg_prompted_masks",
        needs="transformers",
        build=make_clipseg,
        example=lambda: call(**prompts(3, 6)),
        good=lambda: [
            call(**prompts(1, 2)),
            call(**prompts(2, 14)),
            call(**prompts(5, 4)),
            call(**prompts(2, 5, 32)),
            call(**prompts(1, 3, 64)),
            call(**prompts(2, 7, 16)),
            call(input_ids=prompts(2, 5)["input_ids"], pixel_values=floats(2, 3, 24, 24)),
            call(**{**prompts(2, 5), "attention_mask": padded(2, 5)}),
            call(prompts(1, 4)["input_ids"], floats(1, 3, 40, 40)),
        ],
        bad=lambda: [
            raises("15 tokens", **prompts(1, 15)),
            raises("id 50", **{**prompts(1, 3), "input_ids": torch.tensor([[48, 50, 49]])}),
            raises("id -1", **{**prompts(1, 3), "input_ids": torch.tensor([[48, -1, 49]])}),
            raises("two prompts for three pictures", **{**prompts(2, 4), "pixel_values": floats(3, 3, 24, 24)}),
            raises("two prompts for one picture", **{**prompts(2, 4), "pixel_values": floats(1, 3, 24, 24)}),
            raises("mask of one for two", **{**prompts(2, 4), "attention_mask": padded(1, 4)}),
            raises("a picture of 24 x 32", **{**prompts(1, 4), "pixel_values": floats(1, 3, 24, 32)}),
            raises("a picture of 32 x 24", **{**prompts(1, 4), "pixel_values": floats(1, 3, 32, 24)}),
            raises("a picture smaller than a patch", **prompts(1, 4, 7)),
            unmeant("three rows and columns over", Policy.REMAINDER, **prompts(1, 4, 27)),
            raises("a grey picture", **{**prompts(1, 4), "pixel_values": floats(1, 1, 24, 24)}),
            raises("a picture without batch", **{**prompts(1, 4), "pixel_values": floats(3, 24, 24)}),
            raises("a prompt without batch", **{**prompts(1, 4), "input_ids": ids(4, below=50)}),
            raises("float ids", **{**prompts(1, 4), "input_ids": floats(1, 4)}),
            unmeant("int32 ids", Policy.DTYPE, **{**prompts(1, 4), "input_ids": prompts(1, 4)["input_ids"].int()}),
            unmeant("bytes", Policy.DTYPE, **{**prompts(1, 4), "pixel_values": ids(1, 3, 24, 24, below=256).byte()}),
            unmeant("nan", Policy.FINITE, **{**prompts(1, 4), "pixel_values": with_nan(floats(1, 3, 24, 24))}),
            raises("no picture", input_ids=ids(1, 4, below=50)),
            raises("no prompt", pixel_values=floats(1, 3, 24, 24)),
            unmeant("labels", Policy.LEFT_OUT, **prompts(2, 4), labels=torch.rand(2, 24, 24)),
            unmeant(
                "an embedded prompt",
                Policy.LEFT_OUT,
                pixel_values=floats(2, 3, 24, 24),
                conditional_embeddings=floats(2, 12),
            ),
        ],
    ),
    Case(
        "git_captions",
        needs="transformers",
        build=make_git,
        example=lambda: call(**captions(2, 6)),
        good=lambda: [
            call(**captions(1, 1)),
            call(**captions(1, 21)),
            call(**captions(4, 3)),
            call(input_ids=ids(2, 7, below=63), pixel_values=floats(2, 3, 32, 32)),
            call(**{**captions(3, 5), "attention_mask": padded(3, 5)}),
            call(**{**captions(1, 3), "input_ids": torch.tensor([[61, 0, 62]])}),
            call(**{**captions(2, 4), "pixel_values": 3 * torch.rand(2, 3, 32, 32)}),
        ],
        bad=lambda: [
            raises("22 tokens", **captions(1, 22)),
            raises("id 63", **{**captions(1, 3), "input_ids": torch.tensor([[61, 63, 2]])}),
            raises("id -1", **{**captions(1, 3), "input_ids": torch.tensor([[61, -1, 2]])}),
            raises("three captions for two pictures", **{**captions(3, 4), "pixel_values": floats(2, 3, 32, 32)}),
            raises("two captions for three pictures", **{**captions(2, 4), "pixel_values": floats(3, 3, 32, 32)}),
            raises("mask of one for two", **{**captions(2, 4), "attention_mask": padded(1, 4)}),
            raises("mask of three for two", **{**captions(2, 4), "attention_mask": padded(3, 4)}),
            raises("a picture of 48", **{**captions(1, 4), "pixel_values": floats(1, 3, 48, 48)}),
            raises("a picture of 32 x 16", **{**captions(1, 4), "pixel_values": floats(1, 3, 32, 16)}),
            raises("a grey picture", **{**captions(1, 4), "pixel_values": floats(1, 1, 32, 32)}),
            raises("a picture without batch", **{**captions(1, 4), "pixel_values": floats(3, 32, 32)}),
            raises("a film", **{**captions(1, 4), "pixel_values": floats(1, 2, 3, 32, 32)}),
            raises("a caption without batch", **{**captions(1, 4), "input_ids": ids(4, below=63)}),
            raises("float ids", **{**captions(1, 4), "input_ids": floats(1, 4)}),
            unmeant("int32 ids", Policy.DTYPE, **{**captions(1, 4), "input_ids": ids(1, 4, below=63).int()}),
            unmeant("bytes", Policy.DTYPE, **{**captions(1, 4), "pixel_values": ids(1, 3, 32, 32, below=256).byte()}),
            unmeant("nan", Policy.FINITE, **{**captions(1, 4), "pixel_values": with_nan(floats(1, 3, 32, 32))}),
            raises("no caption", pixel_values=floats(1, 3, 32, 32)),
            unmeant("labels", Policy.LEFT_OUT, **captions(2, 4), labels=ids(2, 4, below=63)),
            unmeant("positions between", Policy.FLAG, **captions(2, 4), interpolate_pos_encoding=True),
        ],
    ),
    Case(
        "lxmert_objects_in_question",
        needs="transformers",
        build=make_lxmert,
        example=lambda: call(**objects(2, 7, 5)),
        good=lambda: [
            call(**objects(1, 1, 1)),
            call(**objects(1, 19, 36)),
            call(**objects(4, 6, 3)),
            call(ids(2, 5, below=68), floats(2, 10, 20), torch.rand(2, 10, 4)),
            call(**{**objects(3, 6, 4), "attention_mask": padded(3, 6)}),
            call(**{**objects(3, 6, 4), "visual_attention_mask": padded(3, 4)}),
            call(**{**objects(1, 3, 4), "token_type_ids": torch.tensor([[0, 1, 1]])}),
            call(**{**objects(1, 2, 6), "input_ids": torch.tensor([[0, 67]])}),
        ],
        bad=lambda: [
            raises("20 tokens", **objects(1, 20, 4)),
            raises("id 68", **{**objects(1, 3, 4), "input_ids": torch.full((1, 3), 68)}),
            raises("id -1", **{**objects(1, 3, 4), "input_ids": torch.full((1, 3), -1)}),
            raises("token type 2", **{**objects(1, 3, 4), "token_type_ids": torch.full((1, 3), 2)}),
            raises("features of 16", **{**objects(2, 3, 4), "visual_feats": floats(2, 4, 16)}),
            raises("boxes of five numbers", **{**objects(2, 3, 4), "visual_pos": torch.rand(2, 4, 5)}),
            raises("boxes of three objects for four", **{**objects(2, 3, 4), "visual_pos": torch.rand(2, 3, 4)}),
            unmeant("one box for four", Policy.TIE, **{**objects(2, 3, 4), "visual_pos": torch.rand(2, 1, 4)}),
            raises("objects of three pictures", **{**objects(3, 5, 4), "input_ids": ids(2, 5, below=68)}),
            raises("mask one shorter", **{**objects(2, 5, 4), "attention_mask": padded(2, 4)}),
            raises("mask of three for two", **{**objects(2, 5, 4), "attention_mask": padded(3, 5)}),
            unmeant("mask of one for two", Policy.TIE, **{**objects(2, 5, 4), "attention_mask": padded(1, 5)}),
            raises("mask of five objects for four", **{**objects(2, 6, 4), "visual_attention_mask": padded(2, 5)}),
            unmeant(
                "mask of one picture for two", Policy.TIE, **{**objects(2, 5, 4), "visual_attention_mask": padded(1, 4)}
            ),
            raises("a question without batch", **{**objects(1, 5, 4), "input_ids": ids(5, below=68)}),
            raises("float ids", **{**objects(1, 5, 4), "input_ids": floats(1, 5)}),
            unmeant("int32 ids", Policy.DTYPE, **{**objects(1, 5, 4), "input_ids": ids(1, 5, below=68).int()}),
            raises("float64 features", **{**objects(1, 5, 4), "visual_feats": floats(1, 4, 20).double()}),
            unmeant(
                "nan in the features", Policy.FINITE, **{**objects(1, 5, 4), "visual_feats": with_nan(floats(1, 4, 20))}
            ),
            unmeant(
                "an infinite box", Policy.FINITE, **{**objects(1, 5, 4), "visual_pos": with_inf(torch.rand(1, 4, 4))}
            ),
            raises("no boxes", ids(1, 5, below=68), floats(1, 4, 20)),
            raises("no objects", ids(1, 5, below=68)),
            unmeant("labels", Policy.LEFT_OUT, **objects(2, 5, 4), labels=torch.tensor([0, 8])),
            unmeant("a tuple back", Policy.FLAG, **objects(2, 5, 4), return_dict=False),
        ],
    ),
)
