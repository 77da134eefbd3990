"""What a contract can need of the runtime: `assemble` leaves out what is marked as only for something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contractgen.contract import model
from contractgen.generate.spec_text import is_decimal

FEATURES = frozenset(
    {
        *("bfloat16", "complex", "bool"),
        *("dicts", "lists", "tuples", "mixed_lists", "optionals", "constants", "absent", "several"),
        *("derived", "relations", "limited", "planes"),
        *("values", "finite", "not_nan", "bounds", "one_of", "order", "attained", "each_row", "columns", "sized"),
        *("client", "validator"),
    }
)
"""All of them; the last two are the files. In the runtime, `# only: lists, tuples` at the end of a line marks the statement that starts there."""


def features(contract: model.Contract, file: str) -> frozenset[str]:
    """The file, and what the contract has: dtypes, constructs of the argument tree, conditions on sizes and on elements."""
    roots = [*(part.node for part in contract.inputs), *(part.node for part in contract.outputs)]
    nodes = [node for root in roots for node in below(root)]
    found = {word for node in nodes for word in of_node(node)}
    found |= {word for node in nodes if isinstance(node, model.Tensor) for word in of_tensor(node)}
    inputs = [node for part in contract.inputs for node in below(part.node) if isinstance(node, model.Tensor)]
    if len(inputs) != 1 or "lists" in found:
        found.add("several")
    if not all(part.required for part in contract.inputs) or found & {"optionals", "constants"}:
        found.add("absent")
    for dim in contract.dims.values():
        if dim.equals is not None:
            found.add("derived")
        elif (dim.max, dim.multiple_of) != (None, 1) or dim.min > 1:
            found.add("limited")
    if contract.relations:
        found.add("relations")
    return frozenset({file, *found})


def below(node: model.Node) -> Iterator[model.Node]:
    """A node and all below it."""
    yield node
    for child in children(node):
        yield from below(child)


def children(node: model.Node) -> Iterable[model.Node]:
    """The nodes right below a node."""
    if isinstance(node, model.Dict):
        return [part.node for part in node.fields]
    if isinstance(node, model.Tuple):
        return node.items
    if isinstance(node, model.List):
        return [node.item]
    return [node.node] if isinstance(node, model.Optional) else []


def of_node(node: model.Node) -> Iterator[str]:
    """The construct that a node is."""
    names = {model.Dict: "dicts", model.List: "lists", model.Tuple: "tuples", model.Optional: "optionals"}
    if isinstance(node, model.Constant):
        yield "constants"
    elif not isinstance(node, model.Tensor):
        yield names[type(node)]
    if isinstance(node, model.Tuple) and node.sequence == "list":
        yield "mixed_lists"
    if isinstance(node, model.Dict) and not all(part.required for part in node.fields):
        yield "absent"


def of_tensor(tensor: model.Tensor) -> Iterator[str]:
    """What a tensor needs for its dtype, its rank and its values."""
    if tensor.dtype in {"bool", "bfloat16"}:
        yield tensor.dtype
    if tensor.dtype.startswith("complex"):
        yield "complex"
    if len(tensor.shape) > 2:
        yield "planes"
    if tensor.values is not None:
        yield "values"
        yield from of_values(tensor.values)


def of_values(values: model.Values) -> Iterator[str]:
    """What a domain says."""
    for name in ("finite", "not_nan", "order", "attained", "each_row", "one_of"):
        if getattr(values, name):
            yield name
    for bound in (values.min, values.max):
        if bound is not None:
            yield "bounds"
        if isinstance(bound, tuple) or (isinstance(bound, str) and not is_decimal(bound)):
            yield "sized"
    if values.along_last is not None:
        yield "columns"
        for column in values.along_last:
            yield from of_values(column)
