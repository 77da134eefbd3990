from __future__ import annotations

import pytest
from hypothesis import given

from contractgen.contract.codec import load_contract, to_json
from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    Field,
    List,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
)
from contractgen.contract.tree import carried_by, derived_in_order, dims_in_order, leaves, places
from tests.contract.examples import DATA
from tests.contract.strategies import contracts


@pytest.fixture(scope="module")
def every_node() -> Contract:
    return load_contract(DATA / "every_node.json")


def test_leaves_have_their_path_and_whether_they_are_required(every_node: Contract) -> None:
    assert [(leaf.path, leaf.tensor.wire_name, leaf.required) for leaf in leaves(every_node.inputs)] == [
        ("inputs.table", "table", True),
        ("inputs.lengths", "lengths", True),
        ("inputs.text.ids", "text.ids", True),
        ("inputs.text.mask", "text.mask", False),
        ("inputs.frames[*].image", "frames.*.image", True),
        ("inputs.frames[*].scale", "frames.*.scale", True),
        ("inputs.rest[0]", "rest.0", True),
        ("inputs.rest[2]", "rest.2", True),
        ("inputs.states[0]", "states.0", False),
        ("inputs.states[1]", "states.1", False),
        ("inputs.levels[0]", "levels.0", True),
        ("inputs.levels[1]", "levels.1", True),
    ]


def test_outputs_are_walked_like_inputs(every_node: Contract) -> None:
    found = list(leaves(every_node.outputs))
    assert [leaf.path for leaf in found] == ["outputs.output.logits", "outputs.output.hidden[*]"]
    assert found[1].sizes == (4, "batch", "seq", 64)


def test_keys_that_are_no_words_are_quoted_in_paths() -> None:
    node = Dict((Field("größe 1", Tensor("x", "bool", ())), Field("a-b", Tensor("y", "bool", ()))))
    paths = [leaf.path for leaf in leaves((Parameter("0", node),))]
    assert paths == ['inputs["0"]["größe 1"]', 'inputs["0"].a-b']


def test_lists_in_lists_keep_their_lengths() -> None:
    node = List(List(Tensor("x.*.*", "bool", ("n",)), "inner"), 3)
    (leaf,) = leaves((Parameter("x", node),))
    assert (leaf.path, leaf.lengths, leaf.sizes) == ("inputs.x[*][*]", (3, "inner"), (3, "inner", "n"))


@given(contracts())
def test_json_paths_lead_to_their_node(contract: Contract) -> None:
    data = to_json(contract)
    for place in (*places(contract.inputs), *places(contract.outputs)):
        kind = place.node.sequence if isinstance(place.node, Tuple) else type(place.node).__name__.lower()
        assert _at(data, place.json_path)["type"] == kind


def _at(data: object, json_path: str) -> dict[str, object]:
    found: object = data
    for step in json_path.removeprefix("$").replace("[", ".").replace("]", "").split(".")[1:]:
        found = found[int(step)] if isinstance(found, list) else found[step]  # type: ignore[index]
    assert isinstance(found, dict)
    return found


def test_dims_come_by_first_use_then_those_of_no_place() -> None:
    inputs = (
        Parameter("a", List(Tensor("a.*", "int64", ("n",)), "count")),
        Parameter("b", Optional(Tuple((Constant(1, "int"), Tensor("b.1", "float32", ("m", "n")))))),
    )
    outputs = (Output("output", Tensor("output", "float32", ("half",))),)
    dims = {"other": Dim(), "half": Dim(equals=("//", "other", 2)), "m": Dim(), "n": Dim(), "count": Dim()}
    contract = Contract("c", inputs, outputs, dims)
    assert dims_in_order(contract) == ("count", "n", "m", "half", "other")
    assert carried_by(inputs) == {"count", "n", "m"}


def test_the_length_of_a_list_of_constants_can_be_counted() -> None:
    assert carried_by((Parameter("a", List(Constant(1, "int"), "count")),)) == {"count"}


def test_derived_dims_come_after_what_they_name() -> None:
    dims = {"c": Dim(equals=("+", "b", "a")), "b": Dim(equals=("*", 2, "a")), "a": Dim()}
    assert derived_in_order(dims) == (("b", "c"), ())


def test_cycles_and_what_depends_on_them_have_no_order() -> None:
    dims = {
        "a": Dim(equals="b"),
        "b": Dim(equals=("+", "a", 1)),
        "c": Dim(equals="a"),
        "d": Dim(equals="x"),
        "e": Dim(equals="e"),
    }
    assert derived_in_order(dims) == (("d",), ("a", "b", "c", "e"))


def test_a_chain_longer_than_the_stack_has_an_order() -> None:
    dims = {"d0": Dim()} | {f"d{i}": Dim(equals=("+", f"d{i - 1}", 1)) for i in range(5000, 0, -1)}
    assert derived_in_order(dims) == (tuple(f"d{i}" for i in range(1, 5001)), ())
