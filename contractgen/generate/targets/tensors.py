"""The tensors of a contract one by one, for stacks that know no structure: what each is, and where a call has it."""

from __future__ import annotations

from contractgen.contract import model
from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import literal

Leaf = tuple[model.Tensor, bool]
"""A tensor, and whether every call has it."""


def input_leaves(contract: Contract, stack: str) -> list[Leaf]:
    """The tensors of a request. Raises UsageError where their number varies."""
    return [one for part in contract.inputs for one in _leaves(part.node, part.required, stack)]


def output_leaves(contract: Contract, stack: str) -> list[Leaf]:
    """The tensors of a response. Raises UsageError where their number varies."""
    return [one for output in contract.outputs for one in _leaves(output.node, True, stack)]


def output_places(contract: Contract, stack: str) -> list[tuple[str, model.Tensor]]:
    """The tensors of what the model returned, each with the expression that reads it from ``result``."""
    several = len(contract.outputs) > 1
    codes = [f"result[{i}]" if several else "result" for i in range(len(contract.outputs))]
    return [
        one for output, code in zip(contract.outputs, codes, strict=True) for one in places(output.node, code, stack)
    ]


def places(node: model.Node, code: str, stack: str) -> list[tuple[str, model.Tensor]]:
    """The tensors below a node that every call has, each with the expression that reads it from ``code``."""
    if isinstance(node, model.Tensor):
        return [(code, node)]
    if isinstance(node, model.Dict) and all(field.required for field in node.fields):
        return [one for field in node.fields for one in places(field.node, f"{code}[{literal(field.key)}]", stack)]
    if isinstance(node, model.Tuple):
        return [one for i, item in enumerate(node.items) for one in places(item, f"{code}[{i}]", stack)]
    if isinstance(node, model.Constant):
        return []
    raise UsageError(f"{stack} names each tensor: it has no lists, and nothing optional here ({code})")


def sizes(contract: Contract, tensor: model.Tensor) -> tuple[int, ...]:
    """The shape with -1 for what is not the same in every call."""
    return tuple(size if isinstance(size, int) else _fixed(contract.dims[size]) for size in tensor.shape)


def batch_dim(contract: Contract) -> str | None:
    """The dim whose axis is proven to be the batch."""
    return next((name for name, dim in contract.dims.items() if dim.role == "batch"), None)


def _fixed(dim: model.Dim) -> int:
    return dim.min if dim.equals is None and dim.min == dim.max else -1


def _leaves(node: model.Node, required: bool, stack: str) -> list[Leaf]:
    if isinstance(node, model.Tensor):
        return [(node, required)]
    if isinstance(node, model.Optional):
        return _leaves(node.node, False, stack)
    if isinstance(node, model.Dict):
        return [one for field in node.fields for one in _leaves(field.node, required and field.required, stack)]
    if isinstance(node, model.Tuple):
        return [one for item in node.items for one in _leaves(item, required, stack)]
    if isinstance(node, model.Constant):
        return []
    raise UsageError(f"{stack} names each tensor: it has no lists whose length varies")
