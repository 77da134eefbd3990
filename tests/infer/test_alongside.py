from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.contract.model import Tensor
from contractgen.infer.alongside import alongside
from contractgen.infer.hypothesis import Hypothesis, Path
from tests.infer.conftest import Bench, f32, i64, inferred, params


class Looking(nn.Module):
    """Looks elements of the mask up, as attention over a cache does: a longer one runs too."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
        rows, columns = torch.meshgrid(torch.arange(x.shape[0]), torch.arange(x.shape[1]), indexing="ij")
        kept = mask[rows, columns]
        return x * (kept if x.dim() == 2 else kept.reshape(*kept.shape, *[1] * (x.dim() - 2)))


class Kinds(nn.Module):
    def forward(self, ids: torch.Tensor, kinds: torch.Tensor) -> Any:
        return ids.unsqueeze(-1) + kinds


class Answering(nn.Module):
    """Two sequences; the answer's mask may have any length."""

    def forward(self, ids: torch.Tensor, answer_ids: torch.Tensor, answer_mask: torch.Tensor) -> Any:
        return ids.sum(1) + answer_ids.sum(1) * answer_mask.sum()


def sizes(bench: Bench, module: nn.Module, hypothesis: Hypothesis, name: str) -> tuple[int, ...]:
    workbench = bench(module)
    path: Path = (name,)
    found = alongside(workbench.search(), workbench.found(hypothesis), [path])
    return found.hypothesis.leaves()[path].sizes


def test_a_mask_that_is_longer_than_what_it_masks_is_cut(bench: Bench) -> None:
    assert sizes(bench, Looking(), params(x=f32(5, 7), mask=i64(11, 13)), "mask") == (5, 7)


def test_a_mask_of_vectors_has_all_but_their_columns(bench: Bench) -> None:
    assert sizes(bench, Looking(), params(x=f32(5, 7, 3), mask=i64(11, 13)), "mask") == (5, 7)


def test_one_row_beside_several_is_given_for_each(bench: Bench) -> None:
    assert sizes(bench, Kinds(), params(ids=i64(5, 7), kinds=i64(1, 7, 3)), "kinds") == (5, 7, 3)


def test_a_mask_goes_with_the_tensor_that_it_is_named_after(bench: Bench) -> None:
    hypothesis = params(ids=i64(5, 7), answer_ids=i64(5, 11), answer_mask=i64(5, 13))
    assert sizes(bench, Answering(), hypothesis, "answer_mask") == (5, 11)


def test_a_mask_goes_with_its_namesake_rather_than_with_what_it_was_found_with(bench: Bench) -> None:
    hypothesis = params(ids=i64(5, 7), answer_ids=i64(5, 11), answer_mask=i64(5, 7))
    assert sizes(bench, Answering(), hypothesis, "answer_mask") == (5, 11)


def test_a_tensor_that_is_no_mask_keeps_its_length(bench: Bench) -> None:
    assert sizes(bench, Answering(), params(ids=i64(5, 7), answer_ids=i64(5, 11), answer_mask=i64(5, 11)), "ids") == (
        5,
        7,
    )


class Choosing(nn.Module):
    """Several texts for each question, folded into the batch with their masks."""

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        return ids.flatten(0, 1).float() * mask.reshape(-1, mask.shape[-1])[:1]


def test_a_mask_of_ids_has_all_of_their_axes(bench: Bench) -> None:
    assert sizes(bench, Choosing(), params(ids=i64(5, 3, 7), mask=i64(13, 7)), "mask") == (5, 3, 7)


def test_a_mask_of_rows_of_ids_stays_one_of_rows(bench: Bench) -> None:
    class Rows(nn.Module):
        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
            return ids.sum(-1) * mask

    assert sizes(bench, Rows(), params(ids=i64(5, 3, 7), mask=i64(5, 3)), "mask") == (5, 3)


class Cut(nn.Module):
    """A longer mask than the features is cut, which nobody means."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return (self.layer(x) * attention_mask[:, : x.shape[1], None]).sum(1)


def test_a_mask_that_may_be_longer_than_what_it_masks_is_a_question() -> None:
    contract = inferred(Cut().eval())
    x, mask = (part.node for part in contract.inputs)
    assert isinstance(x, Tensor)
    assert isinstance(mask, Tensor)
    assert mask.shape == x.shape[:2] == ("batch", "seq")
    asked = {one.property: one.about for one in contract.evidence if one.source == "assumed"}
    assert asked == {"tie@attention_mask[1]": "dim:seq", "values.one_of": "tensor:attention_mask"}
