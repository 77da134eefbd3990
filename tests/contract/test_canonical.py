from __future__ import annotations

import dataclasses
import json
import random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.canonical import canonical, fingerprint, seal
from contractgen.contract.codec import from_json, load_contract, to_json
from contractgen.contract.expression import rename
from contractgen.contract.model import Contract, Dim, Operator, Tensor, Values
from tests.contract.examples import DATA, of_dims, of_values, ranker_json
from tests.contract.strategies import contracts

OPERATORS = get_args(Operator)


def renamed(contract: Contract, new_names: dict[str, str]) -> Contract:
    """The contract over other names of dims, by way of its JSON, so that this test has its own idea of where they stand."""

    def over(value: Any, key: str = "") -> Any:
        if isinstance(value, dict) and key == "dims":
            return {new_names[name]: over(dim) for name, dim in value.items()}
        if isinstance(value, dict):
            return {name: over(item, name) for name, item in value.items()}
        if isinstance(value, list) and len(value) == 3 and value[0] in OPERATORS and key not in ("shape", "one_of"):
            return [value[0], over(value[1], key), over(value[2], key)]
        if isinstance(value, list):
            return [over(item, key) for item in value]
        if key in ("equals", "relations", "shape", "length", "min", "max") and isinstance(value, str):
            return new_names.get(value, value)
        return value

    return from_json(
        over({name: value for name, value in to_json(contract).items() if name not in ("evidence", "fingerprint")})
    )


@given(contracts(), st.randoms(use_true_random=False))
def test_renaming_and_reordering_dims_keeps_the_fingerprint(contract: Contract, chooser: random.Random) -> None:
    names = list(contract.dims)
    new_names = dict(zip(names, chooser.sample([*names, "other", "another"], len(names)), strict=True))
    other = renamed(contract, new_names)
    shuffled = chooser.sample(list(other.dims), len(names))
    other = dataclasses.replace(other, dims={name: other.dims[name] for name in shuffled})
    assert fingerprint(other) == contract.fingerprint


@given(contracts(), st.randoms(use_true_random=False))
def test_reordering_and_repeating_relations_keeps_the_fingerprint(contract: Contract, chooser: random.Random) -> None:
    relations = (*chooser.sample(contract.relations, len(contract.relations)), *contract.relations[:1])
    assert fingerprint(dataclasses.replace(contract, relations=relations)) == contract.fingerprint


@given(contracts())
def test_what_no_client_or_server_can_tell_apart_does_not_count(contract: Contract) -> None:
    dims = {name: dataclasses.replace(dim, role=None) for name, dim in contract.dims.items()}
    other = dataclasses.replace(
        contract, name="other", description="other", evidence=(), extensions={"x-a": 1}, fingerprint="", dims=dims
    )
    assert fingerprint(other) == contract.fingerprint


@given(contracts())
def test_changing_a_bound_of_a_dim_changes_the_fingerprint(contract: Contract) -> None:
    for name, dim in contract.dims.items():
        if dim.equals is not None:
            other_dims = [dataclasses.replace(dim, equals=("+", dim.equals, 1))]
        else:
            more = 9999 if dim.max is None else dim.max + 1
            other_dims = [
                dataclasses.replace(dim, min=dim.min + 1),
                dataclasses.replace(dim, max=more),
                dataclasses.replace(dim, multiple_of=dim.multiple_of + 1),
            ]
        for other in other_dims:
            assert (
                fingerprint(dataclasses.replace(contract, dims={**contract.dims, name: other})) != contract.fingerprint
            )


def _ids(data: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = data["inputs"][0]["node"]["fields"][0]["node"]
    return node


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["inputs"][0].update(name="item"),
        lambda data: data["inputs"][0].update(kind="keyword"),
        lambda data: data["inputs"][0].update(required=False),
        lambda data: data["inputs"][0]["node"]["fields"][0].update(key="id"),
        lambda data: data["inputs"][0]["node"]["fields"][0].update(required=False),
        lambda data: data["inputs"][0]["node"]["fields"].reverse(),
        lambda data: _ids(data).update(wire_name="ids"),
        lambda data: _ids(data).update(dtype="int32"),
        lambda data: _ids(data).update(shape=["batch", "batch"]),
        lambda data: _ids(data).update(shape=["batch", "seq", 1]),
        lambda data: _ids(data).update(values=None),
        lambda data: _ids(data)["values"].update(max=30000),
        lambda data: _ids(data)["values"].update(max="seq"),
        lambda data: _ids(data)["values"].update(order="ascending"),
        lambda data: _ids(data)["values"].update(attained=True),
        lambda data: _ids(data)["values"].update(each_row={"min_zero": 1}),
        lambda data: data["relations"].append(["<=", "seq", "height"]),
        lambda data: data["outputs"][0].update(name="scores"),
        lambda data: data["outputs"][0]["node"].update(shape=["batch", 3]),
        lambda data: data["outputs"].pop(),
        lambda data: data["dims"]["patches"].update(equals=["//", "height", 8]),
    ],
)
def test_changing_what_a_request_or_response_may_be_changes_the_fingerprint(change: Any) -> None:
    before, after = ranker_json(), ranker_json()
    change(after)
    assert fingerprint(from_json(after)) != fingerprint(from_json(before))


def _with_x(contract: Contract, **members: Any) -> Contract:
    """The contract with other members of its first tensor."""
    x, *others = contract.inputs
    assert isinstance(x.node, Tensor)
    return dataclasses.replace(
        contract, inputs=(dataclasses.replace(x, node=dataclasses.replace(x.node, **members)), *others)
    )


def test_untying_two_axes_changes_the_fingerprint() -> None:
    assert fingerprint(_with_x(of_dims(a=Dim()), shape=("a", "a"))) != fingerprint(of_dims(a=Dim(), b=Dim()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Values(min="0.50"), Values(min="5e-1")),
        (Values(max="2.0"), Values(max=2)),
        (Values(one_of=(1, "0.5")), Values(one_of=("5e-1", "1.0"))),
        (Values(finite=True, not_nan=True), Values(finite=True)),
        (Values(), None),
    ],
)
def test_the_same_value_domain_in_other_words_has_the_same_fingerprint(one: Values, other: Values | None) -> None:
    contract = of_values(one, "float32")
    assert fingerprint(_with_x(contract, values=other)) == fingerprint(contract)


def test_a_derived_dim_of_relations_alone_counts_by_its_definition() -> None:
    half = {"half": Dim(equals=("//", "a", 2)), "double": Dim(equals=("*", "a", 2))}
    first = of_dims(("<=", "half", "b"), ("<=", "b", "double"), a=Dim(), b=Dim())
    first = dataclasses.replace(first, dims={**half, **first.dims})
    swapped = {"half": half["double"], "double": half["half"]}
    relations = tuple(rename(one, {"half": "double", "double": "half"}) for one in reversed(first.relations))
    second = dataclasses.replace(first, dims={**first.dims, **swapped}, relations=relations)
    third = dataclasses.replace(first, dims={**first.dims, "half": Dim(equals=("//", "a", 3))})
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(third)


@given(contracts())
def test_the_canonical_form_is_sorted_compact_json(contract: Contract) -> None:
    text = canonical(contract)
    assert text == json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def test_a_long_chain_and_a_cycle_have_a_fingerprint_too() -> None:
    chain = {f"d{i}": Dim(equals=("+", f"d{i - 1}", f"d{i - 1}")) for i in range(1, 2000)}
    contract = of_dims(("<=", "d1999", 5), d0=Dim())
    assert len(canonical(dataclasses.replace(contract, dims={**contract.dims, **chain}))) < 500_000
    cycle = {"a": Dim(equals="b"), "b": Dim(equals="a")}
    assert fingerprint(dataclasses.replace(contract, dims={**contract.dims, **cycle})).startswith("sha256:")


def test_sealing_is_idempotent_and_the_fingerprint_is_stable() -> None:
    contract = seal(from_json(ranker_json()))
    assert seal(contract) == contract
    # The fingerprint is in other people's builds: this text changes only with the format's version.
    assert contract.fingerprint == "sha256:bdaccb28a1b2f0fd73f15100ad7a146ae7382c05aeca0a647cf3880acc66e8c7"
    assert (
        load_contract(DATA / "every_node.json").fingerprint
        == "sha256:de7cda289f6996a09d65d37814fa97f581362bc3488816d733d2dd943e94a1c1"
    )
