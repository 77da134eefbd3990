"""The loads that the wire formats are measured with: a contract and the arguments of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contractgen.contract import model
from contractgen.contract.model import Dict, Dim, Field, Output, Parameter, Tensor, Values


@dataclass(frozen=True)
class Load:
    """What one request holds."""

    name: str
    contract: model.Contract
    arguments: dict[str, Any]
    tensors: dict[str, np.ndarray]


def loads(*, finite: bool) -> list[Load]:
    """All loads; with `finite`, float tensors promise to hold no NaN and no infinity."""
    values = Values(finite=True) if finite else None
    random = np.random.default_rng(0)

    def floats(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, dtype=np.float32)

    result = []

    def add(name: str, dims: tuple[str, ...], *inputs: tuple[str, model.Node, Any]) -> None:
        parameters = tuple(Parameter(key, node) for key, node, _ in inputs)
        outputs = (Output("output", Tensor("output", "float32", ("batch", 2))),)
        contract = model.Contract(
            "load", parameters, outputs, {dim: Dim() for dim in dims}, fingerprint=f"sha256:{'0' * 64}"
        )
        tensors: dict[str, np.ndarray] = {}
        for key, _, value in inputs:
            collect(key, value, tensors)
        result.append(Load(name, contract, {key: value for key, _, value in inputs}, tensors))

    add("[1,20]", ("batch",), ("x", Tensor("x", "float32", ("batch", 20), values), floats(1, 20)))
    image = Tensor("x", "float32", ("batch", 3, 224, 224), values)
    add("[8,3,224,224]", ("batch",), ("x", image, floats(8, 3, 224, 224)))
    ids = Tensor("ids", "int64", ("batch", "seq"), Values(min=0, max=29999))
    add(
        "image + ids",
        ("batch", "seq"),
        ("image", Tensor("image", "float32", ("batch", 3, 224, 224), values), floats(1, 3, 224, 224)),
        ("ids", ids, random.integers(0, 30000, (1, 128))),
    )
    many = [(f"f{i}", Tensor(f"f{i}", "float32", ("batch", 1), values), floats(1, 1)) for i in range(64)]
    add("64 inputs of one float", ("batch",), *many)
    keys = [(group, key) for group in ("user", "item", "context") for key in ("ids", "score", "dense", "age")]
    nodes, tree = nested(keys, values, floats)
    add("nested dict of 12", ("batch",), ("features", nodes, tree))
    add("100 MB", ("batch",), ("x", Tensor("x", "float32", ("batch", 1000), values), floats(25_000, 1000)))
    return result


def nested(keys: list[tuple[str, str]], values: Values | None, floats: Any) -> tuple[model.Node, Any]:
    """A dict of dicts, each of four tensors."""
    groups = dict.fromkeys(group for group, _ in keys)
    fields = []
    tree: dict[str, Any] = {}
    for group in groups:
        own = [key for other, key in keys if other == group]
        parts = tuple(Field(key, Tensor(f"features.{group}.{key}", "float32", ("batch", 16), values)) for key in own)
        fields.append(Field(group, Dict(parts)))
        tree[group] = {key: floats(4, 16) for key in own}
    return Dict(tuple(fields)), tree


def collect(name: str, value: Any, tensors: dict[str, np.ndarray]) -> None:
    """The arrays of a tree by wire name."""
    if isinstance(value, dict):
        for key, item in value.items():
            collect(f"{name}.{key}", item, tensors)
    else:
        tensors[name] = value
