from __future__ import annotations

from typing import Any

import torch

from contractgen.contract.canonical import fingerprint
from contractgen.contract.checks import problems
from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    Field,
    List,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)
from contractgen.infer.assemble import Facts, Length, assemble, dtype_name
from contractgen.infer.domain import BoundBy, Domain
from contractgen.infer.extents import Claim, Extent
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Param
from contractgen.infer.outputs import OutLeaf
from contractgen.infer.relations import Relation
from tests.infer.conftest import f32, i64, params

F = torch.float32
X0, X1, Y0 = (("x",), 0), (("x",), 1), (("y",), 0)


def facts(hypothesis: Hypothesis, extents: list[Extent], names: dict[int, str], outputs: object, **more: Any) -> Facts:
    known: dict[str, Any] = {"domains": {}, "relations": [], "batch": None, "optional": frozenset()}
    return Facts("tiny", hypothesis, extents, names, outputs=outputs, **(known | more))


def assembled(*arguments: Any, **more: Any) -> Contract:
    contract = assemble(facts(*arguments, **more))
    assert problems(contract) == ()
    assert contract.fingerprint == fingerprint(contract)
    return contract


def rows_and_columns(**more: Any) -> Contract:
    rows, columns = Extent((X0,), claims=[Claim("min", "probed", "1 ran")]), Extent((X1,), fixed=4)
    columns.claims.append(Claim("fixed", "traced", "4 ran"))
    return assembled(params(x=f32(5, 4)), [rows, columns], {0: "rows"}, OutLeaf(F, (X0, 2)), **{"batch": rows} | more)


def test_dims_shapes_and_outputs_have_the_names_that_were_chosen() -> None:
    contract = rows_and_columns()
    assert contract.dims == {"rows": Dim(role="batch")}
    assert contract.inputs == (Parameter("x", Tensor("x", "float32", ("rows", 4))),)
    assert contract.outputs == (Output("output", Tensor("output", "float32", ("rows", 2))),)


def test_each_claim_is_evidence_about_its_dim_or_its_tensor() -> None:
    assert [(e.about, e.property, e.source) for e in rows_and_columns().evidence] == [
        ("dim:rows", "min", "probed"),
        ("tensor:x", "shape[1]", "traced"),
    ]


def test_bounds_of_contents_may_follow_a_dim() -> None:
    rows, other = Extent((X0,)), Extent((Y0,))
    domains = {
        ("x",): Domain(min=0, max=BoundBy(other, -1)),
        ("y",): Domain(min=BoundBy(rows, 0, -1), max=BoundBy(rows, 2)),
    }
    contract = assembled(
        params(x=i64(5), y=i64(7)), [rows, other], {0: "n", 1: "m"}, OutLeaf(F, (X0,)), domains=domains
    )
    x, y = (parameter.node for parameter in contract.inputs)
    assert isinstance(x, Tensor)
    assert isinstance(y, Tensor)
    assert x.values == Values(min=0, max=("-", "m", 1))
    assert y.values == Values(min=("-", 0, "n"), max=("+", "n", 2))


def test_derived_sizes_are_dims_that_equal_an_expression() -> None:
    rows, derived = Extent((X0,)), Extent((Y0,), derived=("+", ("*", X0, 2), 1))
    contract = assembled(
        params(x=f32(5), y=f32(11)), [rows, derived], {0: "n", 1: "m"}, OutLeaf(F, (("*", ("+", X0, Y0), 1),))
    )
    assert contract.dims["m"] == Dim(equals=("+", ("*", "n", 2), 1))
    assert contract.dims["output_0"] == Dim(equals=("+", "n", "m"))


def test_an_output_size_that_is_known_as_a_dim_takes_its_name() -> None:
    rows, derived = Extent((X0,)), Extent((Y0,), derived=("+", X0, 1))
    contract = assembled(params(x=f32(5), y=f32(6)), [rows, derived], {0: "n", 1: "m"}, OutLeaf(F, (("+", X0, 1), X0)))
    assert contract.outputs == (Output("output", Tensor("output", "float32", ("m", "n"))),)


def test_constants_are_folded_in_expressions_over_fixed_sizes() -> None:
    rows, fixed = Extent((X0,)), Extent((X1,), fixed=6)
    out = OutLeaf(F, (("+", X0, ("//", ("-", X1, 2), 2)), ("*", X1, 3)))
    contract = assembled(params(x=f32(5, 6)), [rows, fixed], {0: "n"}, out)
    assert contract.outputs == (Output("output", Tensor("output", "float32", ("output_0", 18))),)
    assert contract.dims["output_0"] == Dim(equals=("+", "n", 2))


def test_a_size_that_the_data_decide_is_a_dim_of_its_own_and_is_said() -> None:
    contract = assembled(params(x=f32(5)), [Extent((X0,))], {0: "n"}, OutLeaf(F, (None,)))
    assert contract.dims["output_0"] == Dim(min=0)
    assert [(e.about, e.detail) for e in contract.evidence] == [
        ("dim:output_0", "no expression over the input's sizes fits: the data decide")
    ]


def test_what_every_call_gives_keeps_its_place_behind_an_optional_parameter() -> None:
    hypothesis = Hypothesis(
        (
            Param("x", "positional", f32(5)),
            Param("scale", "positional", Fixed(2.5), has_default=True),
            Param("y", "positional", f32(5)),
        )
    )
    contract = assembled(hypothesis, [Extent((X0, Y0))], {0: "n"}, OutLeaf(F, (X0,)))
    assert [(p.name, p.kind, p.required) for p in contract.inputs] == [
        ("x", "positional", True), ("scale", "positional", False), ("y", "positional", True),
    ]  # fmt: skip
    assert contract.inputs[1].node == Constant("2.5", "float")


def test_an_optional_input_and_an_optional_key_need_not_be_there() -> None:
    hypothesis = Hypothesis(
        (
            Param("x", "positional", Group("dict", (("a", f32(5)), ("b", f32(5))))),
            Param("y", "positional", f32(5), has_default=True),
        )
    )
    extent = Extent(((("x", "a"), 0), (("x", "b"), 0), Y0))
    optional = frozenset({("x", "b"), ("y",)})
    contract = assembled(hypothesis, [extent], {0: "n"}, OutLeaf(F, (Y0,)), optional=optional)
    x, y = contract.inputs
    assert x.node == Dict(
        (Field("a", Tensor("x.a", "float32", ("n",))), Field("b", Tensor("x.b", "float32", ("n",)), required=False))
    )
    assert (x.required, y.required) == (True, False)


def test_keywords_of_a_catch_all_are_parameters_without_its_name() -> None:
    hypothesis = Hypothesis((Param("inputs", "keywords", Group("dict", (("ids", i64(5)),))),))
    axis = (("inputs", "ids"), 0)
    contract = assembled(hypothesis, [Extent((axis,))], {0: "n"}, OutLeaf(F, (axis,)))
    assert contract.inputs == (Parameter("ids", Tensor("ids", "int64", ("n",)), "keyword"),)


def test_a_list_of_like_items_says_them_once_and_one_of_unlike_items_each() -> None:
    like = params(xs=Group("list", ((0, f32(5)), (1, f32(5)))))
    axes = [(("xs", index), 0) for index in (0, 1)]
    tied = assembled(like, [Extent(tuple(axes))], {0: "n"}, OutLeaf(F, (axes[0],)))
    assert tied.inputs[0].node == List(Tensor("xs.*", "float32", ("n",)), 2)
    extents = [Extent((axes[0],)), Extent((axes[1],))]
    apart = assembled(like, extents, {0: "n", 1: "m"}, OutLeaf(F, (axes[0],)))
    items = (Tensor("xs.0", "float32", ("n",)), Tensor("xs.1", "float32", ("m",)))
    assert apart.inputs[0].node == Tuple(items, "list")
    pair = params(xs=Group("tuple", ((0, f32(5)), (1, f32(5)))))
    assert assembled(pair, extents, {0: "n", 1: "m"}, OutLeaf(F, (axes[0],))).inputs[0].node == Tuple(items)
    args = Hypothesis((Param("xs", "variadic", Group("list", ((0, f32(5)), (1, f32(5))))),))
    assert assembled(args, extents, {0: "n", 1: "m"}, OutLeaf(F, (axes[0],))).inputs[0].node == Tuple(items)


def test_a_list_of_free_length_has_a_dim() -> None:
    like = params(xs=Group("list", ((0, f32(5)), (1, f32(5)))))
    axes = tuple((("xs", index), 0) for index in (0, 1))
    lengths = {("xs",): Length("xs_count", 1, 4)}
    contract = assembled(like, [Extent(axes)], {0: "n"}, OutLeaf(F, (axes[0],)), lengths=lengths)
    assert contract.inputs[0].node == List(Tensor("xs.*", "float32", ("n",)), "xs_count")
    assert contract.dims["xs_count"] == Dim(1, 4)


def test_a_list_of_free_length_whose_items_cannot_be_alike_is_as_long_as_it_was_found() -> None:
    unlike = params(xs=Group("list", ((0, f32(5, 2)), (1, f32(5, 3)))))
    rows = Extent(tuple((("xs", index), 0) for index in (0, 1)))
    fixed = [Extent(((("xs", index), 1),), fixed=size) for index, size in enumerate((2, 3))]
    lengths = {("xs",): Length("xs_count", 2, None)}
    contract = assembled(unlike, [rows, *fixed], {0: "n", 1: "", 2: ""}, OutLeaf(F, (rows.group[0],)), lengths=lengths)
    items = (Tensor("xs.0", "float32", ("n", 2)), Tensor("xs.1", "float32", ("n", 3)))
    assert contract.inputs[0].node == Tuple(items, "list")
    assert set(contract.dims) == {"n"}


def test_several_outputs_are_numbered_and_a_dict_names_its_own() -> None:
    out = OutLeaf(F, (X0,))
    several = assembled(params(x=f32(5)), [Extent((X0,))], {0: "n"}, (out, {"a": out}))
    assert [output.name for output in several.outputs] == ["output_0", "output_1"]
    one = assembled(params(x=f32(5)), [Extent((X0,))], {0: "n"}, {"logits": out, "deep": {"h": [out]}})
    assert one.outputs[0].node == Dict(
        (
            Field("logits", Tensor("logits", "float32", ("n",))),
            Field("deep", Dict((Field("h", Tuple((Tensor("deep.h.0", "float32", ("n",)),), "list")),))),
        )
    )


def test_relations_are_expressions_with_evidence_of_their_own() -> None:
    first, second = Extent((X0,)), Extent((Y0,))
    claim = Claim("holds", "probed", "sizes 1 and 2 ran")
    relations = [Relation("<=", X0, Y0, claim), Relation("<", 3, ("*", X0, Y0), claim)]
    contract = assembled(
        params(x=f32(5), y=f32(7)), [first, second], {0: "n", 1: "m"}, OutLeaf(F, (X0,)), relations=relations
    )
    assert contract.relations == (("<=", "n", "m"), ("<", 3, ("*", "n", "m")))
    assert [e.about for e in contract.evidence] == ["relation:0", "relation:1"]


def test_dtypes_have_the_names_of_contracts() -> None:
    assert [dtype_name(d) for d in (torch.float32, torch.int64, torch.bool, torch.bfloat16, torch.complex64)] == [
        "float32", "int64", "bool", "bfloat16", "complex64",
    ]  # fmt: skip
