"""Parameter lists, type annotations and docstrings of the generated functions."""

from __future__ import annotations

from contractgen.contract import model
from contractgen.generate.layout import literal


def parameter_lines(contract: model.Contract, names: dict[str, str], *, strict: bool, last: list[str]) -> list[str]:
    """Forward's parameters, one a line, then keyword-only ones of our own (`last`)."""
    lines = []
    starred = False
    late = late_parameters(contract)
    for part in contract.inputs:
        if part.kind == "variadic":
            item = part.node.item if isinstance(part.node, model.List) else None
            lines.append(f"*{names[part.name]}: {annotation(item, strict) if item else 'Any'},")
            starred = True
            continue
        if part.kind == "keyword" and not starred:
            lines.append("*,")
            starred = True
        kind = annotation(part.node, strict)
        if isinstance(part.node, model.Constant):
            lines.append(f"{names[part.name]}: {kind} = {literal(default(part.node))},")
        elif part.required and part.name not in late:
            lines.append(f"{names[part.name]}: {kind},")
        else:
            optional = kind if kind.endswith("| None") or kind == "Any" else f"{kind} | None"
            lines.append(f"{names[part.name]}: {optional} = None,")
    if last and not starred:
        lines.append("*,")
    return lines + last


def late_parameters(contract: model.Contract) -> frozenset[str]:
    """What every call gives, though it stands behind what a call may leave out: by place or by name, as for `forward`."""
    late, before = set(), False
    for part in contract.inputs:
        if part.kind == "positional" and part.required and not isinstance(part.node, model.Constant):
            late |= {part.name} if before else set()
        else:
            before = True
    return frozenset(late)


def default(node: model.Constant) -> object:
    """The value of a constant."""
    return float(str(node.value)) if node.type == "float" else node.value


SCALARS = {
    "bool": "np.bool_",
    "complex64": "np.complex64",
    "complex128": "np.complex128",
    "bfloat16": "np.uint16",
}


def array_type(dtype: str) -> str:
    """`npt.NDArray[np.float32]`."""
    return f"npt.NDArray[{SCALARS.get(dtype, f'np.{dtype}')}]"


def annotation(node: model.Node, strict: bool) -> str:
    """The type of an argument: arrays alone with `strict`, all that converts without it."""
    if isinstance(node, model.Tensor):
        return array_type(node.dtype) if strict else "npt.ArrayLike"
    if isinstance(node, model.Constant):
        return "None" if node.type == "none" else node.type
    if isinstance(node, model.Optional):
        return f"{annotation(node.node, strict)} | None"
    if isinstance(node, model.Dict):
        kinds = {annotation(part.node, strict) for part in node.fields}
        return f"Mapping[str, {kinds.pop() if len(kinds) == 1 else 'Any'}]"
    if isinstance(node, model.List):
        return f"list[{annotation(node.item, strict)}]" if strict else f"Sequence[{annotation(node.item, strict)}]"
    if node.sequence == "list":
        kinds = {annotation(item, strict) for item in node.items}
        return f"{'list' if strict else 'Sequence'}[{kinds.pop() if len(kinds) == 1 else 'Any'}]"
    inner = ", ".join(annotation(item, strict) for item in node.items) or "()"
    return f"tuple[{inner}]"


def result_annotation(contract: model.Contract) -> str:
    """The type of what `deserialize` returns."""
    kinds = [result_type(output.node) for output in contract.outputs]
    return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds) or '()'}]"


def result_type(node: model.Node) -> str:
    """The type of a result."""
    if isinstance(node, model.Dict):
        kinds = {result_type(part.node) for part in node.fields}
        return f"dict[str, {kinds.pop() if len(kinds) == 1 else 'Any'}]"
    if isinstance(node, model.Optional):
        return f"{result_type(node.node)} | None"
    if isinstance(node, model.Tuple) and node.sequence == "list":
        kinds = {result_type(item) for item in node.items}
        return f"list[{kinds.pop() if len(kinds) == 1 else 'Any'}]"
    if isinstance(node, model.Tuple):
        return f"tuple[{', '.join(result_type(item) for item in node.items) or '()'}]"
    if isinstance(node, model.List):
        return f"list[{result_type(node.item)}]"
    return annotation(node, strict=True)


def described_lines(contract: model.Contract, names: dict[str, str]) -> list[str]:
    """One line per tensor and dim, for a docstring: what is accepted."""
    lines: list[str] = []
    for part in contract.inputs:
        lines += node_lines(part.node, names[part.name], part.required)
    for name, dim in contract.dims.items():
        lines.append(f"{safe(name)}: {dim_line(dim)}")
    lines += [f"{expr_line(relation)}" for relation in contract.relations]
    return lines


def output_lines(contract: model.Contract) -> list[str]:
    """One line per tensor of the result."""
    return [line for output in contract.outputs for line in node_lines(output.node, safe(output.name), required=True)]


def node_lines(node: model.Node, code: str, required: bool) -> list[str]:
    """The lines about the tensors below a node."""
    if isinstance(node, model.Tensor):
        shape = ", ".join(safe(str(size)) for size in node.shape)
        values = values_line(node.values) if node.values else ""
        return [f"{code}: {node.dtype}[{shape}]{'' if required else ' or absent'}{values}"]
    if isinstance(node, model.Constant):
        return [f"{code}: always {safe(repr(default(node)))}"]
    if isinstance(node, model.Optional):
        return node_lines(node.node, code, required=False)
    if isinstance(node, model.Dict):
        parts = [
            node_lines(part.node, f"{code}[{safe(repr(part.key))}]", required and part.required) for part in node.fields
        ]
        return [line for lines in parts for line in lines]
    if isinstance(node, model.List):
        return [f"{code}: {safe(str(node.length))} items", *node_lines(node.item, f"{code}[i]", required)]
    return [line for i, item in enumerate(node.items) for line in node_lines(item, f"{code}[{i}]", required)]


def values_line(values: model.Values) -> str:
    """`, finite, 0 to 999`."""
    parts = []
    if values.finite:
        parts.append("finite")
    if values.not_nan:
        parts.append("no NaN")
    if values.min is not None or values.max is not None:
        low = "" if values.min is None else f"{expr_line(values.min)} <= "
        high = "" if values.max is None else f" <= {expr_line(values.max)}"
        parts.append(f"{low}element{high}")
    if values.one_of is not None:
        parts.append(f"one of {', '.join(safe(str(one)) for one in values.one_of[:12])}")
    if values.order is not None:
        parts.append(f"{values.order} along the last axis")
    if values.attained and values.max is not None:
        parts.append(f"the largest is {expr_line(values.max)}")
    if values.each_row is not None:
        parts.append(f"{values.each_row.text} in each row")
    if values.along_last is not None:
        parts.append("a domain per index of the last axis (see SPEC)")
    return "".join(f", {part}" for part in parts)


def dim_line(dim: model.Dim) -> str:
    """`1 to 512, a multiple of 4`."""
    if dim.equals is not None:
        return expr_line(dim.equals)
    text = f"at least {dim.min}" if dim.max is None else f"{dim.min} to {dim.max}"
    return text if dim.multiple_of == 1 else f"{text}, a multiple of {dim.multiple_of}"


def expr_line(expr: model.Bound) -> str:
    """An expression as a person writes it."""
    if not isinstance(expr, tuple):
        return safe(str(expr))
    operator, left, right = expr
    if operator in {"min", "max"}:
        return f"{operator}({expr_line(left)}, {expr_line(right)})"
    sides = [f"({expr_line(side)})" if isinstance(side, tuple) else expr_line(side) for side in (left, right)]
    return f"{sides[0]} {operator} {sides[1]}"


def safe(text: str) -> str:
    """Text that cannot end a docstring or start an escape: printable ASCII without quotes and backslashes doubled."""
    plain = text.encode("ascii", "backslashreplace").decode()
    plain = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in plain)
    return plain.replace("\\", "\\\\").replace('"', "'")
