from __future__ import annotations

import pytest
import torch

from contractgen.infer.priors import Prior, from_name, mentioned_dtypes, shape_in_docstring

F, I, B, U = torch.float32, torch.int64, torch.bool, torch.uint8  # noqa: E741


@pytest.mark.parametrize(
    ("name", "dtype", "rank"),
    [
        ("x", F, None),
        ("input_ids", I, None),
        ("tokenIds", I, None),
        ("attention_mask", I, 2),
        ("key_padding_mask", B, 2),
        ("observed_mask", B, 2),
        ("lengths", I, 1),
        ("image", F, 4),
        ("video", F, 5),
        ("waveform", F, 2),
        ("edge_index", I, None),
        ("edge_attr", F, None),
        ("idle", F, None),
    ],
)
def test_a_name_suggests_dtype_and_rank(name: str, dtype: torch.dtype, rank: int | None) -> None:
    prior = from_name(name, "", F)
    assert prior.dtypes[0] == dtype
    assert prior.ranks[:1] == (() if rank is None else (rank,))


def test_an_image_that_is_divided_by_255_is_of_bytes() -> None:
    assert from_name("image", "x = image.float() / 255", F).dtypes[0] == U
    assert from_name("x", "h = x / 255.0", F).dtypes[0] == U
    assert from_name("x", "h = y / 255.0", F).dtypes[0] == F


def test_dtypes_in_the_source_are_read_once_each_and_in_order() -> None:
    source = "if x.dtype != torch.float16: x = x.to(torch.half) + torch.long + torch.float16"
    assert mentioned_dtypes(source) == (torch.float16, torch.int64)


@pytest.mark.parametrize(
    ("docstring", "dims"),
    [
        ("x: (batch, 3, H, W)", ("batch", "3", "H", "W")),
        ("x of shape [B, T]", ("B", "T")),
        ("x (`torch.FloatTensor` of shape `(batch_size, 3, width)`, *optional*):", ("batch_size", "3", "width")),
        ("x (`torch.Tensor` of shape `(n, t)` or `(n, t, size)`, *optional*):", ("n", "t")),
        ("x (`torch.Tensor` of shape `(n, 2*t)`, *optional*):", ()),
        ("x (`list` of length `(a, b)`):", ()),
        ("x: (see the paper, page 3)", ()),
        ("y: (B, T)", ()),
        ("x: (B)", ()),
        ("x: (B, 2*T)", ()),
    ],
)
def test_a_shape_is_read_from_a_docstring(docstring: str, dims: tuple[str, ...]) -> None:
    assert shape_in_docstring("x", docstring) == dims


def test_weaker_suggestions_come_after_and_never_twice() -> None:
    assert Prior((I,), (2,)).then((F, I), (3, 2)) == Prior((I, F), (2, 3))


def test_only_an_author_who_wrote_dims_fixes_the_rank() -> None:
    assert Prior(dims=("b", "t"), declared=True).exact_rank
    assert not Prior(dims=("b", "t")).exact_rank
    assert not Prior(declared=True).exact_rank


def test_what_is_measured_of_an_item_is_no_id() -> None:
    names = ("item_features", "user_embedding", "item_id")
    dtypes = [from_name(name, "", torch.float32).dtypes[0] for name in names]
    assert dtypes == [torch.float32, torch.float32, torch.int64]


def test_a_dtype_that_is_made_is_not_one_that_is_taken() -> None:
    source = "causal = torch.ones(4, dtype=torch.bool)\nif x.dtype != torch.uint8: raise TypeError"
    assert mentioned_dtypes(source) == (torch.uint8,)
