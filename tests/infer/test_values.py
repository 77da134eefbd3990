from __future__ import annotations

import pytest
import torch

from contractgen.infer.hypothesis import Leaf
from contractgen.infer.values import fills, make_tensor, plans
from tests.infer.conftest import f32, i64, params


@pytest.mark.parametrize(
    ("name", "leaf", "first"),
    [
        ("x", f32(2), "normal"),
        ("edge_weight", f32(2), "uniform"),
        ("ids", i64(2), "zeros"),
        ("mask", i64(2), "mixed"),
        ("mask", Leaf(torch.bool, (2,)), "mixed"),
        ("lengths", i64(2), "ones"),
    ],
)
def test_the_first_fill_suits_dtype_and_name(name: str, leaf: Leaf, first: str) -> None:
    assert fills((name,), leaf)[0] == first


def test_plans_start_with_the_first_choice_of_all_and_differ_little_by_little() -> None:
    found = list(plans(params(ids=i64(2), mask=i64(2))))
    assert found[0] == {("ids",): "zeros", ("mask",): "mixed"}
    assert {tuple(plan.values()) for plan in found[1:3]} == {("ones", "mixed"), ("zeros", "ones")}
    assert len({tuple(plan.values()) for plan in found}) == len(found) == 12


def test_the_number_of_plans_is_bounded() -> None:
    assert len(list(plans(params(**{f"mask_{i}": i64(2) for i in range(12)})))) == 48


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.complex64, torch.int32, torch.bool, torch.uint8])
@pytest.mark.parametrize("fill", ["normal", "zeros", "ones", "mixed", "ramp"])
@pytest.mark.parametrize("sizes", [(), (1,), (3, 4)])
def test_each_fill_gives_each_dtype_at_each_rank_and_again_the_same(
    dtype: torch.dtype, fill: str, sizes: tuple[int, ...]
) -> None:
    first, second = (make_tensor(Leaf(dtype, sizes), fill, 3) for _ in range(2))  # type: ignore[arg-type]
    assert (first.dtype, tuple(first.shape)) == (dtype, sizes)
    assert torch.equal(first, second)


def test_a_mixed_row_starts_with_one_and_ends_with_zero() -> None:
    bits = make_tensor(i64(6, 5), "mixed", 0)
    assert bits[:, 0].tolist() == [1] * 6
    assert bits[:, -1].tolist() == [0] * 6


def test_a_ramp_counts_along_the_last_axis() -> None:
    assert make_tensor(i64(2, 3), "ramp", 0).tolist() == [[0, 1, 2], [0, 1, 2]]


def test_a_given_tensor_is_repeated_or_cut_to_the_sizes() -> None:
    given = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert make_tensor(i64(3, 2), given, 0).tolist() == [[1, 2], [4, 5], [1, 2]]


def test_a_given_tensor_itself_is_never_changed() -> None:
    given = torch.zeros(2)
    make_tensor(f32(2), given, 0).add_(1)
    assert given.tolist() == [0, 0]
