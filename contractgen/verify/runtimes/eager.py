"""The model itself."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from contractgen.contract.model import Contract, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.load.arguments import bind, to_numpy, to_torch
from contractgen.verify.fill import Array
from contractgen.verify.recipe import OtherDType, Recipe
from contractgen.verify.runtimes.base import Runtime
from contractgen.verify.runtimes.flat import flattened, structured
from contractgen.verify.trees import OutputMismatch, call_of, output_tensors

NAMES = {"onnx": "onnx", "torchscript": "torchscript", "pt2": "pt2"}
"""Artifacts that are a runtime of their own: what runs them goes by their name."""


class Eager(Runtime):
    """Calls the loaded module."""

    name = "eager"

    def __init__(self, contract: Contract, module: torch.nn.Module, kind: str) -> None:
        super().__init__(contract)
        self.module = module
        self.name = NAMES.get(kind, "eager")
        # An ONNX graph may have been exported from the model that the contract is of: it has its names, not its structure.
        self._by_name = kind == "onnx" and not _parameters(module) >= {parameter.name for parameter in contract.inputs}

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The module's result."""
        return self.call_torch(*to_torch(self.contract.inputs, tuple(args), dict(kwargs)))

    def call_torch(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The module's result for torch tensors."""
        if self._by_name:
            args, kwargs = (), flattened(self.contract, (args, kwargs))
        bound_args, bound_kwargs = bind(self.module, tuple(args), dict(kwargs))
        with torch.no_grad():
            result = self.module(*bound_args, **bound_kwargs)
        return self._structured(result) if self.name == "onnx" else result

    def _structured(self, result: Any) -> Any:
        """A graph's result in the structure of the contract, which may be that of the model that it was exported from."""
        try:
            output_tensors(self.contract, result)
        except OutputMismatch:
            return structured(self.contract, result)
        return result

    def run_broken(self, arguments: Mapping[str, Any], recipe: Recipe) -> tuple[Any, dict[str, Array]]:
        """`run` for arguments by name that are not what the contract says: each array becomes the tensor that it is."""
        other = recipe.edit.tensor if isinstance(recipe.edit, OtherDType) and recipe.edit.dtype == "bfloat16" else ""
        nodes: dict[str, Node] = {parameter.name: parameter.node for parameter in self.contract.inputs}
        tensors = {name: _as_tensors(nodes.get(name), value, other) for name, value in arguments.items()}
        tree = to_numpy(self.call_torch(*call_of(self.contract, tensors)))
        return tree, {name: value for name, (_, value) in output_tensors(self.contract, tree).items()}


def _parameters(module: torch.nn.Module) -> set[str]:
    return set(inspect.signature(module.forward).parameters)


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
