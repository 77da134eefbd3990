# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""More models of transformers, from tiny configurations with random weights."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant, with_nan


def make_whisper():
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=77, num_mel_bins=12, d_model=16, encoder_layers=1, encoder_attention_heads=2, decoder_layers=1,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=20,
        max_target_positions=14, decoder_start_token_id=70, pad_token_id=71, bos_token_id=72, eos_token_id=73,
        suppress_tokens=None, begin_suppress_tokens=None, use_cache=False,
    )  # fmt: skip
    return WhisperForConditionalGeneration(config)


def make_roberta():
    from transformers import RobertaConfig, RobertaForTokenClassification

    config = RobertaConfig(
        vocab_size=88, hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32,
        max_position_embeddings=34, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, num_labels=5,
    )  # fmt: skip
    return RobertaForTokenClassification(config)


def make_llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=97, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, use_cache=False,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def make_vit():
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=32, image_size=30, patch_size=10,
        num_labels=4,
    )  # fmt: skip
    return ViTForImageClassification(config)


def make_swin():
    from transformers import SwinConfig, SwinForImageClassification

    config = SwinConfig(
        image_size=32, patch_size=2, num_channels=3, embed_dim=12, depths=[2, 2], num_heads=[2, 2], window_size=4,
        num_labels=3,
    )  # fmt: skip
    return SwinForImageClassification(config)


def make_wav2vec2():
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        conv_dim=(8, 8), conv_stride=(5, 2), conv_kernel=(10, 2), num_feat_extract_layers=2,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    return Wav2Vec2ForCTC(config)


def whisper(b, t):
    return {"input_features": floats(b, 12, 40), "decoder_input_ids": ids(b, t, below=77)}


CASES = (
    Case(
        "whisper",
        needs="transformers",
        build=make_whisper,
        example=lambda: call(**whisper(1, 4)),
        good=lambda: [
            call(**whisper(1, 1)),
            call(**whisper(2, 14)),
            call(**whisper(3, 5)),
            call(**whisper(2, 3), decoder_attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]])),
            call(**whisper(2, 3), decoder_position_ids=torch.tensor([[0, 1, 13], [5, 6, 7]])),
            call(input_features=floats(1, 12, 40), decoder_input_ids=torch.tensor([[0, 76]])),
            call(floats(4, 12, 40), decoder_input_ids=ids(4, 2, below=77)),
        ],
        bad=lambda: [
            raises("39 frames", input_features=floats(1, 12, 39), decoder_input_ids=ids(1, 3, below=77)),
            raises("80 frames", input_features=floats(1, 12, 80), decoder_input_ids=ids(1, 3, below=77)),
            raises("13 mels", input_features=floats(1, 13, 40), decoder_input_ids=ids(1, 3, below=77)),
            raises("15 tokens", **whisper(1, 15)),
            raises("token 77", **{**whisper(1, 3), "decoder_input_ids": torch.full((1, 3), 77)}),
            raises("token -1", **{**whisper(1, 3), "decoder_input_ids": torch.full((1, 3), -1)}),
            raises("no tokens", input_features=floats(1, 12, 40)),
            raises("no sound", decoder_input_ids=ids(1, 3, below=77)),
            unmeant("one sound for two texts", Policy.TIE, **{**whisper(2, 3), "input_features": floats(1, 12, 40)}),
            unmeant("two sounds for one text", Policy.TIE, **{**whisper(1, 3), "input_features": floats(2, 12, 40)}),
            unmeant(
                "three sounds for two texts, mixed up by a reshape",
                Policy.TIE,
                **{**whisper(2, 3), "input_features": floats(3, 12, 40)},
            ),
            raises("mask of another length", **whisper(2, 3), decoder_attention_mask=torch.tensor([[1, 1, 0, 0]] * 2)),
            unmeant("a mask of the frames, never read", Policy.UNEXPECTED, **whisper(1, 3), attention_mask=ones(1, 40)),
            unmeant("labels", Policy.LEFT_OUT, input_features=floats(1, 12, 40), labels=ids(1, 3, below=77)),
            raises("float64 sound", **{**whisper(1, 3), "input_features": floats(1, 12, 40).double()}),
            raises("float tokens", **{**whisper(1, 3), "decoder_input_ids": floats(1, 3)}),
            unmeant("nan", Policy.FINITE, **{**whisper(1, 3), "input_features": with_nan(floats(1, 12, 40))}),
        ],
    ),
    Case(
        "roberta_tokens",
        needs="transformers",
        build=make_roberta,
        example=lambda: call(input_ids=ids(2, 9, below=88), attention_mask=ones(2, 9)),
        good=lambda: [
            call(ids(1, 1, below=88)),
            call(input_ids=ids(2, 32, below=88)),
            call(input_ids=torch.tensor([[0, 5, 87, 2, 1, 1], [0, 5, 6, 7, 8, 2]])),
            call(input_ids=ids(2, 6, below=88), attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0], [1] * 6])),
            call(input_ids=ids(3, 5, below=88), token_type_ids=torch.zeros(3, 5, dtype=torch.int64)),
            call(input_ids=ids(2, 4, below=88), position_ids=torch.tensor([[2, 3, 4, 33], [0, 1, 2, 3]])),
            call(ids(8, 3, below=88), ones(8, 3)),
        ],
        bad=lambda: [
            raises("33 tokens, none of them padding", torch.full((1, 33), 5)),
            raises("48 tokens", 7 * ones(2, 48)),
            raises("id 88", torch.full((1, 4), 88)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("token type 1", input_ids=ids(2, 4, below=88), token_type_ids=ones(2, 4)),
            raises("position 34", input_ids=ids(2, 4, below=88), position_ids=34 * ones(2, 4)),
            raises("no batch axis", ids(4, below=88)),
            raises("mask of another length", ids(2, 4, below=88), torch.tensor([[1, 0, 1, 1, 1]] * 2)),
            unmeant("a third mask row for two", Policy.TIE, ids(2, 4, below=88), torch.tensor([[1, 0, 1, 1]] * 3)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=88).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=88), labels=ids(2, 4, below=5)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 24)),
            raises("tokenizer output as one dict", {"input_ids": ids(2, 4, below=88)}),
            raises("nothing"),
        ],
    ),
    Case(
        "llama_rotary",
        needs="transformers",
        build=make_llama,
        example=lambda: call(input_ids=ids(1, 7, below=97)),
        good=lambda: [
            call(ids(1, 1, below=97)),
            call(input_ids=ids(2, 64, below=97)),
            call(input_ids=ids(3, 5, below=97)),
            call(input_ids=torch.tensor([[0, 96]])),
            call(input_ids=ids(2, 6, below=97), attention_mask=torch.tensor([[1, 1, 1, 1, 1, 0], [1] * 6])),
            call(input_ids=ids(2, 4, below=97), position_ids=torch.tensor([[0, 1, 2, 3], [5, 6, 7, 8]])),
            call(ids(7, 2, below=97), ones(7, 2)),
        ],
        bad=lambda: [
            raises("id 97", torch.full((1, 4), 97)),
            raises("id -1", torch.full((1, 4), -1)),
            raises("no batch axis", ids(4, below=97)),
            raises("an axis too many", ids(2, 3, 4, below=97)),
            raises("mask of another length", ids(2, 4, below=97), torch.tensor([[1, 1, 0, 0, 0]] * 2)),
            raises("float ids", floats(2, 4)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 4, below=97).int()),
            unmeant("labels", Policy.LEFT_OUT, input_ids=ids(2, 4, below=97), labels=ids(2, 4, below=97)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            unmeant(
                "token types, swallowed", Policy.UNEXPECTED, input_ids=ids(2, 4, below=97), token_type_ids=ones(2, 4)
            ),
            unmeant("only the last logits", Policy.FLAG, input_ids=ids(2, 4, below=97), logits_to_keep=2),
            raises("nothing"),
            raises("python lists", [[1, 2, 3]]),
        ],
    ),
    Case(
        "vit_classifier",
        needs="transformers",
        build=make_vit,
        example=lambda: call(pixel_values=floats(1, 3, 30, 30)),
        good=lambda: [call(pixel_values=floats(n, 3, 30, 30)) for n in (1, 2, 3, 8, 17)] + [call(floats(4, 3, 30, 30))],
        bad=lambda: [
            raises("31 x 30", floats(1, 3, 31, 30)),
            raises("40 x 40", floats(1, 3, 40, 40)),
            raises("10 x 90, as many patches", floats(1, 3, 10, 90)),
            raises("224 x 224", floats(1, 3, 224, 224)),
            raises("one channel", floats(1, 1, 30, 30)),
            raises("channels last", floats(1, 30, 30, 3)),
            raises("no batch axis", floats(3, 30, 30)),
            unmeant("int64, cast", Policy.DTYPE, ids(1, 3, 30, 30, below=256)),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 30, 30), labels=ids(2, below=4)),
            unmeant("interpolated positions", Policy.FLAG, floats(1, 3, 40, 40), interpolate_pos_encoding=True),
            raises("masked positions", floats(1, 3, 30, 30), bool_masked_pos=ones(1, 9).bool()),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 30, 30))),
            raises("nothing"),
        ],
    ),
    Case(
        "swin_classifier",
        needs="transformers",
        build=make_swin,
        example=lambda: call(pixel_values=floats(1, 3, 32, 32)),
        good=lambda: [
            call(floats(1, 3, 32, 32)),
            call(floats(2, 3, 13, 13)),
            call(floats(1, 3, 16, 40)),
            call(floats(3, 3, 31, 32)),
            call(pixel_values=floats(1, 3, 18, 64)),
            call(pixel_values=floats(5, 3, 24, 15)),
        ],
        bad=lambda: [
            raises("12 x 32", floats(1, 3, 12, 32)),
            raises("32 x 10", floats(1, 3, 32, 10)),
            raises("8 x 8", floats(1, 3, 8, 8)),
            raises("1 x 1", floats(1, 3, 1, 1)),
            raises("one channel", floats(1, 1, 32, 32)),
            raises("channels last", floats(1, 32, 32, 3)),
            raises("no batch axis", floats(3, 32, 32)),
            raises("float64", floats(1, 3, 32, 32).double()),
            raises("uint8", ids(1, 3, 32, 32, below=256).to(torch.uint8)),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 3, 32, 32), labels=ids(2, below=3)),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 3, 32, 32))),
            raises("nothing"),
        ],
    ),
    Case(
        "wav2vec2_ctc",
        needs="transformers",
        build=make_wav2vec2,
        example=lambda: call(input_values=floats(2, 105)),
        good=lambda: [
            call(floats(1, 15)),
            call(floats(2, 25)),
            call(input_values=floats(3, 105)),
            call(floats(1, 405)),
            call(input_values=floats(2, 65), attention_mask=ones(2, 65)),
            call(input_values=floats(2, 45), attention_mask=torch.tensor([[1] * 45, [1] * 25 + [0] * 20])),
        ],
        bad=lambda: [
            raises("14 samples", floats(1, 14)),
            raises("no batch axis", floats(105)),
            raises("with a channel axis", floats(1, 1, 105)),
            raises("float64", floats(1, 105).double()),
            raises("int16", ids(1, 105, below=99).to(torch.int16)),
            unmeant("mask of another length", Policy.TIE, floats(2, 105), torch.tensor([[1] * 95] * 2)),
            raises("mask of another batch", floats(2, 105), ones(3, 105)),
            raises("mask of batch one", floats(2, 105), ones(1, 105)),
            raises("mask without batch", floats(2, 105), ones(105)),
            unmeant("labels", Policy.LEFT_OUT, floats(1, 105), labels=torch.tensor([[3, 4]])),
            unmeant("nan", Policy.FINITE, with_nan(floats(1, 105))),
            raises("nothing"),
        ],
    ),
)
