# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Signals in models of transformers: translated speech, a conformer on filter banks, codes of music, patches of series."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant, with_inf, with_nan


def make_speech_to_text():
    from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

    config = Speech2TextConfig(
        vocab_size=52, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, conv_channels=12, input_feat_per_channel=20,
        max_source_positions=200, max_target_positions=64, use_cache=False,
    )  # fmt: skip
    return Speech2TextForConditionalGeneration(config)


def make_conformer():
    from transformers import Wav2Vec2BertConfig, Wav2Vec2BertForCTC

    config = Wav2Vec2BertConfig(
        vocab_size=19, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32,
        feature_projection_input_dim=40, conv_depthwise_kernel_size=7, left_max_position_embeddings=16,
        right_max_position_embeddings=4,
    )  # fmt: skip
    return Wav2Vec2BertForCTC(config)


def make_musicgen():
    from transformers import MusicgenDecoderConfig, MusicgenForCausalLM

    config = MusicgenDecoderConfig(
        vocab_size=40, max_position_embeddings=64, hidden_size=16, num_hidden_layers=2, ffn_dim=24,
        num_attention_heads=2, num_codebooks=4, pad_token_id=40, bos_token_id=40, use_cache=False,
    )  # fmt: skip
    return MusicgenForCausalLM(config)


def make_patchtsmixer():
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    config = PatchTSMixerConfig(
        context_length=24, patch_length=6, patch_stride=6, num_input_channels=3, d_model=8, num_layers=2,
        prediction_length=5, mode="mix_channel",
    )  # fmt: skip
    return PatchTSMixerForPrediction(config)


def spoken(b, frames, t):
    return {
        "input_features": floats(b, frames, 20),
        "attention_mask": ones(b, frames),
        "decoder_input_ids": ids(b, t, below=52),
    }


def codes(b, t):
    """The codebooks of each piece lie under each other, as MusicGen takes them."""
    return ids(4 * b, t, below=40)


def prompted(b, t, words):
    return {
        "input_ids": codes(b, t),
        "encoder_hidden_states": floats(b, words, 16),
        "encoder_attention_mask": ones(b, words),
    }


def some(*shape):
    return ids(*shape, below=2).bool()


CASES = (
    Case(
        "speech_to_text_translation",
        needs="transformers",
        build=make_speech_to_text,
        example=lambda: call(**spoken(2, 37, 4)),
        good=lambda: [
            call(**spoken(1, 1, 1)),
            call(**spoken(3, 50, 2)),
            call(**spoken(1, 16, 12)),
            call(**{**spoken(2, 40, 3), "attention_mask": mask(40, 40, 23)}),
            call(input_features=floats(2, 21, 20), decoder_input_ids=ids(2, 5, below=52)),
            call(floats(4, 8, 20), mask(8, 8, 3, 5, 1), ids(4, 2, below=52)),
            call(**spoken(2, 9, 3), decoder_attention_mask=mask(3, 3, 2)),
            call(**{**spoken(1, 30, 2), "decoder_input_ids": torch.tensor([[2, 51]])}),
        ],
        bad=lambda: [
            raises("19 bands", **{**spoken(2, 12, 3), "input_features": floats(2, 12, 19)}),
            raises("bands first", **{**spoken(2, 12, 3), "input_features": floats(2, 20, 12)}),
            raises("a channel axis", **{**spoken(1, 12, 3), "input_features": floats(1, 1, 12, 20)}),
            raises("no batch axis", **{**spoken(1, 12, 3), "input_features": floats(12, 20)}),
            raises("id 52", **{**spoken(1, 12, 2), "decoder_input_ids": torch.full((1, 2), 52)}),
            raises("id -100", **{**spoken(1, 12, 2), "decoder_input_ids": torch.full((1, 2), -100)}),
            raises("three texts of two talks", **{**spoken(2, 12, 3), "decoder_input_ids": ids(3, 3, below=52)}),
            raises("a longer mask", **{**spoken(2, 12, 3), "attention_mask": ones(2, 30)}),
            unmeant("a shorter mask", Policy.TIE, **{**spoken(2, 12, 3), "attention_mask": ones(2, 11)}),
            raises("target mask of another length", **spoken(2, 12, 3), decoder_attention_mask=mask(4, 1, 1)),
            raises("no target", input_features=floats(1, 12, 20)),
            raises("no speech", decoder_input_ids=ids(1, 3, below=52)),
            raises("float64", **{**spoken(1, 12, 3), "input_features": floats(1, 12, 20).double()}),
            unmeant("int32 ids", Policy.DTYPE, **{**spoken(1, 12, 3), "decoder_input_ids": ids(1, 3, below=52).int()}),
            unmeant("nan", Policy.FINITE, **{**spoken(1, 12, 3), "input_features": with_nan(floats(1, 12, 20))}),
            unmeant("labels instead", Policy.LEFT_OUT, input_features=floats(1, 12, 20), labels=ids(1, 3, below=52)),
        ],
    ),
    Case(
        "conformer_ctc",
        needs="transformers",
        build=make_conformer,
        example=lambda: call(input_features=floats(2, 25, 40), attention_mask=mask(25, 25, 14)),
        good=lambda: [
            call(floats(1, 1, 40)),
            call(input_features=floats(3, 60, 40)),
            call(floats(2, 9, 40), ones(2, 9)),
            call(input_features=floats(4, 7, 40), attention_mask=mask(7, 7, 2, 1, 5)),
            call(floats(1, 33, 40), attention_mask=None),
            call(torch.zeros(2, 18, 40)),
        ],
        bad=lambda: [
            raises("80 features", floats(2, 25, 80)),
            raises("features first", floats(2, 40, 25)),
            raises("no batch axis", floats(25, 40)),
            raises("a channel axis", floats(2, 1, 25, 40)),
            raises("mask of another length", floats(2, 25, 40), mask(24, 20, 20)),
            raises("three masks for two", floats(2, 25, 40), mask(25, 20, 20, 20)),
            unmeant("mask without batch", Policy.RANK, floats(2, 25, 40), ones(25)),
            raises("float64", floats(2, 25, 40).double()),
            raises("float16", floats(2, 25, 40).half()),
            raises("int64", ids(2, 25, 40, below=9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 25, 40))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 25, 40))),
            unmeant("labels", Policy.LEFT_OUT, floats(2, 25, 40), labels=1 + ids(2, 3, below=18)),
            raises("features as one dict", {"input_features": floats(2, 25, 40)}),
            raises("nothing"),
        ],
    ),
    Case(
        "musicgen_codebooks",
        needs="transformers",
        build=make_musicgen,
        example=lambda: call(**prompted(2, 9, 6)),
        good=lambda: [
            call(codes(1, 1)),
            call(input_ids=codes(3, 20)),
            call(**prompted(1, 5, 1)),
            call(**prompted(4, 2, 13)),
            call(input_ids=codes(2, 7), encoder_hidden_states=floats(2, 5, 16)),
            call(**{**prompted(2, 4, 6), "encoder_attention_mask": mask(6, 6, 2)}),
            call(input_ids=codes(2, 4), attention_mask=mask(4, 4, 3)),
            call(torch.full((4, 3), 40)),
        ],
        bad=lambda: [
            raises("three codebooks", ids(3, 5, below=40)),
            raises("six rows", ids(6, 5, below=40)),
            raises("one row", ids(1, 5, below=40)),
            raises("id 41", torch.full((4, 3), 41)),
            raises("id -1", torch.full((4, 3), -1)),
            raises("two prompts for one piece", **{**prompted(1, 4, 5), "encoder_hidden_states": floats(2, 5, 16)}),
            raises("prompt of width 24", input_ids=codes(2, 4), encoder_hidden_states=floats(2, 5, 24)),
            raises("prompt without batch", input_ids=codes(2, 4), encoder_hidden_states=floats(5, 16)),
            raises("prompt mask of another length", **{**prompted(2, 4, 5), "encoder_attention_mask": mask(6, 6, 2)}),
            raises("mask of another length", input_ids=codes(2, 4), attention_mask=mask(3, 3, 2)),
            raises("float codes", floats(4, 5)),
            unmeant("int32 codes", Policy.DTYPE, codes(2, 5).int()),
            unmeant(
                "nan prompt", Policy.FINITE, input_ids=codes(1, 3), encoder_hidden_states=with_nan(floats(1, 4, 16))
            ),
            unmeant("labels", Policy.LEFT_OUT, codes(1, 5), labels=ids(1, 5, 4, below=40)),
            unmeant("embeddings instead of codes", Policy.LEFT_OUT, inputs_embeds=floats(2, 4, 16)),
            raises("only a prompt", encoder_hidden_states=floats(2, 5, 16)),
            raises("nothing"),
        ],
    ),
    Case(
        "patchtsmixer_forecast",
        needs="transformers",
        build=make_patchtsmixer,
        example=lambda: call(past_values=floats(2, 24, 3)),
        good=lambda: [
            call(floats(1, 24, 3)),
            call(floats(3, 24, 3), some(3, 24, 3)),
            call(past_values=floats(7, 24, 3)),
            call(past_values=100 * floats(2, 24, 3), observed_mask=some(2, 24, 3)),
            call(floats(1, 24, 3), torch.ones(1, 24, 3, dtype=torch.bool)),
            call(torch.zeros(2, 24, 3)),
            call(floats(16, 24, 3)),
        ],
        bad=lambda: [
            raises("23 steps", floats(2, 23, 3)),
            raises("30 steps", floats(2, 30, 3)),
            raises("48 steps", floats(2, 48, 3)),
            raises("two channels", floats(2, 24, 2)),
            raises("one channel", floats(2, 24, 1)),
            raises("channels first", floats(2, 3, 24)),
            raises("no batch axis", floats(24, 3)),
            raises("an axis too many", floats(2, 2, 24, 3)),
            raises("mask of another length", floats(2, 24, 3), some(2, 23, 3)),
            raises("mask of three series for two", floats(2, 24, 3), some(3, 24, 3)),
            unmeant("mask of one series for two", Policy.TIE, floats(2, 24, 3), some(1, 24, 3)),
            unmeant("mask of one channel", Policy.TIE, floats(2, 24, 3), some(2, 24, 1)),
            raises("float64", floats(2, 24, 3).double()),
            unmeant("int64", Policy.DTYPE, ids(2, 24, 3, below=9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 24, 3))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 24, 3))),
            unmeant("the future too", Policy.LEFT_OUT, floats(2, 24, 3), future_values=floats(2, 5, 3)),
            raises("a list of series", [floats(24, 3)]),
            raises("nothing"),
        ],
    ),
)
