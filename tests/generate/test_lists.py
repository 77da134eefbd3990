"""Lists whose items have nodes of their own, through the generated client and validator."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from contractgen.contract.canonical import seal
from contractgen.contract.model import Constant, Contract, Dim, Node, Optional, Output, Parameter, Tensor, Tuple
from contractgen.generate.render import render
from tests.generate.modules import Generated, generated

FORMATS = (
    "application/octet-stream",
    "application/json",
    "application/x-npz",
    "application/json;protocol=open-inference",
)


def levels(path: str, *channels: int, sequence: Any = "list") -> Tuple:
    return Tuple(
        tuple(Tensor(f"{path}.{i}", "float32", ("batch", count)) for i, count in enumerate(channels)), sequence
    )


def pyramid(node: Node, returned: Node, *, required: bool = True) -> Contract:
    inputs = (
        Parameter("levels", node, required=required),
        Parameter("x", Tensor("x", "float32", ("batch",)), "keyword"),
    )
    return seal(Contract("pyramid", inputs, (Output("output", returned),), {"batch": Dim()}))


LISTS = pyramid(levels("levels", 4, 6), levels("output", 8, 2))
TUPLES = pyramid(levels("levels", 4, 6, sequence="tuple"), levels("output", 8, 2, sequence="tuple"))


@pytest.fixture(scope="module")
def made() -> Generated:
    return generated(LISTS)


def maps(*channels: int, batch: int = 2) -> list[np.ndarray]:
    return [np.full((batch, count), count, np.float32) for count in channels]


X = np.zeros(2, np.float32)


def test_the_validator_takes_the_list_that_forward_takes_and_no_tuple(made: Generated) -> None:
    made.validator.validate(maps(4, 6), x=X)
    with pytest.raises(made.validator.ContractViolation) as caught:
        made.validator.validate(tuple(maps(4, 6)), x=X)
    (violation,) = caught.value.violations
    assert (violation.code, violation.path) == ("structure", "inputs.levels")
    assert violation.message == "inputs.levels: expected a list, got a tuple of 2 items"
    assert violation.hint == "make it a list: list(levels)"


def test_each_item_is_held_to_its_own_node(made: Generated) -> None:
    for wrong, path in ((maps(6, 4), "inputs.levels[0]"), (maps(4, 6, 6), "inputs.levels"), (maps(4), "inputs.levels")):
        with pytest.raises(made.validator.ContractViolation) as caught:
            made.validator.validate(wrong, x=X)
        assert caught.value.violations[0].path == path
        with pytest.raises(made.client.ContractViolation):
            made.client.serialize(wrong, x=X)


@pytest.mark.parametrize("content_type", FORMATS)
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_request_arrives_as_a_list_whatever_the_client_was_given(
    made: Generated, content_type: str, kind: Any
) -> None:
    request = made.client.serialize(kind(maps(4, 6)), x=X, content_type=content_type)
    (came,), _ = made.validator.parse(request.body, request.headers)
    assert type(came) is list
    assert [item.tolist() for item in came] == [item.tolist() for item in maps(4, 6)]


@pytest.mark.parametrize("accept", FORMATS[:3])
@pytest.mark.parametrize(("contract", "kind"), [(LISTS, list), (TUPLES, tuple)])
def test_a_result_arrives_as_the_sequence_that_the_contract_says(contract: Contract, kind: type, accept: str) -> None:
    both = generated(contract)
    response = both.validator.respond(kind(maps(8, 2)), accept=accept)
    result = both.client.deserialize(response.body, response.headers)
    assert type(result) is kind
    assert [item.shape for item in result] == [(2, 8), (2, 2)]


@pytest.mark.parametrize("node", [Optional(levels("levels", 4, 6)), levels("levels", 4, 6)])
def test_a_list_may_be_optional(node: Node) -> None:
    both = generated(pyramid(node, levels("output", 8), required=isinstance(node, Optional)))
    for given in (None, maps(4, 6)):
        request = both.client.serialize(given, x=X)
        args, kwargs = both.validator.parse(request.body, request.headers)
        came = args[0] if args else kwargs.get("levels")
        assert (came is None) if given is None else type(came) is list


def test_an_item_that_is_no_tensor_keeps_its_place() -> None:
    node = Tuple((Tensor("levels.0", "float32", ("batch",)), Constant(None, "none"), levels("levels.2", 3)), "list")
    both = generated(pyramid(node, levels("output", 8)))
    request = both.client.serialize([X, None, maps(3)], x=X)
    (came,), _ = both.validator.parse(request.body, request.headers)
    assert type(came) is list
    assert (len(came), came[1], type(came[2])) == (3, None, list)


def test_signatures_say_list() -> None:
    functions = {
        node.name: ast.unparse(node)
        for text in render(LISTS).values()
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    assert "levels: Sequence[npt.ArrayLike]" in functions["serialize"]
    assert "levels: list[npt.NDArray[np.float32]]" in functions["validate"]
    assert "-> list[npt.NDArray[np.float32]]" in functions["deserialize"]


def test_files_of_contracts_without_such_lists_know_nothing_of_them() -> None:
    assert all("sequence" in text for text in render(LISTS).values())
    assert not any("sequence" in text for text in render(TUPLES).values())
