"""The model itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from contractgen.contract.model import Contract, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.load.arguments import bind, to_numpy, to_torch
from contractgen.verify.fill import Array
from contractgen.verify.recipe import OtherDType, Recipe
from contractgen.verify.runtimes.base import Runtime
from contractgen.verify.trees import call_of, output_tensors

NAMES = {"onnx": "onnx", "torchscript": "torchscript", "pt2": "pt2"}
"""Artifacts that are a runtime of their own: what runs them goes by their name."""


class Eager(Runtime):
    """Calls the loaded module."""

    name = "eager"

    def __init__(self, contract: Contract, module: torch.nn.Module, kind: str) -> None:
        super().__init__(contract)
        self.module = module
        self.name = NAMES.get(kind, "eager")

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The module's result."""
        return self.call_torch(*to_torch(self.contract.inputs, tuple(args), dict(kwargs)))

    def call_torch(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The module's result for torch tensors."""
        bound_args, bound_kwargs = bind(self.module, tuple(args), dict(kwargs))
        with torch.no_grad():
            return self.module(*bound_args, **bound_kwargs)

    def run_broken(self, arguments: Mapping[str, Any], recipe: Recipe) -> tuple[Any, dict[str, Array]]:
        """`run` for arguments by name that are not what the contract says: each array becomes the tensor that it is."""
        other = recipe.edit.tensor if isinstance(recipe.edit, OtherDType) and recipe.edit.dtype == "bfloat16" else ""
        nodes: dict[str, Node] = {parameter.name: parameter.node for parameter in self.contract.inputs}
        tensors = {name: _as_tensors(nodes.get(name), value, other) for name, value in arguments.items()}
        tree = to_numpy(self.call_torch(*call_of(self.contract, tensors)))
        return tree, {name: value for name, (_, value) in output_tensors(self.contract, tree).items()}


def _as_tensors(node: Node | None, value: Any, bits: str) -> Any:
    """A tree of arrays as torch tensors; ``bits`` is the wire name of a tensor that holds bfloat16 against the contract."""
    if isinstance(node, Optional):
        return _as_tensors(node.node, value, bits)
    if isinstance(value, np.ndarray):
        tensor = torch.from_numpy(np.array(value, order="C"))
        is_bits = isinstance(node, Tensor) and (node.dtype == "bfloat16" or node.wire_name == bits)
        return tensor.view(torch.bfloat16) if is_bits and value.dtype == np.uint16 else tensor
    if isinstance(value, dict):
        fields: dict[str, Node] = {f.key: f.node for f in node.fields} if isinstance(node, Dict) else {}
        return {key: _as_tensors(fields.get(key), item, bits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        inner = (
            [node.item] * len(value) if isinstance(node, List) else list(node.items) if isinstance(node, Tuple) else []
        )
        items = [_as_tensors(inner[i] if i < len(inner) else None, item, bits) for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    return value
