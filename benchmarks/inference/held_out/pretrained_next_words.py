# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
# mypy: disable-error-code="call-arg"
"""Decoders of transformers with several heads: GPT-NeoX, Phi, Gemma 2 and GPT-Neo."""

import torch

from benchmarks.inference.case import Case, Policy, call, floats, ids, ones, raises, unmeant


def padded(b, t):
    """A mask over the second of two and more rows, which ends in a padding token."""
    mask = ones(b, t)
    mask[-1, -1] = 0
    return mask


def make_gpt_neox():
    from transformers import GPTNeoXConfig, GPTNeoXForQuestionAnswering

    config = GPTNeoXConfig(
        vocab_size=67, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=64, bos_token_id=0, eos_token_id=0, use_cache=False,
    )  # fmt: skip
    return GPTNeoXForQuestionAnswering(config)


def make_phi():
    from transformers import PhiConfig, PhiForCausalLM

    config = PhiConfig(
        vocab_size=59, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=48, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return PhiForCausalLM(config)


def make_gemma2():
    from transformers import Gemma2Config, Gemma2ForSequenceClassification

    config = Gemma2Config(
        vocab_size=73, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8, max_position_embeddings=64, sliding_window=6,
        num_labels=3, use_cache=False,
    )  # fmt: skip
    return Gemma2ForSequenceClassification(config)


def make_gpt_neo():
    from transformers import GPTNeoConfig, GPTNeoForTokenClassification

    config = GPTNeoConfig(
        vocab_size=51, max_position_embeddings=22, hidden_size=24, num_layers=2, num_heads=3, intermediate_size=32,
        attention_types=[[["global", "local"], 1]], window_size=4, bos_token_id=50, eos_token_id=50, num_labels=7,
        use_cache=False,
    )  # fmt: skip
    return GPTNeoForTokenClassification(config)


def text(below, b, t):
    return {"input_ids": ids(b, t, below=below), "attention_mask": ones(b, t)}


CASES = (
    Case(
        "gpt_neox_answers",
        needs="transformers",
        build=make_gpt_neox,
        example=lambda: call(**text(67, 2, 9)),
        good=lambda: [
            call(**text(67, 1, 1)),
            call(**text(67, 1, 50)),
            call(**text(67, 6, 4)),
            call(ids(2, 13, below=67)),
            call(ids(3, 7, below=67), padded(3, 7)),
            call(input_ids=torch.tensor([[0, 66, 5]])),
            call(**text(67, 2, 3), position_ids=torch.tensor([[0, 1, 2], [5, 6, 7]])),
        ],
        bad=lambda: [
            raises("id 67", **{**text(67, 1, 3), "input_ids": torch.tensor([[1, 67, 3]])}),
            raises("id -1", **{**text(67, 1, 3), "input_ids": torch.tensor([[1, 2, -1]])}),
            raises("mask one shorter", ids(2, 5, below=67), padded(2, 4)),
            raises("mask of one for two", ids(2, 5, below=67), padded(1, 5)),
            unmeant("mask of three for two", Policy.REMAINDER, ids(2, 5, below=67), padded(3, 5)),
            raises("one text without batch", ids(7, below=67)),
            raises("an axis too many", ids(2, 3, 4, below=67)),
            raises("float ids", floats(2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=67).int()),
            raises("positions of three for two", **text(67, 2, 4), position_ids=ids(3, 4, below=9)),
            raises("positions one longer", **text(67, 2, 4), position_ids=ids(2, 5, below=9)),
            unmeant("token types", Policy.UNEXPECTED, **text(67, 2, 4), token_type_ids=ids(2, 4, below=2)),
            raises("a list of ids", [[1, 2, 3]]),
            raises("no ids", attention_mask=ones(1, 4)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 32)),
            unmeant(
                "where the answers are",
                Policy.LEFT_OUT,
                **text(67, 2, 5),
                start_positions=torch.tensor([0, 1]),
                end_positions=torch.tensor([2, 4]),
            ),
        ],
    ),
    Case(
        "phi_writes_on",
        needs="transformers",
        build=make_phi,
        example=lambda: call(**text(59, 2, 7)),
        good=lambda: [
            call(**text(59, 1, 1)),
            call(**text(59, 1, 40)),
            call(**text(59, 5, 3)),
            call(ids(2, 12, below=59)),
            call(ids(3, 6, below=59), padded(3, 6)),
            call(input_ids=torch.tensor([[1, 58, 0, 2]])),
            call(**text(59, 2, 3), position_ids=torch.tensor([[0, 1, 2], [3, 4, 5]])),
        ],
        bad=lambda: [
            raises("id 59", **{**text(59, 1, 3), "input_ids": torch.tensor([[59, 2, 3]])}),
            raises("id -100", **{**text(59, 1, 3), "input_ids": torch.tensor([[1, 2, -100]])}),
            unmeant("mask one shorter", Policy.TIE, ids(2, 5, below=59), padded(2, 4)),
            raises("mask of one for two", ids(2, 5, below=59), padded(1, 5)),
            unmeant("mask of three for two", Policy.REMAINDER, ids(2, 5, below=59), padded(3, 5)),
            raises("one text without batch", ids(7, below=59)),
            unmeant("an axis too many", Policy.RANK, ids(2, 3, 4, below=59)),
            raises("float ids", floats(2, 5)),
            raises("float16 ids", floats(2, 5).half()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=59).int()),
            raises("positions of three for two", **text(59, 2, 4), position_ids=ids(3, 4, below=9)),
            raises("positions one longer", **text(59, 2, 4), position_ids=ids(2, 5, below=9)),
            raises("a list of rows", list(ids(2, 5, below=59))),
            raises("nothing"),
            unmeant("labels", Policy.LEFT_OUT, **text(59, 2, 5), labels=ids(2, 5, below=59)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 24)),
            unmeant("the last word only", Policy.FLAG, **text(59, 2, 5), logits_to_keep=1),
            unmeant("no cache", Policy.FLAG, **text(59, 2, 5), use_cache=False),
        ],
    ),
    Case(
        "gemma2_sentiment",
        needs="transformers",
        build=make_gemma2,
        example=lambda: call(**text(73, 3, 8)),
        good=lambda: [
            call(**text(73, 1, 1)),
            call(**text(73, 1, 30)),
            call(**text(73, 7, 5)),
            call(ids(2, 14, below=73)),
            call(torch.tensor([[2, 9, 72, 0], [2, 5, 6, 7]]), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])),
            call(ids(3, 6, below=73), padded(3, 6)),
            call(**text(73, 2, 3), position_ids=torch.tensor([[0, 1, 2], [1, 2, 3]])),
        ],
        bad=lambda: [
            raises("id 73", **{**text(73, 1, 3), "input_ids": torch.tensor([[2, 73, 3]])}),
            raises("id -1", **{**text(73, 1, 3), "input_ids": torch.tensor([[2, -1, 3]])}),
            raises("mask one shorter", ids(2, 5, below=73), padded(2, 4)),
            raises("mask of one for two", ids(2, 5, below=73), padded(1, 5)),
            unmeant("mask of three for two", Policy.REMAINDER, ids(2, 5, below=73), padded(3, 5)),
            raises("one text without batch", ids(7, below=73)),
            raises("an axis too many", ids(2, 3, 4, below=73)),
            raises("float ids", floats(2, 5)),
            raises("bool ids", ids(2, 5, below=2).bool()),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=73).int()),
            raises("positions of three for two", **text(73, 2, 4), position_ids=ids(3, 4, below=9)),
            raises("positions one longer", **text(73, 2, 4), position_ids=ids(2, 5, below=9)),
            raises("a list of ids", [[1, 2, 3]]),
            raises("no ids", attention_mask=ones(1, 4)),
            unmeant("labels", Policy.LEFT_OUT, **text(73, 2, 5), labels=torch.tensor([0, 2])),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 24)),
            unmeant("a cache", Policy.FLAG, **text(73, 2, 5), use_cache=True),
        ],
    ),
    Case(
        "gpt_neo_local_tags",
        needs="transformers",
        build=make_gpt_neo,
        example=lambda: call(**text(51, 2, 9)),
        good=lambda: [
            call(**text(51, 1, 1)),
            call(**text(51, 1, 22)),
            call(**text(51, 5, 3)),
            call(ids(2, 12, below=51)),
            call(input_ids=ids(3, 6, below=51), attention_mask=padded(3, 6)),
            call(input_ids=torch.tensor([[50, 0, 7]])),
            call(**text(51, 2, 3), position_ids=torch.tensor([[0, 1, 2], [19, 20, 21]])),
            call(**text(51, 2, 4), token_type_ids=ids(2, 4, below=51)),
        ],
        bad=lambda: [
            raises("23 tokens", **text(51, 1, 23)),
            raises("id 51", **{**text(51, 1, 3), "input_ids": torch.tensor([[51, 2, 3]])}),
            raises("id -1", **{**text(51, 1, 3), "input_ids": torch.tensor([[-1, 2, 3]])}),
            raises("position 22", **text(51, 1, 2), position_ids=torch.tensor([[0, 22]])),
            raises("position -1", **text(51, 1, 2), position_ids=torch.tensor([[-1, 0]])),
            raises("token type 51", **text(51, 1, 2), token_type_ids=torch.tensor([[0, 51]])),
            raises("token types one longer", **text(51, 2, 4), token_type_ids=ids(2, 5, below=51)),
            raises("token types of three for two", **text(51, 2, 4), token_type_ids=ids(3, 4, below=51)),
            unmeant("token types of one for two", Policy.TIE, **text(51, 2, 4), token_type_ids=ids(1, 4, below=51)),
            raises("mask one shorter", input_ids=ids(2, 5, below=51), attention_mask=padded(2, 4)),
            raises("mask of one for two", input_ids=ids(2, 5, below=51), attention_mask=padded(1, 5)),
            unmeant(
                "mask of three for two", Policy.REMAINDER, input_ids=ids(2, 5, below=51), attention_mask=padded(3, 5)
            ),
            raises("mask in the place of the cache", ids(2, 5, below=51), ones(2, 5)),
            raises("one text without batch", ids(7, below=51)),
            raises("an axis too many", ids(2, 3, 4, below=51)),
            raises("float ids", floats(2, 5)),
            unmeant("int32 ids", Policy.DTYPE, ids(2, 5, below=51).int()),
            raises("a list of ids", [[1, 2, 3]]),
            raises("nothing"),
            unmeant("labels", Policy.LEFT_OUT, **text(51, 2, 5), labels=ids(2, 5, below=7)),
            unmeant("embeddings instead of ids", Policy.LEFT_OUT, inputs_embeds=floats(2, 5, 24)),
            unmeant("a tuple back", Policy.FLAG, **text(51, 2, 5), return_dict=False),
        ],
    ),
)
