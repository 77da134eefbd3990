"""Lists whose items have nodes of their own, against tuples and against lists of items that are alike."""

from __future__ import annotations

from typing import Any

import pytest

from contractgen.contract.canonical import seal
from contractgen.contract.compare.align import aligned
from contractgen.contract.compare.api import Comparison, compare
from contractgen.contract.model import (
    Contract,
    Dim,
    DType,
    Field,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
)
from contractgen.contract.model import Dict as DictNode
from tests.compare.universe import arrays, joined, messages, takes
from tests.generate import oracle

DIMS = {"n": Dim(max=4), "count": Dim(max=3)}


def contract(given: Node, returned: Node | None = None, **dims: Dim) -> Contract:
    output = Output("output", returned or Tensor("output", "float32", ("n",)))
    used = {name: dim for name, dim in (DIMS | dims).items() if name != "count" or "'count'" in repr((given, returned))}
    return seal(Contract("m", (Parameter("x", given), Parameter("y", Tensor("y", "float32", ("n",)))), (output,), used))


def item(name: str, dtype: DType = "float32") -> Tensor:
    return Tensor(name, dtype, ("n",))


def apart(*items: Node, sequence: Any = "list") -> Tuple:
    return Tuple(items, sequence)


PAIR = (item("x.0"), item("x.1"))


def told(result: Comparison) -> list[tuple[str, str, str]]:
    return [(finding.breaks, finding.rule.id, finding.about) for finding in result.findings]


def test_a_list_and_a_tuple_of_the_same_items_break_each_other_both_ways() -> None:
    old, new = contract(apart(*PAIR)), contract(apart(*PAIR, sequence="tuple"))
    for one, other in ((old, new), (new, old)):
        result = compare(one, other, "full")
        assert told(result) == [("backward", "input-kind", "inputs.x"), ("forward", "input-kind", "inputs.x")]
        assert all(finding.witness is not None for finding in result.findings)
        assert result.step == "major"


def test_the_kind_of_a_returned_sequence_is_part_of_the_promise() -> None:
    items = (item("output.0"), item("output.1"))
    old, new = contract(item("x"), apart(*items)), contract(item("x"), apart(*items, sequence="tuple"))
    assert told(compare(old, new, "full")) == [
        ("backward", "output-kind", "outputs.output"),
        ("forward", "output-kind", "outputs.output"),
    ]


def test_a_list_said_item_by_item_breaks_nothing_where_the_items_are_as_before() -> None:
    result = compare(contract(List(item("x.*"), 2)), contract(apart(*PAIR)), "full")
    assert (told(result), result.step) == ([], "minor")


def test_one_item_of_a_list_can_break_by_itself() -> None:
    old, new = contract(List(item("x.*"), 2)), contract(apart(item("x.0"), item("x.1", "float64")))
    assert told(compare(old, new)) == [
        ("backward", "input-dtype", "inputs.x[1]"),
        ("forward", "input-dtype", "inputs.x[1]"),
    ]


def test_a_list_of_another_number_of_items_breaks() -> None:
    result = compare(contract(List(item("x.*"), 3)), contract(apart(*PAIR)), "full")
    assert told(result) == [("backward", "input-items", "inputs.x"), ("forward", "input-size", "inputs.x")]
    assert all(finding.witness is not None for finding in result.findings)


@pytest.mark.parametrize("old_first", [True, False])
def test_a_list_of_any_length_against_one_said_item_by_item_is_not_decided(old_first: bool) -> None:
    pair = contract(List(item("x.*"), "count")), contract(apart(*PAIR))
    result = compare(*(pair if old_first else pair[::-1]), "full")
    assert {finding.rule.id for finding in result.findings} == {"input-undecided"}
    assert result.breaking


NESTED = (
    (List(item("x.*"), 2), apart(*PAIR)),
    (Optional(List(item("x.*"), 2)), apart(*PAIR)),
    (List(List(item("x.*.*"), 2), "count"), List(apart(item("x.*.0"), item("x.*.1")), "count")),
    (List(List(item("x.*.*"), "count"), 2), apart(List(item("x.0.*"), "count"), List(item("x.1.*"), "count"))),
    (
        List(apart(item("x.*.0"), item("x.*.1")), 2),
        apart(List(item("x.0.*"), 2), List(item("x.1.*"), 2)),
    ),
    (
        DictNode((Field("k", List(item("x.k.*"), 2)),)),
        DictNode((Field("k", apart(item("x.k.0"), item("x.k.1"))),)),
    ),
)


@pytest.mark.parametrize(("alike", "one_by_one"), NESTED)
def test_saying_a_list_item_by_item_keeps_what_is_allowed_and_the_names(alike: Node, one_by_one: Node) -> None:
    old, new = contract(alike), contract(one_by_one)
    ours, theirs = aligned(old, new)
    names = [_names(one.inputs[0].node) for one in (ours, theirs)]
    assert names[0] == names[1]
    wholes = [joined(one, with_outputs=False) for one in (old, ours)]
    seen = 0
    for message in messages(joined(ours, with_outputs=False)):
        seen += 1
        assert takes(wholes[1], message)
        assert oracle.accepts(wholes[0], {name: arrays(value) for name, value in message.items()})
        if seen == 40:
            break
    assert seen > 3


def _names(node: Node) -> list[str]:
    if isinstance(node, Tensor):
        return [node.wire_name]
    if isinstance(node, DictNode):
        return [name for part in node.fields for name in _names(part.node)]
    if isinstance(node, Tuple):
        return [name for one in node.items for name in _names(one)]
    return _names(node.item if isinstance(node, List) else node.node)  # type: ignore[union-attr]
