"""Contracts with one structural mistake each: what the JSON Schema refuses, and the codec with a path."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.examples import ranker_json, tensor_json

Data = dict[str, Any]

IDS = "$.inputs[0].node.fields[0].node"


@dataclass(frozen=True)
class Malformed:
    """A mistake, made on a copy of the ranker; the JSON path that the codec must name; and a part of its message."""

    name: str
    mistake: Callable[[Data], object]
    path: str
    problem: str

    def data(self) -> Data:
        """The contract with the mistake."""
        data = copy.deepcopy(ranker_json())
        self.mistake(data)
        return data


def _ids(data: Data) -> Data:
    node: Data = data["inputs"][0]["node"]["fields"][0]["node"]
    return node


def _set_node(node: object) -> Callable[[Data], object]:
    return lambda data: data["inputs"][0].update(node=node)


def _values(**members: object) -> Callable[[Data], object]:
    return lambda data: _ids(data).update(values=members)


def _dim(**members: object) -> Callable[[Data], object]:
    return lambda data: data["dims"].update(seq=members)


def _relation(relation: object) -> Callable[[Data], object]:
    return lambda data: data.update(relations=[relation])


X = tensor_json("x", [1])

MALFORMED = (
    Malformed("no format", lambda d: d.pop("format"), "$", "has no 'format'"),
    Malformed("another format", lambda d: d.update(format="contractgen/2"), "$.format", "is not 'contractgen/1'"),
    Malformed("no model", lambda d: d.pop("model"), "$", "has no 'model'"),
    Malformed("model is text", lambda d: d.update(model="ranker"), "$.model", 'is "ranker" where the model'),
    Malformed("model without name", lambda d: d.update(model={}), "$.model", "has no 'name'"),
    Malformed("empty name", lambda d: d.update(model={"name": ""}), "$.model.name", "not empty"),
    Malformed("unknown model member", lambda d: d["model"].update(version=1), "$.model.version", "is no member"),
    Malformed("short fingerprint", lambda d: d.update(fingerprint="sha256:64db"), "$.fingerprint", "does not match"),
    Malformed("null fingerprint", lambda d: d.update(fingerprint=None), "$.fingerprint", "is null"),
    Malformed("no inputs", lambda d: d.pop("inputs"), "$", "has no 'inputs'"),
    Malformed("inputs object", lambda d: d.update(inputs={}), "$.inputs", "is {} where an array belongs"),
    Malformed("no outputs", lambda d: d.pop("outputs"), "$", "has no 'outputs'"),
    Malformed("empty outputs", lambda d: d.update(outputs=[]), "$.outputs", "is empty"),
    Malformed("unknown member", lambda d: d.update(input=[]), "$.input", "is no member of a contract"),
    Malformed("dims array", lambda d: d.update(dims=["batch"]), "$.dims", "where the object of dims"),
    Malformed("dim name", lambda d: d["dims"].update({"my dim": {}}), '$.dims["my dim"]', "no identifier"),
    Malformed("dim name with digits of another script", lambda d: d["dims"].update({"n\u0661": {}}), '$.dims["n\\u0661"]', "no identifier"),
    Malformed("dim is a number", lambda d: d["dims"].update(seq=3), "$.dims.seq", "is 3 where a dim"),
    Malformed("negative min", _dim(min=-1), "$.dims.seq.min", "not between 0"),
    Malformed("min null", _dim(min=None), "$.dims.seq.min", "is null where an integer belongs"),
    Malformed("max text", _dim(max="512"), "$.dims.seq.max", "is \"512\" where an integer belongs"),
    Malformed("multiple of 0", _dim(multiple_of=0), "$.dims.seq.multiple_of", "not between 1"),
    Malformed("min true", _dim(min=True), "$.dims.seq.min", "is true where an integer belongs"),
    Malformed("role number", _dim(role=1), "$.dims.seq.role", "is 1"),
    Malformed("role phrase", _dim(role="the batch"), "$.dims.seq.role", "does not match"),
    Malformed("unknown dim member", _dim(maximum=3), "$.dims.seq.maximum", "is no member of a dim"),
    Malformed("bounds beside equals", _dim(equals="batch", max=3), "$.dims.seq.max", "bounds have no place"),
    Malformed("equals decimal", _dim(equals="0.5"), "$.dims.seq.equals", "where the name of a dim belongs"),
    Malformed("relation of four", _relation(["<=", "seq", 1, 2]), "$.relations[0]", "has 4 items"),
    Malformed("relation with unknown operator", _relation([">=", "seq", 1]), "$.relations[0][0]", "not one of + - *"),
    Malformed("operator is a list", _relation([[], "seq", 1]), "$.relations[0][0]", "is [], not one of"),
    Malformed("operand null", _relation(["<=", ["+", "seq", None], 1]), "$.relations[0][1][2]", "is null where an integer"),
    Malformed("operand boolean", _relation(["<=", True, 1]), "$.relations[0][1]", "is true where an integer"),
    Malformed("relations object", lambda d: d.update(relations={}), "$.relations", "where an array belongs"),
    Malformed("parameter without node", lambda d: d["inputs"][0].pop("node"), "$.inputs[0]", "has no 'node'"),
    Malformed("parameter without name", lambda d: d["inputs"][0].pop("name"), "$.inputs[0]", "has no 'name'"),
    Malformed("parameter kind", lambda d: d["inputs"][0].update(kind="keywords"), "$.inputs[0].kind", "not one of positional"),
    Malformed("parameter required", lambda d: d["inputs"][0].update(required=1), "$.inputs[0].required", "is 1 where true"),
    Malformed("unknown parameter member", lambda d: d["inputs"][0].update(default=1), "$.inputs[0].default", "is no member"),
    Malformed("output required", lambda d: d["outputs"][0].update(required=True), "$.outputs[0].required", "is no member"),
    Malformed("node null", _set_node(None), "$.inputs[0].node", "is null where a node"),
    Malformed("node without type", _set_node({}), "$.inputs[0].node", "has no 'type'"),
    Malformed("node of unknown type", _set_node({"type": "set", "items": []}), "$.inputs[0].node.type", "not one of tensor"),
    Malformed("dict with items", _set_node({"type": "dict", "fields": [], "items": []}), "$.inputs[0].node.items", "is no member"),
    Malformed("field without key", _set_node({"type": "dict", "fields": [{"node": X}]}), "$.inputs[0].node.fields[0]", "has no 'key'"),
    Malformed("empty key", _set_node({"type": "dict", "fields": [{"key": "", "node": X}]}), "$.inputs[0].node.fields[0].key", "not empty"),
    Malformed("list without length", _set_node({"type": "list", "item": X}), "$.inputs[0].node", "has no 'length'"),
    Malformed("list of length null", _set_node({"type": "list", "item": X, "length": None}), "$.inputs[0].node.length", "is null"),
    Malformed("tuple with item", _set_node({"type": "tuple", "item": X}), "$.inputs[0].node", "has no 'items'"),
    Malformed("items and a length", _set_node({"type": "list", "items": [X], "length": 1}), "$.inputs[0].node.length", "is no member"),
    Malformed("items and an item", _set_node({"type": "list", "items": [X], "item": X}), "$.inputs[0].node.item", "is no member"),
    Malformed("items null", _set_node({"type": "list", "items": None}), "$.inputs[0].node.items", "where an array belongs"),
    Malformed("tuple with a length", _set_node({"type": "tuple", "items": [X], "length": 1}), "$.inputs[0].node.length", "is no member"),
    Malformed("optional without node", _set_node({"type": "optional"}), "$.inputs[0].node", "has no 'node'"),
    Malformed(
        "constant of another type",
        _set_node({"type": "constant", "value_type": "bool", "value": 0}),
        "$.inputs[0].node.value",
        "is not a bool",
    ),
    Malformed(
        "float constant that is no decimal",
        _set_node({"type": "constant", "value_type": "float", "value": "half"}),
        "$.inputs[0].node.value",
        "where a decimal",
    ),
    Malformed(
        "constant that is a list",
        _set_node({"type": "constant", "value_type": "str", "value": []}),
        "$.inputs[0].node.value",
        "is [] where",
    ),
    Malformed("constant type", _set_node({"type": "constant", "value_type": "tuple", "value": 1}), "$.inputs[0].node.value_type", "not one of"),
    Malformed("no wire name", lambda d: _ids(d).pop("wire_name"), IDS, "has no 'wire_name'"),
    Malformed("dtype", lambda d: _ids(d).update(dtype="float"), f"{IDS}.dtype", "not one of bool"),
    Malformed("shape text", lambda d: _ids(d).update(shape="batch"), f"{IDS}.shape", "where an array belongs"),
    Malformed("negative size", lambda d: _ids(d).update(shape=["batch", -1]), f"{IDS}.shape[1]", "is -1, not between 0"),
    Malformed("size null", lambda d: _ids(d).update(shape=[None]), f"{IDS}.shape[0]", "is null where an integer"),
    Malformed("size expression", lambda d: _ids(d).update(shape=[["*", 2, "seq"]]), f"{IDS}.shape[0]", "where an integer"),
    Malformed("size text", lambda d: _ids(d).update(shape=["2*seq"]), f"{IDS}.shape[0]", "where the name of a dim"),
    Malformed("unknown tensor member", lambda d: _ids(d).update(device="cpu"), f"{IDS}.device", "is no member"),
    Malformed("empty values", lambda d: _ids(d).update(values={}), f"{IDS}.values", "claims nothing"),
    Malformed("values text", lambda d: _ids(d).update(values="finite"), f"{IDS}.values", "where a value domain"),
    Malformed("bound null", _values(min=None), f"{IDS}.values.min", "is null"),
    Malformed("bound text", _values(max="1,5"), f"{IDS}.values.max", "where the name of a dim"),
    Malformed("empty one_of", _values(one_of=[]), f"{IDS}.values.one_of", "is empty"),
    Malformed("one_of dims", _values(one_of=["seq"]), f"{IDS}.values.one_of[0]", "where a decimal"),
    Malformed("finite null", _values(finite=None), f"{IDS}.values.finite", "where true or false"),
    Malformed("order", _values(order="rising"), f"{IDS}.values.order", "not one of ascending"),
    Malformed("attained", _values(attained="yes"), f"{IDS}.values.attained", "where true or false"),
    Malformed("each row", _values(each_row="one"), f"{IDS}.values.each_row", "where what each row has"),
    Malformed("each row of nothing", _values(each_row={}), f"{IDS}.values.each_row", "needs one of"),
    Malformed("each row of both", _values(each_row={"min_zero": 1, "min_nonzero": 1}), f"{IDS}.values.each_row", "needs one of"),
    Malformed("each row of none", _values(each_row={"min_zero": 0}), f"{IDS}.values.each_row.min_zero", "not between 1 and"),
    Malformed("unknown value member", _values(minimum=3), f"{IDS}.values.minimum", "is no member"),
    Malformed("columns object", _values(along_last={}), f"{IDS}.values.along_last", "where an array"),
    Malformed("empty column", _values(along_last=[{}]), f"{IDS}.values.along_last[0]", "claims nothing"),
    Malformed("columns of columns", _values(along_last=[{"along_last": []}]), f"{IDS}.values.along_last[0].along_last", "is no member"),
    Malformed("evidence source", lambda d: d["evidence"][0].update(source="guessed"), "$.evidence[0].source", "not one of"),
    Malformed("evidence detail", lambda d: d["evidence"][0].pop("detail"), "$.evidence[0]", "has no 'detail'"),
    Malformed("unknown evidence member", lambda d: d["evidence"][0].update(time=1), "$.evidence[0].time", "is no member"),
    Malformed("integer too large", _dim(max=2**53), "$.dims.seq.max", "2^53 - 1"),
)  # fmt: skip
