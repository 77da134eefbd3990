from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from contractgen.contract.canonical import fingerprint, seal
from contractgen.contract.checks import problems
from contractgen.contract.codec import from_json
from contractgen.contract.model import Constant, Contract, Dim, Expr, Output, Parameter, Tensor
from tests.contract.examples import of_dims, ranker, ranker_json, tensor_json
from tests.contract.strategies import contracts

Data = dict[str, Any]


def found(contract: Contract) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in problems(contract)]


def found_after(change: Callable[[Data], object]) -> list[tuple[str, str]]:
    data = copy.deepcopy(ranker_json())
    change(data)
    return found(from_json(data))


@given(contracts())
def test_a_valid_contract_has_no_problems(contract: Contract) -> None:
    assert problems(contract) == ()


def test_the_ranker_has_no_problems() -> None:
    assert problems(ranker()) == ()


@pytest.mark.parametrize(
    ("dims", "path", "message"),
    [
        ({"n": {}}, "$.dims.n", "is used nowhere; remove it"),
        ({"n": {"equals": ["*", 2, "seq"]}}, "$.dims.n", "is used nowhere; remove it"),
        ({"seq": {"min": 3, "max": 2}}, "$.dims.seq", "has min 3, which is more than its max 2"),
        (
            {"seq": {"min": 17, "max": 31, "multiple_of": 16}},
            "$.dims.seq",
            "has no multiple of 16 from 17 to 31, so no size fits 'seq'",
        ),
        (
            {"patches": {"equals": ["//", "heigth", 16]}},
            "$.dims.patches.equals",
            "names 'heigth', which is not in dims",
        ),
        ({"patches": {"equals": ["<", "height", 16]}}, "$.dims.patches.equals", "compares with < where a size belongs"),
        (
            {"patches": {"equals": ["+", ["==", "height", 16], 1]}},
            "$.dims.patches.equals[1]",
            "compares with == below the top, where only sizes belong",
        ),
        ({"patches": {"equals": "patches"}}, "$.dims.patches.equals", "depends on itself through patches -> patches"),
        (
            {"patches": {"equals": "n"}, "n": {}},
            "$.dims.n",
            "is neither in a shape nor the length of a list, so its size cannot be known; derive it with `equals`",
        ),
        (
            {"height": {"role": "batch"}},
            "$.dims.height.role",
            "is batch, as that of 'batch' is; there is one batch axis",
        ),
    ],
)
def test_a_dim_that_cannot_be_or_is_not_needed(dims: Data, path: str, message: str) -> None:
    assert found_after(lambda data: data["dims"].update(dims)) == [(path, message)]


def test_every_dim_of_a_cycle_says_the_way_around_it() -> None:
    dims = {"height": {"equals": ["+", "patches", "seq"]}}
    assert found_after(lambda data: data["dims"].update(dims)) == [
        ("$.dims.height.equals", "depends on itself through height -> patches -> height"),
        ("$.dims.patches.equals", "depends on itself through patches -> height -> patches"),
    ]


def test_the_batch_is_a_free_dim_of_an_input() -> None:
    derived = dataclasses.replace(ranker().dims["patches"], role="batch")
    dims = {**ranker().dims, "batch": Dim(), "patches": derived}
    assert found(dataclasses.replace(ranker(), dims=dims)) == [
        ("$.dims.patches.role", "is batch, but the dim is derived; the batch is as large as the caller likes"),
        ("$.dims.patches.role", "is batch, but no input has this dim"),
    ]


def test_a_derived_dim_has_no_bounds_of_its_own() -> None:
    dims = {**ranker().dims, "patches": Dim(max=3, equals="height")}
    assert found(dataclasses.replace(ranker(), dims=dims)) == [
        ("$.dims.patches", "has bounds beside `equals`; say them with a relation")
    ]


def test_a_dim_of_an_output_alone_is_the_models_own_choice() -> None:
    boxes = {"name": "boxes", "node": tensor_json("boxes", ["boxes", 4])}

    def change(data: Data) -> None:
        data["outputs"].append(boxes)
        data["dims"].update(boxes={"max": 100})

    assert found_after(change) == []


def test_an_input_cannot_depend_on_a_dim_of_an_output_alone() -> None:
    def change(data: Data) -> None:
        data["outputs"].append({"name": "boxes", "node": tensor_json("boxes", ["boxes", 4])})
        data["inputs"].append({"name": "pairs", "node": tensor_json("pairs", ["pairs"], max="boxes")})
        data["dims"].update(boxes={}, pairs={"equals": ["*", 2, "boxes"]})

    assert found_after(change) == [
        ("$.inputs[1].node.shape[0]", "is 'pairs', which is derived from dims that no input has"),
        ("$.inputs[1].node.values.max", "names 'boxes', whose size no request tells"),
    ]


@pytest.mark.parametrize(
    ("relation", "path", "message"),
    [
        (["+", "seq", 1], "", "is the size seq + 1, not a comparison with ==, <= or <"),
        ("seq", "", "is the size seq, not a comparison with ==, <= or <"),
        (["==", ["<=", "seq", 1], 1], "[1]", "compares with <= below the top, where only sizes belong"),
        (["<=", 1, ["max", "seq", ["<", 1, "seq"]]], "[2]", "compares with < below the top, where only sizes belong"),
        (["<=", "seq", "sec"], "", "names 'sec', which is not in dims"),
        (["<=", 1, 2], "", "names no dim, so it says nothing about a request"),
        (["<", 512, "seq"], "", "holds for no sizes within the bounds of the dims: 512 < seq"),
        (["<", "height", 16], "", "holds for no sizes within the bounds of the dims: height < 16"),
        (["==", ["//", "seq", 0], 1], "", "holds for no sizes within the bounds of the dims: seq // 0 == 1"),
    ],
)
def test_a_relation_that_is_none_or_never_holds(relation: object, path: str, message: str) -> None:
    assert found_after(lambda data: data["relations"].append(relation)) == [(f"$.relations[0]{path}", message)]


def test_a_relation_twice() -> None:
    relation = ["<=", "seq", "height"]
    assert found_after(lambda data: data.update(relations=[relation, relation])) == [
        ("$.relations[1]", "repeats seq <= height")
    ]


def test_relations_that_never_hold_together() -> None:
    assert found(
        of_dims(("<", "a", "b"), ("<", "b", "c"), ("<", "c", "a"), a=Dim(max=9), b=Dim(max=9), c=Dim(max=9))
    ) == [("$.relations", "no sizes satisfy all bounds, derived dims and relations")]


def test_a_derived_size_that_is_never_a_size() -> None:
    contract = of_dims(a=Dim(max=9), b=Dim(equals=("-", "a", 10)))
    assert found(contract) == [("$.dims", "no sizes satisfy all bounds, derived dims and relations")]


def test_what_a_short_search_does_not_find_out_is_no_problem() -> None:
    squares: Expr = ("==", ("+", ("*", "a", "a"), ("*", "b", "b")), ("+", ("*", 4, "c"), 3))
    assert problems(of_dims(squares, a=Dim(), b=Dim(), c=Dim())) == ()


X = Tensor("x", "float32", (1,))
Y = Tensor("y", "float32", (1,))
Z = Tensor("z", "float32", (1,))


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        (
            (Parameter("a", X), Parameter("b", Y), Parameter("a", Z)),
            "[2].name",
            "is 'a', as that of an earlier parameter is",
        ),
        (
            (Parameter("a", X, "variadic"),),
            "[0].node",
            "is the node of a variadic parameter, so it must be a list or a tuple",
        ),
        (
            (Parameter("a", X, "keyword"), Parameter("b", Y)),
            "[1].kind",
            "is positional, but stands behind a variadic or keyword parameter",
        ),
    ],
)
def test_parameters_that_no_python_function_has(parameters: tuple[Parameter, ...], path: str, message: str) -> None:
    contract = Contract("m", parameters, (Output("output", X),))
    assert found(contract) == [(f"$.inputs{path}", message)]


def _rest(*wire_names: str) -> Data:
    return {"type": "tuple", "items": [tensor_json(name, [1]) for name in wire_names]}


def test_python_makes_a_tuple_of_unlike_args_and_no_list() -> None:
    def change(data: Data) -> None:
        data["inputs"].append({"name": "a", "kind": "variadic", "node": {**_rest("a"), "type": "list"}})

    problem = "is a list of unlike items, of which Python makes a tuple: say tuple"
    assert found_after(change) == [("$.inputs[1].node", problem)]


def test_variadic_parameters_are_one_required_and_before_keywords() -> None:
    def change(data: Data) -> None:
        data["inputs"] += [
            {"name": "k", "kind": "keyword", "node": tensor_json("k", [1])},
            {"name": "a", "kind": "variadic", "required": False, "node": _rest("a")},
            {"name": "b", "kind": "variadic", "node": _rest("b")},
        ]

    assert found_after(change) == [
        ("$.inputs[2].required", "is false, but a variadic parameter can only be empty: say so with its length"),
        ("$.inputs[2].kind", "is variadic, but stands behind a keyword parameter"),
        ("$.inputs[3].kind", "is variadic, but there is one such parameter already"),
        ("$.inputs[3].kind", "is variadic, but stands behind a keyword parameter"),
    ]


def test_outputs_and_keys_are_unique() -> None:
    def change(data: Data) -> None:
        data["outputs"].append({"name": "logits", "node": tensor_json("logits2", [1])})
        fields = data["inputs"][0]["node"]["fields"]
        fields.append({"key": "ids", "node": tensor_json("more", [1])})

    assert found_after(change) == [
        ("$.outputs[2].name", "is 'logits', as that of an earlier output is"),
        ("$.inputs[0].node.fields[2].key", "is 'ids', as that of an earlier field is"),
    ]


def test_an_optional_inside_of_an_optional() -> None:
    node = {"type": "optional", "node": {"type": "optional", "node": tensor_json("x", [1])}}
    assert found_after(lambda data: data["inputs"].append({"name": "x", "node": node})) == [
        ("$.inputs[1].node.node", "is optional inside of an optional, which says nothing more")
    ]


def test_names_in_shapes_and_lengths_are_dims() -> None:
    node = {"type": "list", "length": "count", "item": tensor_json("x.*", ["bach"])}
    assert found_after(lambda data: data["inputs"].append({"name": "x", "node": node})) == [
        ("$.inputs[1].node.length", "names 'count', which is not in dims"),
        ("$.inputs[1].node.item.shape[0]", "names 'bach', which is not in dims"),
    ]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("a", "b", "a"), (2, "is 'a', which another tensor has already")),
        (("a.*", "b", "c"), (0, "is 'a.*'; it needs no *, as it is in no list")),
    ],
)
def test_wire_names_of_tensors_outside_of_lists(names: tuple[str, ...], problem: tuple[int, str]) -> None:
    index, message = problem
    assert found_after(lambda data: data["inputs"].append({"name": "x", "node": _rest(*names)})) == [
        (f"$.inputs[1].node.items[{index}].wire_name", message)
    ]


@pytest.mark.parametrize(
    ("name", "other", "problems_found"),
    [
        ("x.*", "y", []),
        ("x", "y", [("item.wire_name", "is 'x'; it needs one * for each of the 1 lists around it")]),
        ("x.*.*", "y", [("item.wire_name", "is 'x.*.*'; it needs one * for each of the 1 lists around it")]),
        ("x.*", "x.last", []),
        ("x.*", "x.12", [("", "is 'x.12', which an item of 'x.*' can have too")]),
    ],
)
def test_wire_names_below_a_list(name: str, other: str, problems_found: list[tuple[str, str]]) -> None:
    node = {"type": "list", "length": "seq", "item": tensor_json(name, [1])}

    def change(data: Data) -> None:
        data["inputs"] += [{"name": "x", "node": node}, {"name": "y", "node": tensor_json(other, [1])}]

    places = {"item.wire_name": "$.inputs[1].node.item.wire_name", "": "$.inputs[2].node.wire_name"}
    assert found_after(change) == [(places[where], message) for where, message in problems_found]


def test_an_output_may_have_the_wire_name_of_an_input() -> None:
    assert (
        found_after(lambda data: data["outputs"].append({"name": "image", "node": tensor_json("batch.image", [1])}))
        == []
    )


@pytest.mark.parametrize(
    "about", ["model", "dim:seq", "tensor:batch.ids", "output:logits", "input:batch", "input:labels", "relation:0"]
)
def test_evidence_may_be_about_a_part_or_a_parameter_that_was_left_out(about: str) -> None:
    def change(data: Data) -> None:
        data["relations"].append(["<=", "seq", "height"])
        data["evidence"][0]["about"] = about

    assert found_after(change) == []


@pytest.mark.parametrize(
    "about", ["seq", "dim:n", "tensor:ids", "output:hidden", "relation:0", "relation:-1", "models"]
)
def test_evidence_about_nothing(about: str) -> None:
    assert found_after(lambda data: data["evidence"][0].update(about=about)) == [
        ("$.evidence[0].about", f"is {about!r}, which the contract does not have")
    ]


def test_a_wrong_fingerprint_says_which_is_right_and_how_to_renew_it() -> None:
    contract = dataclasses.replace(seal(ranker()), relations=(("<=", "seq", "height"),))
    ((path, message),) = found(contract)
    assert path == "$.fingerprint"
    assert contract.fingerprint in message
    assert fingerprint(contract) in message
    assert "to renew it remove the member: `contractgen generate` fills it in" in message


def test_a_right_fingerprint_and_none_are_no_problem() -> None:
    assert problems(seal(ranker())) == ()
    assert problems(dataclasses.replace(ranker(), fingerprint="")) == ()


def test_a_model_may_have_no_inputs() -> None:
    assert problems(Contract("m", (), (Output("output", X),))) == ()
    assert problems(Contract("m", (Parameter("flag", Constant(True, "bool")),), (Output("output", X),))) == ()
