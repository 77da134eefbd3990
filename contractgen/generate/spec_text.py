"""The contract as the literal that generated files carry."""

from __future__ import annotations

import struct
from decimal import Decimal

from contractgen.contract import model
from contractgen.generate.layout import Code, group, keyword, laid_out, literal


def spec_text(contract: model.Contract) -> str:
    """The text of `SPEC`."""
    dims: list[Code] = [f"{literal(name)}: {dim_text(dim)}" for name, dim in contract.dims.items()]
    relations: list[Code] = [expr_text(one) for one in contract.relations]
    inputs = [field(part.name, part.node, part.required) for part in contract.inputs]
    outputs = [field(part.name, part.node, required=True) for part in contract.outputs]
    members: list[Code] = [
        f"model={literal(contract.name)}",
        "contract=CONTRACT",
        keyword("dims", group("{", dims, "}")),
        *([keyword("relations", group("(", relations, ")"))] if relations else []),
        keyword("inputs", group("Dict(", [group("(", inputs, ")")], ")")),
        keyword("outputs", group("Dict(", [group("(", outputs, ")")], ")")),
    ]
    return laid_out(group("Spec(", members, ")"), before="SPEC = ")


def dim_text(dim: model.Dim) -> str:
    """`Dim(max=512)`."""
    if dim.equals is not None:
        return f"Dim(equals={expr_text(dim.equals)})"
    parts = []
    if dim.min != 1:
        parts.append(f"min={literal(dim.min)}")
    if dim.max is not None:
        parts.append(f"max={literal(dim.max)}")
    if dim.multiple_of != 1:
        parts.append(f"multiple_of={literal(dim.multiple_of)}")
    return f"Dim({', '.join(parts)})"


def expr_text(expr: model.Expr) -> str:
    """An expression as nested tuples."""
    if isinstance(expr, tuple):
        return f"({literal(expr[0])}, {expr_text(expr[1])}, {expr_text(expr[2])})"
    return literal(expr)


def field(key: str, node: model.Node, required: bool) -> Code:
    """`Field('ids', Tensor(...))`."""
    return group("Field(", [literal(key), node_code(node), *([] if required else ["required=False"])], ")")


def node_code(node: model.Node) -> Code:
    """The literal of a node."""
    if isinstance(node, model.Tensor):
        values = [values_code(node.values, node.dtype)] if node.values else []
        return group("Tensor(", [literal(node.wire_name), literal(node.dtype), literal(node.shape), *values], ")")
    if isinstance(node, model.Constant):
        return f"Constant({literal(constant_value(node))})"
    if isinstance(node, model.Optional):
        return group("Optional(", [node_code(node.node)], ")")
    if isinstance(node, model.List):
        return group("List(", [node_code(node.item), literal(node.length)], ")")
    if isinstance(node, model.Tuple):
        kind = [] if node.sequence == "tuple" else [f"sequence={literal(node.sequence)}"]
        return group("Tuple(", [group("(", [node_code(item) for item in node.items], ")"), *kind], ")")
    fields = [field(part.key, part.node, part.required) for part in node.fields]
    return group("Dict(", [group("(", fields, ")")], ")")


def constant_value(node: model.Constant) -> object:
    """The Python value of a constant."""
    return float(str(node.value)) if node.type == "float" else node.value


def values_code(values: model.Values, dtype: str) -> Code:
    """`Values(min=0, max=999)`."""
    parts: list[Code] = []
    for name, bound in (("min", values.min), ("max", values.max)):
        if bound is not None:
            parts.append(f"{name}={bound_text(bound, dtype)}")
    if values.one_of is not None:
        parts.append(keyword("one_of", group("(", [bound_text(one, dtype) for one in values.one_of], ")")))
    parts += [f"{name}=True" for name in ("finite", "not_nan") if getattr(values, name)]
    if values.order is not None:
        parts.append(f"order={literal(values.order)}")
    if values.attained:
        parts.append("attained=True")
    if values.each_row is not None:
        parts.append(f"each_row={literal((values.each_row.kind, values.each_row.least))}")
    if values.along_last is not None:
        columns = [values_code(one, dtype) for one in values.along_last]
        parts.append(keyword("along_last", group("(", columns, ")")))
    return group("Values(", parts, ")")


def bound_text(bound: model.Bound, dtype: str) -> str:
    """A bound as an expression, or as the number of the tensor's dtype that is nearest to it."""
    if isinstance(bound, tuple) or (isinstance(bound, str) and not is_decimal(bound)):
        return expr_text(bound)
    exact = Decimal(str(bound))
    if "float" in dtype or "complex" in dtype:
        return literal(rounded(float(exact), dtype))
    return literal(int(exact) if exact == exact.to_integral_value() else float(exact))


def is_decimal(text: str) -> bool:
    """Whether a bound's text is a number, not the name of a dim."""
    return text[:1] in set("-0123456789")


def rounded(number: float, dtype: str) -> float:
    """The number of a float dtype that is nearest; beyond its largest it stays what it was."""
    code = {"float16": "e", "float32": "f", "complex64": "f", "bfloat16": "f"}.get(dtype, "d")
    try:
        (nearest,) = struct.unpack(f"<{code}", struct.pack(f"<{code}", number))
    except OverflowError:
        return number
    if dtype == "bfloat16":
        (bits,) = struct.unpack("<I", struct.pack("<f", nearest))
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        (nearest,) = struct.unpack("<f", struct.pack("<I", bits))
    return float(nearest)
