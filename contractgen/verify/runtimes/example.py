"""The input that graphs are made with, and the dims as torch.export wants them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils._pytree as pytree

from contractgen.contract.model import Contract, Dict, Expr, List, Node, Optional, Tensor, Tuple
from contractgen.contract.tree import in_sequence
from contractgen.verify.cases.model import Ground
from contractgen.verify.places import places
from contractgen.verify.recipe import Recipe, arguments
from contractgen.verify.sizes import least_size
from contractgen.verify.trees import call_of, indexed


@dataclass(frozen=True)
class GraphInput:
    """An input with sizes that differ from each other, none of them 1: equal ones would be taken for tied.

    Nor is one the least multiple that its dim allows: what a model divides by the multiple would come to 1.
    """

    recipe: Recipe
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def fits(self, contract: Contract, recipe: Recipe) -> bool:
        """Whether an input has the same tensors: what is optional is there or not, and lists are as long."""
        lengths = [item.node.length for item in places(contract).sequences]
        dims = [length for length in lengths if isinstance(length, str)]
        return recipe.on == self.recipe.on and all(recipe.sizes[dim] == self.recipe.sizes[dim] for dim in dims)


def graph_input(contract: Contract, seed: int = 0) -> GraphInput | None:
    """The input with everything on; None where the contract allows no input."""
    ground = Ground(contract, seed)
    lengths = [item.node.length for item in ground.found.sequences]
    for least in (7, 2):
        few = {dim: max(2, least_size(contract.dims[dim])) for dim in lengths if isinstance(dim, str)}  # a list of few
        fitting = {dim: size for dim, size in few.items() if (contract.dims[dim].max or size) >= size}
        sizes = ground.sizes.solve(fitting, order="distinct", least=least, factor=2)
        if sizes is not None:
            recipe = Recipe(sizes, ground.everything, seed=seed)
            args, kwargs = call_of(contract, arguments(contract, recipe))
            return GraphInput(recipe, args, kwargs)
    return None


def named_dims(contract: Contract) -> dict[str, Any]:
    """A `torch.export.Dim` for each dim.

    Derived ones and multiples are expressions of it where torch has a form for them (``a * dim + b``), else automatic.
    """
    made: dict[str, Any] = {}
    for index, (name, dim) in enumerate(contract.dims.items()):
        if dim.equals is None:
            step = dim.multiple_of
            low = -(-max(dim.min, 1) // step)
            high = None if dim.max is None else dim.max // step
            if high is not None and high <= low:
                made[name] = torch.export.Dim.STATIC  # it has one size only
                continue
            root = torch.export.Dim(f"d{index}_{_word(name)}", min=low, max=high)
            made[name] = root if step == 1 else step * root
    for _ in contract.dims:
        for name, dim in contract.dims.items():
            if dim.equals is not None and name not in made:
                value = _linear(dim.equals, made)
                if value is not None:
                    made[name] = value
    return {name: made.get(name, torch.export.Dim.AUTO) for name in contract.dims}


def automatic_dims(contract: Contract) -> dict[str, Any]:
    """Automatic dims for all that have more than one size."""
    return {
        name: torch.export.Dim.STATIC if dim.equals is None and dim.max is not None and dim.max < dim.min + dim.multiple_of
        else torch.export.Dim.AUTO
        for name, dim in contract.dims.items()
    }  # fmt: skip


def _word(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _linear(expression: Expr, made: dict[str, Any]) -> Any:
    """The expression as arithmetic on one torch Dim, or None."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return made.get(expression)
    operator, left, right = expression[0], _linear(expression[1], made), _linear(expression[2], made)
    if left is None or right is None or (not isinstance(left, int) and not isinstance(right, int)):
        return None
    try:
        if operator == "*":
            return right * left if isinstance(right, int) else left * right
        if operator == "+":
            return left + right if not isinstance(left, int) else right + left
        if operator == "-" and isinstance(right, int):
            return left - right
    except (NotImplementedError, TypeError):
        return None
    return None


def dynamic_shapes(contract: Contract, call: GraphInput, dims: dict[str, Any]) -> dict[str, Any]:
    """The `dynamic_shapes` of an export, by parameter name, in the shape of the input that is given."""
    shapes: dict[str, Any] = {}
    given = arguments(contract, call.recipe)
    for parameter in contract.inputs:
        if parameter.name in given:
            value = mapped(parameter.node, given[parameter.name], lambda tensor: _axes(tensor, dims))
            shapes[parameter.name] = tuple(value) if parameter.kind == "variadic" else value
    return shapes


def _axes(tensor: Tensor, dims: dict[str, Any]) -> dict[int, Any]:
    return {
        axis: dims[size] if isinstance(size, str) else torch.export.Dim.STATIC for axis, size in enumerate(tensor.shape)
    }


def mapped(node: Node, value: Any, leaf: Callable[[Tensor], Any]) -> Any:
    """The tree of a value with each tensor replaced by what ``leaf`` makes of it."""
    if value is None:
        return None
    if isinstance(node, Optional):
        return mapped(node.node, value, leaf)
    if isinstance(node, Tensor):
        return leaf(node)
    if isinstance(node, Dict):
        return {field.key: mapped(field.node, value[field.key], leaf) for field in node.fields if field.key in value}
    if isinstance(node, List):
        return [mapped(node.item, item, leaf) for item in value]
    if isinstance(node, Tuple):
        return in_sequence(node, (mapped(part, item, leaf) for part, item in zip(node.items, value, strict=True)))
    return None


def wire_names(contract: Contract, call: GraphInput) -> list[str]:
    """The wire names of the input's tensors in the order in which torch flattens the call."""
    given = arguments(contract, call.recipe)
    named: dict[str, Any] = {}
    for parameter in contract.inputs:
        if parameter.name in given:
            named[parameter.name] = _named(parameter.node, given[parameter.name], ())
    args, kwargs = call_of(contract, named)
    leaves, _ = pytree.tree_flatten((args, kwargs))
    return [leaf for leaf in leaves if isinstance(leaf, str)]


def _named(node: Node, value: Any, index: tuple[int, ...]) -> Any:
    if value is None:
        return None
    if isinstance(node, Optional):
        return _named(node.node, value, index)
    if isinstance(node, Tensor):
        return indexed(node.wire_name, index)
    if isinstance(node, Dict):
        return {field.key: _named(field.node, value[field.key], index) for field in node.fields if field.key in value}
    if isinstance(node, List):
        return [_named(node.item, item, (*index, i)) for i, item in enumerate(value)]
    if isinstance(node, Tuple):
        return in_sequence(node, (_named(part, item, index) for part, item in zip(node.items, value, strict=True)))
    return None
