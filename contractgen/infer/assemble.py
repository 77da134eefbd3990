"""From what was found to the contract: nodes, dims, relations and evidence, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from contractgen.contract import model
from contractgen.contract.canonical import seal
from contractgen.contract.expression import names
from contractgen.contract.tree import used_in
from contractgen.infer.domain import BoundBy, Domain, Limit
from contractgen.infer.extents import Claim, Extent
from contractgen.infer.guards import AxisExpr
from contractgen.infer.hypothesis import Axis, Fixed, Group, Hypothesis, Leaf, Node, Path, Unknown, dotted
from contractgen.infer.naming import identifier
from contractgen.infer.outputs import OutLeaf
from contractgen.infer.relations import Relation


@dataclass
class Facts:
    """All that the stages found out about one model."""

    name: str
    hypothesis: Hypothesis
    extents: list[Extent]
    names: dict[int, str]
    domains: dict[Path, Domain]
    relations: list[Relation]
    outputs: object
    batch: Extent | None
    optional: frozenset[Path]
    lengths: dict[Path, Length] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    """The names that a graph gives to its inputs, by parameter, where they are no identifiers."""
    evidence: list[model.Evidence] = field(default_factory=list)


@dataclass(frozen=True)
class Length:
    """The dim of a list that may be longer or shorter."""

    name: str
    min: int
    max: int | None
    claims: tuple[Claim, ...] = ()


def assemble(facts: Facts) -> model.Contract:
    """The sealed contract."""
    builder = _Builder(facts)
    inputs = builder.inputs()
    outputs = builder.outputs()
    relations = builder.relations()
    dims = builder.used_dims({*used_in(inputs), *used_in(outputs), *(name for r in relations for name in names(r))})
    evidence = [claim for claim in builder.evidence() if not claim.about.startswith("dim:") or claim.about[4:] in dims]
    return seal(
        model.Contract(
            name=facts.name, inputs=inputs, outputs=outputs, dims=dims, relations=relations, evidence=tuple(evidence)
        )
    )


class _Builder:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.dims: dict[str, model.Dim] = {}
        self.by_axis: dict[Axis, int | str] = {}
        self.wires: dict[Path, str] = {}
        self.variadic = {(param.name,) for param in facts.hypothesis.params if param.kind == "variadic"}
        self.input_dims: frozenset[str] = frozenset()
        for index, extent in enumerate(facts.extents):
            size: int | str = extent.fixed if extent.fixed is not None else facts.names[index]
            for axis in extent.group:
                self.by_axis[axis] = size
        for index, extent in enumerate(facts.extents):
            if extent.free:
                role = "batch" if extent is facts.batch else None
                step = 1 if extent.remainder else extent.multiple_of  # one with a remainder is a relation
                self.dims[facts.names[index]] = model.Dim(extent.min, extent.max, step, role)
        for index, extent in enumerate(facts.extents):
            if extent.derived is not None:
                self.dims[facts.names[index]] = model.Dim(equals=self.expression(extent.derived))

    def expression(self, expr: AxisExpr) -> model.Expr:
        """An expression over axes as one over dims, constants folded where a dim is fixed."""
        if isinstance(expr, int):
            return expr
        if len(expr) == 2:
            return self.by_axis[expr]
        operator, left, right = expr[0], self.expression(expr[1]), self.expression(expr[2])
        if isinstance(left, int) and isinstance(right, int):
            folded = {
                "+": left + right,
                "-": left - right,
                "*": left * right,
                "min": min(left, right),
                "max": max(left, right),
            }
            if operator in folded:
                return folded[operator]
            if right:
                return left // right if operator == "//" else left % right
        return _simple(operator, left, right)

    # inputs

    def inputs(self) -> tuple[model.Parameter, ...]:
        parameters: list[model.Parameter] = []
        for param in self.facts.hypothesis.params:
            if param.kind == "keywords":
                assert isinstance(param.node, Group)
                for key, child in param.node.children:
                    parameters.append(
                        model.Parameter(str(key), self.node((param.name, key), child, (str(key),)), "keyword", True)
                    )
                continue
            path = (param.name,)
            required = not param.has_default or (path not in self.facts.optional and not isinstance(param.node, Fixed))
            node = self.node(path, param.node, path)
            if not param.has_default and path in self.facts.optional:
                node = model.Optional(node)  # it has to be given, be it as None
            parameters.append(model.Parameter(param.name, node, param.kind, required))
        self.input_dims = frozenset(used_in(tuple(parameters)))
        return tuple(parameters)

    def node(self, path: Path, node: Node, wire: Path) -> model.Node:
        if isinstance(node, Leaf):
            return self.tensor(path, node, wire)
        if isinstance(node, Unknown):
            return model.Constant(None, "none")
        if isinstance(node, Fixed):
            return _constant(node.value)
        if node.kind == "dict":
            return model.Dict(
                tuple(
                    model.Field(
                        str(key), self.node((*path, key), child, (*wire, key)), (*path, key) not in self.facts.optional
                    )
                    for key, child in node.children
                )
            )
        if node.kind == "list":
            return self.list_node(path, node, wire)
        return self.items_node(path, node, wire)

    def list_node(self, path: Path, node: Group, wire: Path) -> model.Node:
        """A list whose items are alike is one; else each item has a node of its own."""
        alike = [self.node((*path, key), child, (*wire, "*")) for key, child in node.children]
        length = self.facts.lengths.get(path)
        if length is not None and len(set(map(_outline, alike))) == 1:
            self.dims[length.name] = model.Dim(length.min, length.max)
            return model.List(alike[0], length.name)
        return model.List(alike[0], len(alike)) if len(set(alike)) == 1 else self.items_node(path, node, wire)

    def items_node(self, path: Path, node: Group, wire: Path) -> model.Tuple:
        """A sequence each of whose items has a node of its own; ``*args`` is a tuple."""
        items = tuple(self.node((*path, key), child, (*wire, key)) for key, child in node.children)
        is_list = node.kind == "list" and path not in self.variadic
        return model.Tuple(items, "list" if is_list else "tuple")

    def tensor(self, path: Path, leaf: Leaf, wire: Path) -> model.Tensor:
        wire = (self.facts.originals.get(str(wire[0]), wire[0]), *wire[1:])
        self.wires[path] = dotted(wire)
        shape = tuple(self.by_axis[(path, axis)] for axis in range(len(leaf.sizes)))
        return model.Tensor(dotted(wire), dtype_name(leaf.dtype), shape, self.values(self.facts.domains.get(path)))

    def values(self, domain: Domain | None) -> model.Values | None:
        if domain is None:
            return None
        columns = tuple(self.values(column) or model.Values() for column in domain.columns) if domain.columns else None
        values = model.Values(
            min=self.limit(domain.min),
            max=self.limit(domain.max),
            one_of=domain.one_of,
            finite=domain.finite,
            not_nan=domain.not_nan,
            order=domain.order,  # type: ignore[arg-type]
            attained=domain.attained,
            each_row=domain.each_row,
            along_last=columns,
        )
        return None if values == model.Values() else values

    def limit(self, limit: Limit | None) -> model.Bound | None:
        if not isinstance(limit, BoundBy):
            return limit
        size = self.by_axis[limit.extent.group[0]]
        scaled: model.Expr = size if limit.factor == 1 else _simple("-", 0, size)
        return _simple("+", scaled, limit.offset) if limit.offset >= 0 else _simple("-", scaled, -limit.offset)

    # outputs

    def outputs(self) -> tuple[model.Output, ...]:
        tree = self.facts.outputs
        if isinstance(tree, tuple) and len(tree) != 1:
            return tuple(
                model.Output(f"output_{index}", self.out_node(child, (f"output_{index}",), f"output_{index}"))
                for index, child in enumerate(tree)
            )
        return (model.Output("output", self.out_node(tree, (), "output")),)

    def out_node(self, tree: object, wire: tuple[str | int, ...], owner: str) -> model.Node:
        if isinstance(tree, OutLeaf):
            name = dotted(wire) if wire else owner
            return model.Tensor(
                name, dtype_name(tree.dtype), tuple(self.out_size(s, name, i) for i, s in enumerate(tree.sizes))
            )
        if isinstance(tree, dict):
            return model.Dict(tuple(model.Field(k, self.out_node(v, (*wire, k), owner)) for k, v in tree.items()))
        if isinstance(tree, (list, tuple)):
            base = wire or (owner,)
            items = tuple(self.out_node(v, (*base, i), owner) for i, v in enumerate(tree))
            return model.Tuple(items, "list" if isinstance(tree, list) else "tuple")
        return model.Constant(None, "none")

    def out_size(self, size: AxisExpr | None, owner: str, axis: int) -> int | str:
        if isinstance(size, int):
            return size
        expr = None if size is None else self.expression(size)
        if expr is not None and not names(expr) <= self.input_dims:
            expr = None  # it follows a dim that no input states: that of one item of a list
        if isinstance(expr, (int, str)):
            return expr
        if expr is not None:
            for name, dim in self.dims.items():
                if dim.equals == expr:
                    return name
        name = identifier(f"{owner.replace('.', '_')}_{axis}")
        while name in self.dims:
            name += "_"
        self.dims[name] = model.Dim(min=0) if expr is None else model.Dim(equals=expr)
        if expr is None:
            self.facts.evidence.append(
                model.Evidence(
                    f"dim:{name}", "free", "probed", "no expression over the input's sizes fits: the data decide"
                )
            )
        return name

    def relations(self) -> tuple[model.Expr, ...]:
        """The relations over dims."""
        return tuple((r.operator, self.expression(r.left), self.expression(r.right)) for r in self.facts.relations)

    def used_dims(self, used: set[str]) -> dict[str, model.Dim]:
        """The dims that something names; those that a list's items share with its first one are named by nothing."""
        for name, dim in reversed(self.dims.items()):
            if name in used and dim.equals is not None:
                used |= names(dim.equals)
        return {name: dim for name, dim in self.dims.items() if name in used}

    # evidence

    def evidence(self) -> list[model.Evidence]:
        found: list[model.Evidence] = list(self.facts.evidence)
        for index, extent in enumerate(self.facts.extents):
            if extent.free or extent.derived is not None:
                about = f"dim:{self.facts.names[index]}"
                found += [model.Evidence(about, c.property, c.source, c.detail) for c in extent.claims]
            else:
                for path, axis in extent.group:
                    about = f"tensor:{self.wires[path]}"
                    found += [model.Evidence(about, f"shape[{axis}]", c.source, c.detail) for c in extent.claims]
        for path, domain in self.facts.domains.items():
            about = f"tensor:{self.wires[path]}"
            found += [model.Evidence(about, f"values.{c.property}", c.source, c.detail) for c in domain.claims]
        for length in self.facts.lengths.values():
            found += [model.Evidence(f"dim:{length.name}", c.property, c.source, c.detail) for c in length.claims]
        for index, relation in enumerate(self.facts.relations):
            found.append(model.Evidence(f"relation:{index}", "holds", relation.claim.source, relation.claim.detail))
        seen: dict[tuple[str, str], model.Evidence] = {}
        for claim in found:  # the items of a list are one part of the contract: its first item speaks for them
            if "*" not in claim.about or (claim.about, claim.property) not in seen:
                seen.setdefault((claim.about, claim.property), claim)
        return list(dict.fromkeys(c for c in found if "*" not in c.about or seen[(c.about, c.property)] is c))


def _outline(node: model.Node) -> object:
    """What the items of a list of any length have to have in common: structure, dtypes, ranks, fixed sizes."""
    if isinstance(node, model.Tensor):
        return node.dtype, tuple(size if isinstance(size, int) else None for size in node.shape)
    if isinstance(node, model.Dict):
        return tuple((field.key, _outline(field.node)) for field in node.fields)
    if isinstance(node, model.Tuple):
        return (node.sequence, *map(_outline, node.items))
    return _outline(node.item) if isinstance(node, model.List) else type(node)


def dtype_name(dtype: torch.dtype) -> model.DType:
    """The contract's name of a torch dtype."""
    return str(dtype).removeprefix("torch.")  # type: ignore[return-value]


def _simple(operator: model.Operator, left: model.Expr, right: model.Expr) -> model.Expr:
    """``(operator, left, right)`` without additions of 0 and products with 1."""
    if isinstance(left, int) and isinstance(right, int) and operator in ("+", "-"):
        return left + right if operator == "+" else left - right
    if right == 0 and operator in ("+", "-"):
        return left
    if left == 0 and operator == "+":
        return right
    if operator == "*" and 1 in (left, right):
        return right if left == 1 else left
    if operator == "//" and right == 1:
        return left
    if operator == "//" and left == right:
        return 1
    return (operator, left, right)


def _constant(value: object) -> model.Constant:
    if isinstance(value, bool):
        return model.Constant(value, "bool")
    if isinstance(value, int):
        return model.Constant(value, "int")
    if isinstance(value, float):
        return model.Constant(repr(value), "float")
    if isinstance(value, str):
        return model.Constant(value, "str")
    return model.Constant(None, "none")
