from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import NamedTuple

import pytest
import torch

from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Node, Param, Path, Unknown, dotted
from tests.infer.conftest import f32, i64, params


class Point(NamedTuple):
    x: object
    y: object


@dataclass
class Scene:
    start: object
    size: int


def shown(path: Path, node: Node) -> object:
    return dotted(path)


def test_a_hypothesis_and_its_nodes_cannot_be_changed() -> None:
    hypothesis = params(x=f32(2, 3))
    with pytest.raises(FrozenInstanceError):
        hypothesis.params = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        hypothesis.leaves()[("x",)].sizes = (4,)  # type: ignore[misc]


def test_replacing_a_node_leaves_the_original_as_it_was() -> None:
    before = params(x=f32(2, 3), y=Unknown())
    after = before.with_node(("y",), i64(7))
    assert before == params(x=f32(2, 3), y=Unknown())
    assert after == params(x=f32(2, 3), y=i64(7))


def test_equal_hypotheses_are_one_in_a_set() -> None:
    assert len({params(x=f32(2)), params(x=f32(2)), params(x=f32(3))}) == 2


def test_a_node_of_a_new_key_is_added_behind_the_others() -> None:
    hypothesis = params(batch=Group("dict", (("ids", i64(2)),)))
    grown = hypothesis.with_node(("batch", "mask"), Unknown())
    assert [path for path, _ in grown.nodes()] == [("batch",), ("batch", "ids"), ("batch", "mask")]


def test_a_nested_node_is_replaced_in_its_place() -> None:
    hypothesis = params(batch=Group("dict", (("pair", Group("tuple", ((0, f32(1)), (1, f32(2))))), ("z", f32(3)))))
    changed = hypothesis.with_node(("batch", "pair", 0), i64(9))
    assert list(changed.leaves().values()) == [i64(9), f32(2), f32(3)]


def test_a_child_can_be_taken_out() -> None:
    hypothesis = params(xs=Group("list", ((0, f32(1)), (1, f32(2)))))
    assert list(hypothesis.without(("xs", 1)).leaves()) == [("xs", 0)]


def test_sizes_are_listed_by_axis_and_replaced_by_axis() -> None:
    hypothesis = params(x=f32(2, 3), y=i64(4))
    assert hypothesis.sizes() == {(("x",), 0): 2, (("x",), 1): 3, (("y",), 0): 4}
    assert hypothesis.with_sizes({(("x",), 1): 8, (("y",), 0): 5}) == params(x=f32(2, 8), y=i64(5))


def test_the_first_unknown_node_is_named() -> None:
    assert params(x=f32(1), y=Unknown(), z=Unknown()).unknown() == ("y",)
    assert params(x=f32(1)).unknown() is None


def test_a_call_has_positional_parameters_in_order() -> None:
    args, kwargs = params(x=f32(1), flag=Fixed(3), y=f32(1)).build(shown)
    assert (args, kwargs) == (("x", 3, "y"), {})


def test_what_follows_an_omitted_default_is_passed_by_name() -> None:
    hypothesis = Hypothesis(
        (
            Param("x", "positional", f32(1)),
            Param("scale", "positional", Fixed(1.0), has_default=True),
            Param("mask", "positional", f32(1), has_default=True),
        )
    )
    assert hypothesis.build(shown) == (("x",), {"mask": "mask"})


def test_keyword_only_parameters_and_catch_alls_are_passed_by_name() -> None:
    hypothesis = Hypothesis(
        (
            Param("x", "positional", f32(1)),
            Param("rest", "variadic", Group("list", ((0, f32(1)), (1, f32(1))))),
            Param("mask", "keyword", f32(1)),
            Param("inputs", "keywords", Group("dict", (("ids", i64(1)),))),
        )
    )
    assert hypothesis.build(shown) == (("x", "rest.0", "rest.1"), {"mask": "mask", "ids": "inputs.ids"})


def test_variadic_items_are_dropped_where_a_default_before_them_was_omitted() -> None:
    hypothesis = Hypothesis(
        (
            Param("x", "positional", f32(1)),
            Param("mask", "positional", Fixed(None), has_default=True),
            Param("rest", "variadic", Group("list", ((0, f32(1)),))),
        )
    )
    assert hypothesis.build(shown) == (("x",), {})


def test_groups_become_dicts_lists_and_tuples() -> None:
    children: tuple[tuple[str | int, Node], ...] = ((0, f32(1)), (1, Fixed(2)))
    args, _ = params(a=Group("dict", (("k", f32(1)),)), b=Group("list", children), c=Group("tuple", children)).build(
        shown
    )
    assert args == ({"k": "a.k"}, ["b.0", 2], ("c.0", 2))


def test_groups_of_a_class_become_instances_of_it() -> None:
    point = Group("dict", (("x", f32(1)), ("y", Fixed(None))), Point)
    scene = Group("dict", (("start", point), ("size", Fixed(4))), Scene)
    args, _ = params(scene=scene).build(shown)
    assert args == (Scene(Point("scene.start.x", None), 4),)


def test_a_leaf_tells_dtypes_apart() -> None:
    assert Leaf(torch.float32, (1,)) != Leaf(torch.float64, (1,))


def test_defaults_without_a_hash_are_found_again() -> None:
    assert {Fixed({}): 1, Fixed(({},)): 2, Fixed(1): 3} == {Fixed(1): 3, Fixed(({},)): 2, Fixed({}): 1}
    assert Fixed({"a": 1}) not in {Fixed({}), Fixed(1)}
