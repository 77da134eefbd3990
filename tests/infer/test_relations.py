from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from contractgen.infer.relations import Relation, counterexamples, relate
from contractgen.infer.values import Plan
from tests.infer.conftest import Bench, Measured, f32, i64, inferred, params


class Longer(nn.Module):
    """The source may not be longer than the target."""

    def forward(self, src: torch.Tensor, tgt: torch.Tensor) -> Any:
        if src.shape[0] > tgt.shape[0]:
            raise ValueError("src is longer than tgt")
        return src.sum() + tgt.sum()


class Shorter(nn.Module):
    """One strictly below the other."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> Any:
        if a.shape[0] >= b.shape[0]:
            raise ValueError("a must be shorter")
        return a.sum() + b.sum()


class Enough(nn.Module):
    """What instance normalisation asks of an image: more than one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(2, affine=True)

    def forward(self, x: torch.Tensor) -> Any:
        return self.norm(x)


class Unrelated(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> Any:
        return torch.outer(a, b)


class Odd(nn.Module):
    """A condition of no form that relations have."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> Any:
        if (a.shape[0] + b.shape[0]) % 5 == 3:
            raise ValueError("no")
        return a.sum() + b.sum()


def related(measured: Measured) -> list[Relation]:
    return relate(measured.sizes, measured.found.trial.guards, measured.bench.pool)


def named(relation: Relation) -> tuple[str, str, str]:
    assert isinstance(relation.left, tuple)
    assert isinstance(relation.right, tuple)
    return str(relation.left[0][0]), relation.operator, str(relation.right[0][0])  # type: ignore[index]


def test_a_size_that_another_bounds_is_a_relation(bench: Bench) -> None:
    measured = bench(Longer()).measured(params(src=f32(7), tgt=f32(11)))
    [relation] = related(measured)
    assert named(relation) == ("src", "<=", "tgt")
    assert relation.claim.source == "probed"


def test_a_bound_that_came_from_the_other_size_is_taken_back(bench: Bench) -> None:
    measured = bench(Longer()).measured(params(src=f32(7), tgt=f32(11)))
    assert measured.span("src", 0)[1] == 11
    related(measured)
    assert measured.span("src", 0) == (1, None, 1)
    assert measured.span("tgt", 0) == (1, None, 1)


def test_a_size_that_another_bounds_is_a_relation_however_far_apart_they_were_found(bench: Bench) -> None:
    [relation] = related(bench(Longer()).measured(params(src=f32(11), tgt=f32(23))))
    assert named(relation) == ("src", "<=", "tgt")


def test_a_strict_order_is_told_from_one_that_allows_equality(bench: Bench) -> None:
    [relation] = related(bench(Shorter()).measured(params(a=f32(7), b=f32(11))))
    assert named(relation) == ("a", "<", "b")


def test_a_product_that_is_too_small_is_a_relation(bench: Bench) -> None:
    [relation] = related(bench(Enough()).measured(params(x=f32(2, 2, 11, 13))))
    height, width = (("x",), 2), (("x",), 3)
    assert relation.holds({height: 1, width: 2})
    assert not relation.holds({height: 1, width: 1})


class Coarse(nn.Module):
    """More than one cell has to be left for the normalisation after two strided layers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm3d(1, affine=True)

    def forward(self, x: torch.Tensor) -> Any:
        return self.norm(F.max_pool3d(F.max_pool3d(x, 2), 2))


def test_a_product_of_three_coarse_grids_is_a_relation(bench: Bench) -> None:
    [relation] = related(bench(Coarse()).measured(params(x=f32(2, 1, 11, 13, 17))))
    axes = [(("x",), axis) for axis in (2, 3, 4)]
    assert relation.holds(dict(zip(axes, (4, 8, 7), strict=True)))
    assert not relation.holds(dict(zip(axes, (4, 7, 7), strict=True)))
    assert relation.claim.source == "traced"


class Checked(nn.Module):
    """Blocks of four voxels of which more than one has to be left, behind a branch that no symbolic run passes."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks, self.norm = nn.Conv3d(1, 2, 4, 4), nn.InstanceNorm3d(2, affine=True)

    def forward(self, scan: torch.Tensor) -> Any:
        if any(size % 4 for size in scan.shape[2:]):
            raise ValueError("sides of whole blocks")
        if scan.isnan().any():
            raise ValueError("a scan without NaN")
        return self.norm(self.blocks(scan))


def test_of_three_sizes_not_all_are_smallest_where_no_condition_was_read(bench: Bench) -> None:
    measured = bench(Checked()).measured(params(scan=f32(2, 1, 8, 12, 16)))
    [relation] = related(measured)
    axes = [(("scan",), axis) for axis in (2, 3, 4)]
    assert relation.holds(dict(zip(axes, (4, 8, 4), strict=True)))
    assert not relation.holds(dict(zip(axes, (4, 4, 4), strict=True)))
    assert relation.claim.source == "probed"
    assert counterexamples(measured.sizes, [relation]) == []


def test_sizes_that_are_free_of_each_other_have_no_relation(bench: Bench) -> None:
    measured = bench(Unrelated()).measured(params(a=f32(7), b=f32(11)))
    assert related(measured) == []
    assert counterexamples(measured.sizes, []) == []


def test_a_condition_that_nothing_says_is_shown_by_sizes_that_fail(bench: Bench) -> None:
    measured = bench(Odd()).measured(params(a=f32(7), b=f32(12)))
    for extent in measured.sizes.extents:
        extent.fixed, extent.min, extent.max, extent.multiple_of = None, 1, None, 1
    shown = counterexamples(measured.sizes, [])
    assert shown
    assert all((sizes["a[0]"] + sizes["b[0]"]) % 5 == 3 for sizes in shown)


def test_sizes_that_a_relation_forbids_are_no_counterexample(bench: Bench) -> None:
    measured = bench(Longer()).measured(params(src=f32(7), tgt=f32(11)))
    assert counterexamples(measured.sizes, related(measured)) == []


class _Grouped(Longer):
    """Rows, some of them by their numbers, and no more groups than rows."""

    def forward(self, rows: torch.Tensor, at: torch.Tensor, groups: torch.Tensor) -> Any:  # type: ignore[override]
        return rows[at].sum() + super().forward(groups, rows)


def test_contents_that_a_size_bounds_do_not_hide_a_relation(bench: Bench) -> None:
    plan: Plan = {("at",): torch.tensor([6])}
    found = bench(_Grouped()).measured(params(rows=f32(11), at=i64(3), groups=f32(2)), plan)
    groups, rows = (("groups",), 0), (("rows",), 0)
    assert [(r.operator, r.left, r.right) for r in relate(found.sizes, (), ())] == [("<=", groups, rows)]


class Asked(nn.Module):
    """As many questions of each picture, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.sight = nn.Embedding(30, 8), nn.Linear(5, 8)

    def forward(self, questions: torch.Tensor, pictures: torch.Tensor) -> Any:
        each = questions.shape[0] // pictures.shape[0]
        return self.words(questions).mean(1).reshape(pictures.shape[0], each, 8) @ self.sight(pictures)[..., None]


def test_a_size_may_be_any_number_of_times_another() -> None:
    contract = inferred(Asked(), example=((torch.randint(0, 30, (6, 7)), torch.rand(2, 5)), {}))
    questions, pictures = (part.node.shape[0] for part in contract.inputs)  # type: ignore[union-attr]
    assert list(contract.relations) == [("==", ("%", questions, pictures), 0)]
    spans = [(contract.dims[name].min, contract.dims[name].max) for name in (questions, pictures)]  # type: ignore[index]
    assert spans == [(1, None), (1, None)]
    assert not [claim.detail for claim in contract.evidence if claim.source == "assumed"]
