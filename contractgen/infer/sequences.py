"""List or tuple: most models take either, and their authors mean one.

What an example or an annotation says is kept. Else a sequence that comes out as it went in (a state) is of the kind that
comes out; and of those that are picked apart by place, three or more tensors of one dtype and rank are a list (levels of
a pyramid), others a tuple (a state of two, a record).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from contractgen.infer.hypothesis import Axis, Group, Hypothesis, Leaf, Node, Path
from contractgen.infer.priors import Prior
from contractgen.infer.probe import OutTensor, Prober
from contractgen.infer.signature import Signature

Kind = Literal["list", "tuple"]
Place = tuple[str | int, ...]


def settle_sequences(prober: Prober, signature: Signature, example: Hypothesis | None, free: Collection[Path]) -> None:
    """Give each sequence of the input its kind, where the model runs with it. Those of ``free`` length are lists."""
    said = _said(signature) | (set() if example is None else {_any_item(path) for path, _ in _sequences(example)})
    variadic = {(param.name,) for param in prober.hypothesis.params if param.kind == "variadic"}
    for path, node in list(_sequences(prober.hypothesis)):
        if path in variadic or path in free or _any_item(path) in said:
            continue
        kind = _kind(prober, signature, path, node)
        if kind != node.kind:
            hypothesis = prober.hypothesis.with_node(path, replace(node, kind=kind))
            if Prober(prober.runner, hypothesis, prober.plan).ok({}):
                prober.hypothesis = hypothesis


def _said(signature: Signature) -> set[Path]:
    """The sequences whose kind an annotation or a schema says."""
    found = [path for path, _ in _sequences(signature.hypothesis)]
    for name, node in signature.optional.items():
        found += [path for path, _ in _sequences(signature.hypothesis.with_node((name,), node)) if path[0] == name]
    return {_any_item(path) for path in found if not _is_some_tuple(signature, path)}


def _is_some_tuple(signature: Signature, path: Path) -> bool:
    """Whether an annotation says ``tuple[Tensor, ...]``: the search takes it for a list, which may grow."""
    return signature.priors.get(path, Prior()).sequence == "tuple"


def _sequences(hypothesis: Hypothesis) -> Iterator[tuple[Path, Group]]:
    for path, node in hypothesis.nodes():
        if isinstance(node, Group) and node.kind != "dict":
            yield path, node


def _any_item(path: Path) -> Path:
    """The path with the first item of each sequence in place of any: one annotation stands for all."""
    return tuple(0 if isinstance(part, int) else part for part in path)


def _kind(prober: Prober, signature: Signature, path: Path, node: Group) -> Kind:
    if _is_some_tuple(signature, path):
        return "tuple"
    returned = _returned(prober, path, node)
    if len(returned) == 1:
        return returned.pop()
    leaves = [child for _, child in node.children if isinstance(child, Leaf)]
    is_alike = len(leaves) == len(node.children) and len({(leaf.dtype, len(leaf.sizes)) for leaf in leaves}) == 1
    if node.kind == "tuple" and not (is_alike and len(leaves) > 2):
        return "tuple"
    return "list"


def _returned(prober: Prober, path: Path, node: Group) -> set[Kind]:
    """The kinds of the sequences among the outputs that have the same tensors as one of the input, at all sizes seen."""
    found: set[tuple[Place, Kind]] | None = None
    prober.base()  # seen at least once
    for sizes, tree in prober.observations():
        wanted = _shapes(node, path, sizes)
        here = {(place, kind) for place, kind, one in _out_sequences(tree, ()) if _out_shapes(one) == wanted}
        found = here if found is None else found & here
    return {kind for _, kind in found or ()}


def _shapes(node: Node, path: Path, sizes: Mapping[Axis, int]) -> object:
    if isinstance(node, Leaf):
        return node.dtype, tuple(sizes[(path, axis)] for axis in range(len(node.sizes)))
    if not isinstance(node, Group):
        return None
    children = {key: _shapes(child, (*path, key), sizes) for key, child in node.children}
    return children if node.kind == "dict" else list(children.values())


def _out_shapes(tree: object) -> object:
    if isinstance(tree, OutTensor):
        return tree.dtype, tree.sizes
    if isinstance(tree, dict):
        return {key: _out_shapes(child) for key, child in tree.items()}
    return [_out_shapes(child) for child in tree] if isinstance(tree, (list, tuple)) else None


def _out_sequences(tree: object, place: Place) -> Iterator[tuple[Place, Kind, object]]:
    if isinstance(tree, (list, tuple)):
        yield place, "list" if isinstance(tree, list) else "tuple", tree
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, (list, tuple)) else ()
    for key, child in children:
        yield from _out_sequences(child, (*place, key))
