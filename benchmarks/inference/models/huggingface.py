# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers, from tiny configurations with random weights."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_nan


def make_bert_classifier():
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37,
        max_position_embeddings=48, type_vocab_size=2, num_labels=3,
    )  # fmt: skip
    return BertForSequenceClassification(config)


def make_gpt2_lm():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=83, n_positions=40, n_embd=24, n_layer=2, n_head=3, bos_token_id=82, eos_token_id=82, use_cache=False
    )
    return GPT2LMHeadModel(config)


def make_t5():
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=71, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_decoder_layers=2, num_heads=3,
        decoder_start_token_id=0, use_cache=False,
    )  # fmt: skip
    return T5ForConditionalGeneration(config)


def make_clip():
    from transformers import CLIPConfig, CLIPModel

    text = {
        "vocab_size": 64, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 3,
        "max_position_embeddings": 20, "projection_dim": 16, "eos_token_id": 63, "bos_token_id": 62, "pad_token_id": 1,
    }  # fmt: skip
    vision = {
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 3,
        "image_size": 24, "patch_size": 8, "projection_dim": 16,
    }  # fmt: skip
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))


def bert(b, t):
    return {"input_ids": ids(b, t, below=99), "attention_mask": ones(b, t), "token_type_ids": ids(b, t, below=2)}


def t5(b, s, t):
    return {"input_ids": ids(b, s, below=71), "attention_mask": ones(b, s), "decoder_input_ids": ids(b, t, below=71)}


def clip(texts, t, images):
    return {"input_ids": ids(texts, t, below=64), "pixel_values": floats(images, 3, 24, 24)}


CASES = (
    Case(
        "bert_classifier",
        needs="transformers",
        build=make_bert_classifier,
        example=lambda: call(**bert(2, 8)),
        good=lambda: [
            call(ids(1, 1, below=99)),
            call(**bert(3, 5)),
            call(**bert(1, 48)),
            call(input_ids=ids(2, 7, below=99), attention_mask=torch.tensor([[1] * 7, [1, 1, 1, 0, 0, 0, 0]])),
            call(input_ids=ids(4, 3, below=99), token_type_ids=ids(4, 3, below=2)),
            call(input_ids=torch.tensor([[0, 98]])),
            call(input_ids=ids(2, 4, below=99), position_ids=torch.tensor([[3, 2, 1, 47], [0, 0, 1, 1]])),
            call(ids(16, 2, below=99), ones(16, 2)),
        ],
        bad=lambda: [
            raises("49 tokens", **bert(1, 49)),
            raises("id 99", torch.full((1, 4), 99)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("token type 2", **{**bert(1, 4), "token_type_ids": torch.full((1, 4), 2)}),
            raises("position 48", input_ids=ids(1, 4, below=99), position_ids=torch.full((1, 4), 48)),
            raises("mask of another length", **{**bert(2, 4), "attention_mask": torch.tensor([[1, 1, 1, 1, 0]] * 2)}),
            unmeant(
                "a third mask row for two",
                Policy.TIE,
                **{**bert(2, 4), "attention_mask": torch.tensor([[1, 1, 1, 0]] * 3)},
            ),
            raises("token types of another length", **{**bert(2, 4), "token_type_ids": ids(2, 5, below=2)}),
            raises("no batch axis", ids(4, below=99)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=99).int()),
            unmeant("labels", Policy.LEFT_OUT, **bert(2, 4), labels=ids(2, below=3)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 32)),
            raises("ids and embeddings", input_ids=ids(2, 4, below=99), inputs_embeds=floats(2, 4, 32)),
            raises("nothing"),
            raises("tokenizer output as one dict", bert(2, 4)),
            raises("python lists", [[1, 2, 3]]),
        ],
    ),
    Case(
        "gpt2_lm",
        needs="transformers",
        build=make_gpt2_lm,
        example=lambda: call(input_ids=ids(1, 6, below=83)),
        good=lambda: [
            call(ids(1, 1, below=83)),
            call(input_ids=ids(2, 40, below=83)),
            call(input_ids=ids(3, 5, below=83)),
            call(input_ids=torch.tensor([[0, 82, 0]])),
            call(input_ids=ids(2, 6, below=83), attention_mask=torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0]])),
            call(input_ids=ids(7, 2, below=83), attention_mask=ones(7, 2)),
            call(input_ids=ids(2, 4, below=83), position_ids=torch.tensor([[0, 1, 2, 39], [0, 1, 2, 3]])),
        ],
        bad=lambda: [
            raises("41 tokens", ids(1, 41, below=83)),
            raises("id 83", torch.full((1, 3), 83)),
            raises("id -1", torch.full((1, 3), -1)),
            raises("position 40", input_ids=ids(1, 3, below=83), position_ids=torch.full((1, 3), 40)),
            raises("token type 83", input_ids=ids(1, 3, below=83), token_type_ids=torch.full((1, 3), 83)),
            raises("mask of another length", input_ids=ids(1, 3, below=83), attention_mask=torch.tensor([[1, 0]])),
            raises("a scalar", torch.tensor(3)),
            raises("no batch axis", ids(4, below=83)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=83).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=83), labels=ids(2, 4, below=83)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            raises("encoder states", input_ids=ids(2, 4, below=83), encoder_hidden_states=floats(2, 4, 24)),
            raises("nothing"),
        ],
    ),
    Case(
        "t5_conditional",
        needs="transformers",
        build=make_t5,
        example=lambda: call(**t5(2, 7, 4)),
        good=lambda: [
            call(**t5(1, 1, 1)),
            call(**t5(2, 9, 3)),
            call(**t5(3, 2, 12)),
            call(input_ids=ids(1, 60, below=71), decoder_input_ids=ids(1, 2, below=71)),
            call(**{**t5(2, 4, 3), "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])}),
            call(**t5(2, 4, 3), decoder_attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]])),
            call(input_ids=torch.tensor([[0, 70]]), decoder_input_ids=torch.tensor([[70, 0, 0]])),
        ],
        bad=lambda: [
            raises("no decoder input", input_ids=ids(2, 5, below=71)),
            raises("no input", decoder_input_ids=ids(2, 5, below=71)),
            raises("id 71", **{**t5(1, 3, 2), "input_ids": torch.full((1, 3), 71)}),
            raises("id -1", **{**t5(1, 3, 2), "input_ids": torch.full((1, 3), -1)}),
            raises("decoder id 71", **{**t5(1, 3, 2), "decoder_input_ids": torch.full((1, 2), 71)}),
            raises("batches differ", input_ids=ids(2, 5, below=71), decoder_input_ids=ids(3, 4, below=71)),
            raises("mask of another length", **{**t5(2, 3, 2), "attention_mask": torch.tensor([[1, 1, 0, 0]] * 2)}),
            unmeant(
                "a third mask row for two",
                Policy.TIE,
                **{**t5(2, 3, 2), "attention_mask": torch.tensor([[1, 1, 0]] * 3)},
            ),
            raises(
                "decoder mask of another length", **t5(2, 3, 2), decoder_attention_mask=torch.tensor([[1, 0, 0]] * 2)
            ),
            raises("float ids", **{**t5(2, 3, 2), "input_ids": floats(2, 3)}),
            unmeant("int32 ids", Policy.DTYPE, **{**t5(2, 3, 2), "input_ids": ids(2, 3, below=71).int()}),
            unmeant(
                "labels instead of decoder ids",
                Policy.LEFT_OUT,
                input_ids=ids(2, 3, below=71),
                labels=ids(2, 3, below=71),
            ),
            unmeant(
                "embeddings", Policy.LEFT_OUT, inputs_embeds=floats(2, 3, 24), decoder_input_ids=ids(2, 2, below=71)
            ),
            raises("no batch axes", ids(3, below=71), decoder_input_ids=ids(2, below=71)),
        ],
    ),
    Case(
        "clip",
        needs="transformers",
        build=make_clip,
        example=lambda: call(**clip(2, 6, 3), attention_mask=ones(2, 6)),
        good=lambda: [
            call(**clip(1, 1, 1)),
            call(**clip(2, 7, 3)),
            call(**clip(3, 20, 1)),
            call(**clip(1, 5, 4), attention_mask=ones(1, 5)),
            call(**clip(2, 4, 2), attention_mask=torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])),
            call(input_ids=torch.tensor([[62, 0, 63]]), pixel_values=floats(2, 3, 24, 24)),
            call(ids(6, 9, below=64), floats(5, 3, 24, 24)),
        ],
        bad=lambda: [
            raises("21 tokens", **clip(1, 21, 1)),
            raises("id 64", **{**clip(1, 4, 1), "input_ids": torch.full((1, 4), 64)}),
            raises("id -1", **{**clip(1, 4, 1), "input_ids": torch.full((1, 4), -1)}),
            raises("image of 32", **{**clip(1, 4, 1), "pixel_values": floats(1, 3, 32, 32)}),
            raises("image of 25", **{**clip(1, 4, 1), "pixel_values": floats(1, 3, 25, 25)}),
            raises("image of 8 x 72", **{**clip(1, 4, 1), "pixel_values": floats(1, 3, 8, 72)}),
            raises("grey image", **{**clip(1, 4, 1), "pixel_values": floats(1, 1, 24, 24)}),
            raises("image without batch", **{**clip(1, 4, 1), "pixel_values": floats(3, 24, 24)}),
            raises("no text", pixel_values=floats(1, 3, 24, 24)),
            raises("no image", input_ids=ids(1, 4, below=64)),
            raises("mask of another length", **clip(2, 4, 1), attention_mask=torch.tensor([[1, 1, 1, 0, 0]] * 2)),
            unmeant(
                "mask of the images' batch",
                Policy.TIE,
                **clip(2, 4, 3),
                attention_mask=torch.tensor([[1, 1, 1, 0]] * 3),
            ),
            raises("float ids", **{**clip(1, 4, 1), "input_ids": floats(1, 4)}),
            raises("swapped", floats(1, 3, 24, 24), ids(1, 4, below=64)),
            unmeant("nan", Policy.FINITE, **{**clip(1, 4, 1), "pixel_values": with_nan(floats(1, 3, 24, 24))}),
            unmeant("the loss too", Policy.FLAG, **clip(2, 4, 2), return_loss=True),
        ],
    ),
)
