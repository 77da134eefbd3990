"""From plain JSON data to a `Contract`: structure and types; what members say together is looked at by `checks`."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

from contractgen.contract.model import (
    FORMAT,
    Constant,
    Contract,
    Dict,
    Dim,
    DType,
    EachRow,
    Evidence,
    Field,
    List,
    Node,
    Optional,
    Output,
    Parameter,
    ParameterKind,
    Scalar,
    Source,
    Tensor,
    Tuple,
    Values,
)
from contractgen.contract.parsing import ContractError
from contractgen.contract.reading import IDENTIFIER, Reader, read_bound, read_expr, read_literal, read_size

Order: TypeAlias = Literal["ascending", "descending"]

_SHA256: Final = r"sha256:[0-9a-f]{64}"
_CONSTANTS: Final[dict[str, type]] = {"bool": bool, "int": int, "float": str, "str": str, "none": type(None)}


def from_json(data: object) -> Contract:
    """The contract that plain JSON data holds. Raises `ContractError`."""
    top = Reader(data, "$", "a contract")
    if top.text("format") != FORMAT:
        raise ContractError("$.format", f"is not {FORMAT!r}, the only format that this version reads")
    model = Reader(top.member("model"), "$.model", "the model's name")
    name, description = model.text("name"), model.optional_text("description")
    model.done()
    contract = Contract(
        name=name,
        inputs=tuple(_parameter(part) for part in top.readers("inputs", "a parameter")),
        outputs=tuple(_output(part) for part in top.readers("outputs", "an output")),
        dims={part.key: _dim(part) for part in top.named("dims", IDENTIFIER, "a dim")},
        relations=tuple(read_expr(item, path) for path, item in top.items("relations", default=())),
        evidence=tuple(_evidence(part) for part in top.readers("evidence", "an evidence", default=())),
        fingerprint=top.optional_text("fingerprint", pattern=_SHA256) or "",
        description=description,
        extensions=top.extensions(),
    )
    if not contract.outputs:
        raise ContractError("$.outputs", "is empty; a model that returns nothing has nothing to serve")
    top.done()
    return contract


def _dim(part: Reader) -> Dim:
    role = part.optional_text("role", pattern=IDENTIFIER)
    if "equals" in part.data:
        dim = Dim(role=role, equals=read_expr(part.member("equals"), f"{part.path}.equals"))
        part.done(", beside which bounds have no place")
        return dim
    dim = Dim(
        min=part.integer("min", default=1, least=0),
        max=part.optional_integer("max", least=0),
        multiple_of=part.integer("multiple_of", default=1, least=1),
        role=role,
    )
    part.done()
    return dim


def _parameter(part: Reader) -> Parameter:
    kind: ParameterKind = part.choice("kind", get_args(ParameterKind), default="positional")
    parameter = Parameter(
        part.text("name"), _node(part.reader("node", "a node")), kind, part.flag("required", default=True)
    )
    part.done()
    return parameter


def _output(part: Reader) -> Output:
    output = Output(part.text("name"), _node(part.reader("node", "a node")))
    part.done()
    return output


def _node(part: Reader) -> Node:
    node: Node
    kind = part.choice("type", ("tensor", "dict", "list", "tuple", "optional", "constant"))
    if kind == "tensor":
        node = _tensor(part)
    elif kind == "dict":
        node = Dict(tuple(_field(field) for field in part.readers("fields", "a field")))
    elif kind == "tuple" or (kind == "list" and "items" in part.data):
        node = Tuple(
            tuple(_node(item) for item in part.readers("items", "a node")), "list" if kind == "list" else "tuple"
        )
        part.done(", whose items have nodes of their own")
    elif kind == "list":
        length = read_size(part.member("length"), f"{part.path}.length")
        node = List(_node(part.reader("item", "a node")), length)
    elif kind == "optional":
        node = Optional(_node(part.reader("node", "a node")))
    else:
        node = _constant(part)
    part.done()
    return node


def _field(part: Reader) -> Field:
    field = Field(part.text("key"), _node(part.reader("node", "a node")), part.flag("required", default=True))
    part.done()
    return field


def _tensor(part: Reader) -> Tensor:
    dtype: DType = part.choice("dtype", get_args(DType))
    shape = tuple(read_size(item, path) for path, item in part.items("shape"))
    values = part.data.get("values")
    part.used.add("values")
    path = f"{part.path}.values"
    return Tensor(part.text("wire_name"), dtype, shape, None if values is None else _values(values, path, nested=False))


def _values(data: object, path: str, *, nested: bool) -> Values:
    if data is None:
        return Values()
    part = Reader(data, path, "a value domain")
    if not part.data:
        raise ContractError(path, "claims nothing; write null where every value is accepted")
    low, high = (
        read_bound(part.member(name), f"{path}.{name}") if name in part.data else None for name in ("min", "max")
    )
    one_of = None
    if "one_of" in part.data:
        one_of = tuple(read_literal(item, at) for at, item in part.items("one_of"))
        if not one_of:
            raise ContractError(f"{path}.one_of", "is empty, so that no value would be accepted")
    finite, not_nan = (part.flag(name, default=False) for name in ("finite", "not_nan"))
    order: Order | None = part.choice("order", get_args(Order)) if "order" in part.data else None
    attained = part.flag("attained", default=False)
    each_row = _each_row(part.reader("each_row", "what each row has")) if "each_row" in part.data else None
    columns = None
    if not nested and "along_last" in part.data:
        columns = tuple(_values(item, at, nested=True) for at, item in part.items("along_last"))
    part.done()
    return Values(low, high, one_of, finite, not_nan, order, attained, each_row, columns)


def _each_row(part: Reader) -> EachRow:
    counts = {
        "nonzero": part.optional_integer("min_nonzero", least=1),
        "zero": part.optional_integer("min_zero", least=1),
    }
    part.done()
    found: list[EachRow] = [EachRow(kind, least) for kind, least in counts.items() if least is not None]  # type: ignore[arg-type]
    if len(found) != 1:
        raise ContractError(part.path, "needs one of min_nonzero and min_zero")
    return found[0]


def _constant(part: Reader) -> Constant:
    kind: Any = part.choice("value_type", tuple(_CONSTANTS))
    value: Scalar = part.scalar("value")
    if type(value) is not _CONSTANTS[kind]:
        wanted = {"float": "a decimal string", "none": "null"}.get(kind, f"a {kind}")
        raise ContractError(f"{part.path}.value", f"is not {wanted}, which the value_type {kind!r} asks for")
    if kind == "float":
        read_literal(value, f"{part.path}.value", infinite=True)
    return Constant(value, kind)


def _evidence(part: Reader) -> Evidence:
    source: Source = part.choice("source", get_args(Source))
    evidence = Evidence(part.text("about"), part.text("property"), source, part.text("detail"))
    part.done()
    return evidence
