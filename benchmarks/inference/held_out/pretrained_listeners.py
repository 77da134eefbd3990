# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of transformers that listen: CLAP's sounds and words, WavLM's voice prints, SpeechT5's transcripts."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, mask, ones, raises, unmeant, with_inf, with_nan


def full(value, *shape):
    return torch.full(shape, value)


def make_clap():
    from transformers import ClapConfig, ClapModel

    text = {
        "vocab_size": 54, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
        "max_position_embeddings": 18, "projection_dim": 12,
    }  # fmt: skip
    audio = {
        "window_size": 4, "num_mel_bins": 16, "spec_size": 64, "patch_size": 4, "patch_stride": [4, 4],
        "hidden_size": 24, "projection_dim": 12, "depths": [1, 1], "num_attention_heads": [2, 3],
        "patch_embeds_hidden_size": 12, "num_hidden_layers": 2,
    }  # fmt: skip
    return ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=12))


def mels(b, t):
    """Up to 256 frames of 16 bands."""
    return floats(b, 1, t, 16)


def words(b, t):
    """Tokens without padding, which is id 1."""
    return 2 + ids(b, t, below=52)


def make_wavlm():
    from transformers import WavLMConfig, WavLMForXVector

    config = WavLMConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, conv_dim=[12, 12, 16],
        conv_stride=[5, 2, 2], conv_kernel=[10, 3, 3], num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4,
        num_buckets=16, max_bucket_distance=40, tdnn_dim=[12, 12, 16], tdnn_kernel=[3, 3, 1], tdnn_dilation=[1, 2, 1],
        xvector_output_dim=10,
    )  # fmt: skip
    return WavLMForXVector(config)


def samples(frames):
    """The number of samples that make so many frames without remainder."""
    return 40 + 20 * (frames - 1)


def wave(b, frames):
    return floats(b, samples(frames))


def make_speecht5():
    from transformers import SpeechT5Config, SpeechT5ForSpeechToText

    config = SpeechT5Config(
        vocab_size=33, hidden_size=24, encoder_layers=2, encoder_attention_heads=3, encoder_ffn_dim=32,
        decoder_layers=2, decoder_attention_heads=3, decoder_ffn_dim=32, conv_dim=[12, 12, 16], conv_stride=[5, 2, 2],
        conv_kernel=[10, 3, 3], num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4,
        encoder_max_relative_position=12, use_cache=False,
    )  # fmt: skip
    return SpeechT5ForSpeechToText(config)


def letters(b, t):
    """Characters without padding, which is id 1."""
    return 2 + ids(b, t, below=31)


CASES = (
    Case(
        "clap_sounds_and_words",
        needs="transformers",
        build=make_clap,
        example=lambda: call(input_ids=words(3, 6), input_features=mels(2, 100), attention_mask=mask(6, 6, 4, 6)),
        good=lambda: [
            call(words(1, 1), mels(1, 256)),
            call(words(2, 16), mels(3, 40)),
            call(input_ids=words(5, 4), input_features=mels(1, 199)),
            call(input_ids=words(1, 7), input_features=mels(4, 12), attention_mask=ones(1, 7)),
            call(input_ids=words(2, 5), input_features=mels(2, 256), attention_mask=mask(5, 2, 5)),
            call(torch.tensor([[0, 53, 2, 1, 1]]), mels(1, 64), attention_mask=mask(5, 3)),
        ],
        bad=lambda: [
            raises("257 frames", words(2, 4), mels(1, 257)),
            raises("15 bands", words(2, 4), floats(1, 1, 100, 15)),
            raises("bands before frames", words(2, 4), floats(1, 1, 16, 100)),
            raises("four crops", words(2, 4), floats(1, 4, 100, 16)),
            raises("sounds without channel", words(2, 4), floats(2, 100, 16)),
            raises("one sound without batch and channel", words(2, 4), floats(100, 16)),
            raises("17 tokens", words(1, 17), mels(1, 64)),
            raises("id 54", full(54, 1, 4), mels(1, 64)),
            raises("id -1", full(-1, 1, 4), mels(1, 64)),
            raises(
                "mask of another length",
                input_ids=words(2, 4),
                input_features=mels(1, 64),
                attention_mask=mask(5, 5, 3),
            ),
            raises("words without batch", words(1, 4)[0], mels(1, 64)),
            raises("float words", floats(2, 4), mels(1, 64)),
            unmeant("int32 words", Policy.DTYPE, words(2, 4).int(), mels(1, 64)),
            raises("float64 sounds", words(2, 4), mels(1, 64).double()),
            raises("int16 sounds", words(2, 4), ids(1, 1, 64, 16, below=9).short()),
            unmeant("nan", Policy.FINITE, words(2, 4), with_nan(mels(1, 64))),
            unmeant("infinity", Policy.FINITE, words(2, 4), with_inf(mels(1, 64))),
            unmeant("the loss too", Policy.FLAG, words(2, 4), mels(2, 64), return_loss=True),
            raises("words only", words(2, 4)),
            raises("sounds only", input_features=mels(2, 64)),
            raises("exchanged", mels(2, 64), words(2, 4)),
        ],
    ),
    Case(
        "wavlm_voice_prints",
        needs="transformers",
        build=make_wavlm,
        example=lambda: call(input_values=wave(2, 24)),
        good=lambda: [
            call(wave(1, 8)),
            call(wave(3, 15)),
            call(input_values=wave(1, 60)),
            call(wave(2, 30), ones(2, samples(30))),
            call(input_values=wave(2, 20), attention_mask=mask(samples(20), samples(20), samples(12))),
            call(wave(4, 18), mask(samples(18), *(samples(count) for count in (18, 10, 14, 9)))),
            call(torch.rand(1, samples(11)) - 0.5),
        ],
        bad=lambda: [
            raises("39 samples", floats(1, 39)),
            raises("frames for no window", wave(1, 6)),
            unmeant("one window, which has no deviation", Policy.FINITE, wave(1, 7)),
            raises("stereo", floats(2, 2, samples(20))),
            raises("no batch axis", wave(1, 20)[0]),
            raises("int16 samples", ids(1, samples(20), below=999).short()),
            raises("float64", wave(1, 20).double()),
            raises("a longer mask", wave(2, 10), ones(2, samples(30))),
            raises("three masks for two", wave(2, 20), mask(samples(20), *(samples(20) - 40 for _ in range(3)))),
            unmeant("a shorter mask", Policy.TIE, wave(2, 20), ones(2, samples(15))),
            unmeant("nan", Policy.FINITE, with_nan(wave(1, 20))),
            unmeant("infinity", Policy.FINITE, with_inf(wave(1, 20))),
            unmeant("labels", Policy.LEFT_OUT, wave(2, 20), labels=ids(2, below=2)),
            unmeant("hidden states too", Policy.FLAG, wave(1, 20), output_hidden_states=True),
            raises("a list of samples", [0.1] * samples(20)),
            raises("nothing"),
        ],
    ),
    Case(
        "speecht5_transcripts",
        needs="transformers",
        build=make_speecht5,
        example=lambda: call(input_values=wave(2, 16), decoder_input_ids=letters(2, 5)),
        good=lambda: [
            call(input_values=wave(1, 2), decoder_input_ids=letters(1, 1)),
            call(input_values=wave(3, 11), decoder_input_ids=letters(3, 9)),
            call(wave(2, 20), ones(2, samples(20)), letters(2, 4)),
            call(
                input_values=wave(2, 13),
                attention_mask=mask(samples(13), samples(13), samples(7)),
                decoder_input_ids=letters(2, 6),
            ),
            call(
                input_values=wave(2, 9),
                decoder_input_ids=letters(2, 6),
                decoder_attention_mask=mask(6, 6, 4),
            ),
            call(input_values=wave(1, 40), decoder_input_ids=torch.tensor([[2, 0, 32, 31]])),
            call(wave(5, 6), mask(samples(6), *(samples(count) for count in (6, 5, 4, 3, 2))), letters(5, 12)),
        ],
        bad=lambda: [
            raises("39 samples", floats(1, 39), decoder_input_ids=letters(1, 4)),
            raises("stereo", floats(2, 2, samples(12)), decoder_input_ids=letters(2, 4)),
            raises("no batch axis", wave(1, 12)[0], decoder_input_ids=letters(1, 4)),
            raises("letter 33", wave(2, 12), decoder_input_ids=full(33, 2, 4)),
            raises("letter -1", wave(2, 12), decoder_input_ids=full(-1, 2, 4)),
            unmeant("letters of three", Policy.TIE, wave(2, 12), decoder_input_ids=letters(3, 4)),
            raises("a longer mask", wave(2, 12), ones(2, samples(30)), letters(2, 4)),
            raises("three masks for two", wave(2, 12), mask(samples(12), 200, 180, 160), letters(2, 4)),
            unmeant("a shorter mask", Policy.TIE, wave(2, 12), ones(2, samples(8)), letters(2, 4)),
            raises(
                "letters' mask of another length",
                wave(2, 12),
                decoder_input_ids=letters(2, 4),
                decoder_attention_mask=mask(5, 5, 3),
            ),
            raises("float letters", wave(2, 12), decoder_input_ids=floats(2, 4)),
            unmeant("int32 letters", Policy.DTYPE, wave(2, 12), decoder_input_ids=letters(2, 4).int()),
            raises("float64 waves", wave(2, 12).double(), decoder_input_ids=letters(2, 4)),
            raises("int16 samples", ids(2, samples(12), below=99).short(), decoder_input_ids=letters(2, 4)),
            unmeant("nan", Policy.FINITE, with_nan(wave(1, 12)), decoder_input_ids=letters(1, 4)),
            unmeant("labels instead", Policy.LEFT_OUT, wave(2, 12), labels=letters(2, 4)),
            raises("no letters", wave(2, 12)),
            raises("no sound", decoder_input_ids=letters(2, 4)),
            raises("nothing"),
        ],
    ),
)
