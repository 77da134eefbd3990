"""Straight-line code that decides whether tensors keep a contract.

It says yes or "not decided": the explaining checker of the runtime runs then and has the last word. So it may leave out
rare constructs, and must never say yes to what the explaining checker refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from contractgen.contract import model
from contractgen.generate.identifiers import identifiers
from contractgen.generate.layout import LINE, Code, condition, group, laid_out, literal, statement
from contractgen.generate.spec_text import bound_text, is_decimal

INDENT = "    "


TAKEN = frozenset(
    {
        *("tensors", "tensor", "count", "np", "DTYPES", "Any", "str", "len", "type", "min", "max", "bool", "dict"),
        *("all_finite", "none_nan", "all_within", "all_among", "all_ordered", "each_row_has", "attains"),
        *(f"{letter}{number}" for letter in "ni" for number in range(40)),
    }
)
"""Names that the function uses itself."""


BROKEN = {"==": "!=", "!=": "==", "<=": ">", "<": ">=", ">": "<=", ">=": "<"}
"""What holds between two sizes where a comparison does not."""


class NotCovered(Exception):
    """The contract holds something that straight-line code does not decide."""


def is_flat(contract: model.Contract) -> bool:
    """Whether each parameter is a tensor that every call has: then `are_valid` takes them as they are."""
    return all(isinstance(part.node, model.Tensor) and part.required for part in contract.inputs)


def check_code(contract: model.Contract) -> str:
    """The function `is_valid`, of tensors by name; where the contract is flat it asks `are_valid`, of the tensors."""
    flat = [
        part.node.wire_name for part in contract.inputs if isinstance(part.node, model.Tensor) and is_flat(contract)
    ]
    variables = identifiers(flat, TAKEN)
    try:
        body = Emitter(contract, variables).body()
    except NotCovered:
        body = ["return False  # the explaining checker decides"]
    doc = '"""Whether the tensors keep the contract: straight-line code that says yes or leaves it to `differences`."""'
    if not is_flat(contract):
        return defined("is_valid", ["tensors: dict[str, Any]"], [doc, *body])
    checks = defined("are_valid", [f"{name}: Any" for name in variables.values()], [doc, *body])
    call: list[Code] = [f"tensors[{literal(name)}]" for name in flat]
    named = [
        '"""`are_valid`, of tensors by name."""',
        "try:",
        *statement(group("are_valid(", call, ")"), 1, f"return len(tensors) == {len(flat)} and "),
        "except KeyError:",
        f"{INDENT}return False",
    ]
    return f"{checks}\n\n\n{defined('is_valid', ['tensors: dict[str, Any]'], named)}"


def defined(name: str, parameters: list[str], body: list[str]) -> str:
    """The text of a function that says whether something is so."""
    head = laid_out(group(f"def {name}(", list(parameters), ")"), after=" -> bool:")
    return "\n".join([head, *(INDENT + line for line in body)])


def free_dims(contract: model.Contract, node: model.Node) -> list[str]:
    """The dims on the axes and lengths below a node, in order, with repeats."""
    if isinstance(node, model.Tensor):
        return [size for size in node.shape if isinstance(size, str)]
    if isinstance(node, model.List):
        own = [node.length] if isinstance(node.length, str) else []
        return own + free_dims(contract, node.item)
    if isinstance(node, model.Optional):
        return free_dims(contract, node.node)
    if isinstance(node, model.Dict):
        return [name for part in node.fields for name in free_dims(contract, part.node)]
    if isinstance(node, model.Tuple):
        return [name for item in node.items for name in free_dims(contract, item)]
    return []


@dataclass
class Emitter:
    """Writes the body of `is_valid`. A dim that is not known yet, or may not be known at all, is held as -1."""

    contract: model.Contract
    variables: dict[str, str]
    """The variable that holds a tensor already, by wire name; others are looked up."""
    lines: list[str] = field(default_factory=list)
    late: list[tuple[str, str, model.Values]] = field(default_factory=list)
    """Domains with bounds over dims: the tensor, its dtype, and the domain."""
    dim_names: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """Dims that are bound on every path."""
    maybe: set[str] = field(default_factory=set)
    """Dims that are bound on some paths, and -1 on others."""
    required: int = 0
    """Tensors that are there on every path."""
    counted: bool = False

    def body(self) -> list[str]:
        """The lines of the function's body."""
        self.dim_names = identifiers(self.contract.dims, TAKEN.union(self.variables.values()))
        for part in self.contract.inputs:
            self.field(part.node, part.required)
        end = self.finish()
        if self.variables or not self.contract.inputs:
            return concluded([*self.lines, *end])
        start = [f"{self.dim_names[name]} = -1" for name in self.contract.dims if name in self.maybe]
        if self.counted:
            return [f"count = {self.required}", *start, *self.lines, *end, "return len(tensors) == count"]
        return [*start, *self.lines, *end, f"return len(tensors) == {self.required}"]

    def field(self, node: model.Node, required: bool, index: tuple[str, ...] = (), depth: int = 0) -> None:
        """A node that is there on every path, or one that may be absent."""
        if isinstance(node, model.Constant):
            return
        if required and not isinstance(node, model.Optional):
            self.node(node, index, depth)
            return
        inner = node.node if isinstance(node, model.Optional) else node
        names = first_names(inner, index)
        if not names:
            raise NotCovered
        self.lines += condition("if", [f"{name} in tensors" for name in names], depth)
        before = len(self.lines)
        self.field(inner, True, index, depth + 1)
        if len(self.lines) == before:
            raise NotCovered

    def node(self, node: model.Node, index: tuple[str, ...], depth: int) -> None:
        """A node that is there."""
        if isinstance(node, model.Tensor):
            self.tensor(node, index, depth)
        elif isinstance(node, model.Dict):
            for part in node.fields:
                self.field(part.node, part.required, index, depth)
        elif isinstance(node, model.Tuple):
            for item in node.items:
                self.field(item, True, index, depth)
        elif isinstance(node, model.List):
            self.sequence(node, index, depth)

    def sequence(self, node: model.List, index: tuple[str, ...], depth: int) -> None:
        """A loop over the items that are there."""
        counter = f"i{len(index)}"
        names = first_names(node.item, (*index, counter))
        if not names or isinstance(node.item, model.Optional):
            raise NotCovered
        self.add(f"{counter} = 0", depth)
        self.lines += condition("while", [f"{name} in tensors" for name in names], depth)
        self.field(node.item, True, (*index, counter), depth + 1)
        self.add(f"{counter} += 1", depth + 1)
        self.sizes([(node.length, counter)], depth)

    def tensor(self, node: model.Tensor, index: tuple[str, ...], depth: int) -> None:
        """The checks of one tensor."""
        tensor = self.variables.get(node.wire_name, "tensor")
        if tensor == "tensor":
            self.add(f"tensor = tensors.get({name_code(node.wire_name, index)})", depth)
        dtype = f"DTYPES[{literal(node.dtype)}]"
        tests = [
            f"type({tensor}) is not np.ndarray",
            f"{tensor}.dtype != {dtype}",
            f"{tensor}.ndim != {len(node.shape)}",
        ]
        self.lines += condition("if", tests, depth)
        self.add("return False", depth + 1)
        if depth == 0:
            self.required += 1
        else:
            self.counted = True
            self.add("count += 1", depth)
        if node.shape:
            targets = [self.target(size, axis, node.shape, depth) for axis, size in enumerate(node.shape)]
            unpacked = f"({targets[0]},)" if len(targets) == 1 else ", ".join(targets)
            self.add(f"{unpacked} = {tensor}.shape", depth)
            self.sizes(list(zip(node.shape, targets, strict=True)), depth)
        self.values(node, tensor, depth)

    def target(self, size: int | str, axis: int, shape: tuple[int | str, ...], depth: int) -> str:
        """Where an axis's size goes: into its dim's variable, where that is bound here for the first time."""
        first = (
            isinstance(size, str) and depth == 0 and size not in self.known | self.maybe and shape.index(size) == axis
        )
        return self.dim_names[size] if isinstance(size, str) and first else f"n{axis}"

    def sizes(self, extents: list[tuple[int | str, str]], depth: int) -> None:
        """Hold sizes against fixed ones and against dims, binding those that come first here."""
        broken: list[str] = []
        unsure: list[tuple[str, str]] = []
        for wanted, size in extents:
            if isinstance(wanted, int):
                broken.append(f"{size} != {wanted}")
            elif wanted in self.known:
                broken.append(f"{size} != {self.dim_names[wanted]}")
            elif depth == 0 and wanted not in self.maybe:
                self.known.add(wanted)
                if size != self.dim_names[wanted]:
                    self.add(f"{self.dim_names[wanted]} = {size}", depth)
                broken += self.bound_tests(wanted)
            else:
                unsure.append((wanted, size))
        if broken:
            self.lines += condition("if", broken, depth)
            self.add("return False", depth + 1)
        for wanted, size in unsure:
            self.maybe.add(wanted)
            variable = self.dim_names[wanted]
            self.add(f"if {variable} < 0:", depth)
            self.add(f"{variable} = {size}", depth + 1)
            self.lines += condition("if", [f"{size} != {variable}", *self.bound_tests(wanted)], depth)
            self.add("return False", depth + 1)

    def bound_tests(self, name: str) -> list[str]:
        """Conditions that hold where a size is out of its dim's bounds."""
        dim, variable = self.contract.dims[name], self.dim_names[name]
        if dim.equals is not None:
            return []
        tests = [f"{variable} < {dim.min}"] if dim.min > 0 else []
        if dim.max is not None:
            tests.append(f"{variable} > {dim.max}")
        if dim.multiple_of != 1:
            tests.append(f"{variable} % {dim.multiple_of}")
        return tests

    def values(self, node: model.Tensor, tensor: str, depth: int) -> None:
        """The checks of the elements, those that depend on dims at the end, where all dims are known."""
        if node.values is None:
            return
        columns = node.values.along_last or ()
        domains = [(tensor, node.values), *((f"{tensor}[..., {i}]", column) for i, column in enumerate(columns))]
        for array, values in domains:
            for test in value_tests(values, node.dtype, array):
                self.lines += statement(test, depth, "if not ", ":")
                self.add("return False", depth + 1)
            if is_over_dims(values.min) or is_over_dims(values.max):
                if depth:
                    raise NotCovered
                again = tensor if tensor in self.variables.values() else f"tensors[{literal(node.wire_name)}]"
                self.late.append((again + array[len(tensor) :], node.dtype, values))

    def finish(self) -> list[str]:
        """Derived dims, relations and bounds over dims, at the end, where all dims are known that ever will be."""
        lines: list[str] = []
        bound = self.known | self.maybe
        for name, dim in self.contract.dims.items():
            if dim.equals is not None and name in bound:
                code, dims = self.expression(dim.equals)
                if dims <= bound:
                    test = f"{self.when_known({*dims, name})}{self.dim_names[name]} != {code}"
                    lines += [f"if {test}:", f"{INDENT}return False"]
        for relation in self.contract.relations:
            if isinstance(relation, tuple):
                (left, first), (right, second) = self.expression(relation[1]), self.expression(relation[2])
                if first | second <= bound:
                    test = f"{self.when_known(first | second)}{left} {BROKEN[relation[0]]} {right}"
                    lines += [f"if {test}:", f"{INDENT}return False"]
        for tensor, dtype, values in self.late:
            for low, high in ((values.min, None), (None, values.max)):
                code, dims = self.bound(low if high is None else high, dtype)
                if code != "None" and dims <= bound:
                    calls = [
                        f"all_within({tensor}, {literal(dtype)}, {f'{code}, None' if high is None else f'None, {code}'})"
                    ]
                    if values.attained and high is not None:
                        calls.append(f"attains({tensor}, {code})")
                    for call in calls:
                        lines += [f"if {self.when_known(dims)}not {call}:", f"{INDENT}return False"]
        return lines

    def bound(self, bound: model.Bound | None, dtype: str) -> tuple[str, set[str]]:
        """The code of a bound of a domain, and the dims it needs."""
        if bound is None:
            return "None", set()
        return self.expression(bound) if is_over_dims(bound) else (bound_text(bound, dtype), set())

    def expression(self, expr: model.Expr) -> tuple[str, set[str]]:
        """The code of an expression over dims that axes bind, derived ones written out; and those dims."""
        if isinstance(expr, int):
            return literal(expr), set()
        if isinstance(expr, str):
            dim = self.contract.dims[expr]
            if dim.equals is None:
                return self.dim_names[expr], {expr}
            code, dims = self.expression(dim.equals)
            bound = self.known | self.maybe
            if dims <= self.known or expr not in bound:
                return code, dims
            if dims <= bound:
                raise NotCovered
            return self.dim_names[expr], {expr}
        operator, left, right = expr
        if operator in {"//", "%"} and not (isinstance(right, int) and right != 0):
            raise NotCovered
        (a, first), (b, second) = self.expression(left), self.expression(right)
        code = f"{operator}({a}, {b})" if operator in {"min", "max"} else f"({a} {operator} {b})"
        return code, first | second

    def when_known(self, dims: set[str]) -> str:
        """A condition in front of another: dims that may be unknown are known."""
        return "".join(f"{self.dim_names[name]} >= 0 and " for name in sorted(dims & self.maybe))

    def add(self, line: str, depth: int) -> None:
        """One line at a depth."""
        self.lines.append(INDENT * depth + line)


def concluded(lines: list[str]) -> list[str]:
    """Lines of tests that each return False, the last of them made into what is returned."""
    start = max((i for i, line in enumerate(lines) if line.startswith("if ")), default=-1)
    if start < 0:
        return ["return True"]
    head, *rest = lines[start:-1]
    if rest:
        head = (
            head.replace("if not ", "return ", 1) if head.startswith("if not ") else head.replace("if ", "return not ")
        )
        return [*lines[:start], head, *rest[:-1], rest[-1].rstrip(":")]
    test = head[len("if ") : -1]
    if test.startswith("not "):
        return [*lines[:start], f"return {test[len('not ') :]}"]
    tests = test.split(" or ")
    if len(tests) == 1:
        left, operator, right = re.split(r" (==|!=|<=|>=|<|>) ", test, maxsplit=1)
        return [*lines[:start], f"return {left} {BROKEN[operator]} {right}"]
    line = f"return not ({test})"
    if len(line) + len(INDENT) > LINE:
        inner = [INDENT + tests[0], *(f"{INDENT}or {one}" for one in tests[1:])]
        return [*lines[:start], "return not (", *inner, ")"]
    return [*lines[:start], line]


def first_names(node: model.Node, index: tuple[str, ...]) -> list[str]:
    """The names of the tensors that show that something of a node came."""
    if isinstance(node, model.Tensor):
        return [name_code(node.wire_name, index)]
    if isinstance(node, model.Optional):
        return first_names(node.node, index)
    if isinstance(node, model.List):
        return first_names(node.item, (*index, "0"))
    if isinstance(node, model.Dict):
        return [name for part in node.fields for name in first_names(part.node, index)]
    if isinstance(node, model.Tuple):
        return [name for item in node.items for name in first_names(item, index)]
    return []


def name_code(wire_name: str, index: tuple[str, ...]) -> str:
    """The expression for a tensor's name, with the indices of the lists that it is in."""
    first, *rest = wire_name.split("*", len(index)) if index else [wire_name]
    parts = [literal(first)]
    for i, text in zip(index, rest, strict=True):
        parts += [f"str({i})", *([literal(text)] if text else [])]
    return " + ".join(parts)


def is_over_dims(bound: model.Bound | None) -> bool:
    """Whether a bound depends on sizes."""
    return isinstance(bound, tuple) or (isinstance(bound, str) and not is_decimal(bound))


def value_tests(values: model.Values, dtype: str, array: str) -> list[Code]:
    """Calls that hold where the elements are in a domain; bounds over dims are left out."""
    tests: list[Code] = []
    is_float = "float" in dtype or "complex" in dtype
    if values.finite and is_float:
        tests.append(f"all_finite({array}, {literal(dtype)})")
    elif values.not_nan and is_float:
        tests.append(f"none_nan({array}, {literal(dtype)})")
    bounds = (values.min, values.max)
    if bounds != (None, None) and not any(is_over_dims(bound) for bound in bounds):
        low, high = ("None" if bound is None else bound_text(bound, dtype) for bound in bounds)
        tests.append(f"all_within({array}, {literal(dtype)}, {low}, {high})")
    if values.one_of is not None:
        options = group("(", [bound_text(one, dtype) for one in values.one_of], ")")
        tests.append(group("all_among(", [array, literal(dtype), options], ")"))
    if values.order is not None:
        tests.append(f"all_ordered({array}, {literal(dtype)}, {literal(values.order)})")
    needs = values.each_row
    if needs is not None:
        tests.append(f"each_row_has({array}, {literal(dtype)}, {literal(needs.kind)}, {needs.least})")
    return tests
