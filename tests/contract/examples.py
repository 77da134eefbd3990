"""The contract that most tests of this package start from: a ranker of text and image pairs, as JSON data."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from contractgen.contract.codec import from_json
from contractgen.contract.model import Contract, Dim, Expr, Output, Parameter, Tensor, Values

DATA = Path(__file__).parent / "data"


def ranker_json() -> dict[str, Any]:
    """The ranker as data that a test may change: no fingerprint, and ``patches`` is the size of an output."""
    data: dict[str, Any] = json.loads((DATA / "ranker.json").read_text(encoding="utf-8"))
    del data["fingerprint"]
    data["outputs"].append({"name": "regions", "node": tensor_json("regions", ["batch", "patches"])})
    return data


def ranker() -> Contract:
    """The ranker."""
    return from_json(ranker_json())


def tensor_json(wire_name: str, shape: list[int | str], dtype: str = "float32", **values: object) -> dict[str, Any]:
    """A tensor node."""
    return {"type": "tensor", "wire_name": wire_name, "dtype": dtype, "shape": shape, "values": values or None}


def changed(data: dict[str, Any], **members: object) -> dict[str, Any]:
    """A copy of a contract's data with other members."""
    return {**copy.deepcopy(data), **members}


def of_dims(*relations: Expr, **dims: Dim) -> Contract:
    """A contract of one tensor that has all of the dims as its shape."""
    tensor = Tensor("x", "float32", tuple(dims))
    return Contract(
        "m", (Parameter("x", tensor),), (Output("output", Tensor("output", "float32", (1,))),), dims, relations
    )


def of_values(values: Values, dtype: Any = "int64", shape: tuple[int | str, ...] = ("n", 2), **dims: Dim) -> Contract:
    """A contract of one tensor with a value domain, and another that has the dims ``n`` and those given."""
    dims = {"n": Dim(), **dims}
    inputs = (Parameter("x", Tensor("x", dtype, shape, values)), Parameter("y", Tensor("y", "float32", tuple(dims))))
    return Contract("m", inputs, (Output("output", Tensor("output", "float32", (1,))),), dims)
